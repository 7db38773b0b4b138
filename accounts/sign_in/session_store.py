"""Sessions of which the database holds a digest of the key alone: whoever reads the table can use no session."""

import hashlib
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.utils import timezone
from qsessions.backends.db import SessionStore as _StoreWithKeys

if TYPE_CHECKING:
    from qsessions.models import Session

# As many hexadecimal digits as the column takes, which are 160 bits.
_DIGITS = 40


def stored_key(key: str) -> str:
    """What the database holds of a session's key, which is in the cookie only."""
    return hashlib.sha256(key.encode()).hexdigest()[:_DIGITS]


class SessionStore(_StoreWithKeys):  # type: ignore[misc]
    """Every method that names a row by its key names it by the digest."""

    def exists(self, session_key: str) -> bool:
        return bool(super().exists(stored_key(session_key)))

    async def aexists(self, session_key: str) -> bool:
        return bool(await super().aexists(stored_key(session_key)))

    def create_model_instance(self, data: dict[str, object]) -> "Session":
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    async def acreate_model_instance(self, data: dict[str, object]) -> "Session":
        return await sync_to_async(self.create_model_instance)(data)

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            super().delete(stored_key(key))

    async def adelete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            await super().adelete(stored_key(key))

    def _get_session_from_db(self) -> "Session | None":
        found: Session | None = self.model.objects.filter(
            session_key=stored_key(self.session_key), expire_date__gt=timezone.now()
        ).first()
        if found is None:
            self._session_key = None
        return found

    async def _aget_session_from_db(self) -> "Session | None":
        return await sync_to_async(self._get_session_from_db)()
