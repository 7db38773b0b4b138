"""Text that is encrypted in the database and plain in Python.

Keys come from `FIELD_ENCRYPTION_KEYS`: the first encrypts, every one decrypts, so keys can be rotated.
"""

from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from accounts.errors import UndecryptableToken

if TYPE_CHECKING:
    _TextField = models.TextField[str | None, str | None]
else:
    _TextField = models.TextField


class EncryptedTextField(_TextField):
    """A text column of Fernet tokens; not searchable."""

    def get_prep_value(self, value: object) -> str | None:
        return None if value is None else _cipher().encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str | None:
        if value is None:
            return None
        try:
            return _cipher().decrypt(value.encode()).decode()
        except InvalidToken:
            raise UndecryptableToken(
                "A stored LinkedIn token cannot be decrypted; put the key it was encrypted with back into "
                "FIELD_ENCRYPTION_KEYS, or connect LinkedIn again."
            ) from None


def _cipher() -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])
    except ValueError:
        raise ImproperlyConfigured(
            "FIELD_ENCRYPTION_KEYS contains something that is not a Fernet key; make one with "
            "`python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'`."
        ) from None
