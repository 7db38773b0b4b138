"""The one form in which an e-mail address is stored and compared, character by character.

Databases and libraries fold letters in different ways: PostgreSQL's UPPER makes an I of U+0131 (dotless i), so a
look-up that ignores case finds `bill@initech.example` for `bill@ınitech.example`, which is somebody else's domain. So
an address is brought into this form where it enters, and nothing but the form is ever compared:

- before the @: ASCII letters in lower case, digits and the characters that need no quotes (RFC 5322, dot-atom).
  Quoted parts and letters outside ASCII are refused. `a+b@` and `a.b@` stay what they are.
- after the @: a domain of two labels or more in lower case; internationalized labels as their A-label (`xn--…`) by
  IDNA 2008 without mapping, so that full-width letters, the Kelvin sign and the like are refused, not converted.
"""

import re
from typing import Any, Final

import idna
from django import forms
from django.core.exceptions import ValidationError
from django.db import models

MAX_LENGTH: Final = 254
_MAX_LOCAL_LENGTH: Final = 64
_ATOM: Final = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*", re.ASCII)
# What PostgreSQL checks of it: the form's characters, and no more than one @.
CHARACTERS: Final = r"^[a-z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$"

# No mail can ever be sent there (RFC 6761), so nobody can prove to have such an address.
SERVICE_ACCOUNT_DOMAIN: Final = "@service-account.invalid"
_NOT_ONE: Final = "Enter an e-mail address such as name@example.com, with plain letters before the @."


def normalized(text: str) -> str:
    """The one form of an address. Raises ValidationError for what is none, or has no such form."""
    local, _, domain = text.strip(" \t\r\n").rpartition("@")
    if not local.isascii() or len(local) > _MAX_LOCAL_LENGTH or not _LOCAL.fullmatch(local.lower()):
        raise ValidationError(_NOT_ONE, code="invalid")
    address = f"{local.lower()}@{normalized_domain(domain)}"
    if len(address) > MAX_LENGTH:
        raise ValidationError(_NOT_ONE, code="invalid")
    return address


def of_a_person(text: str) -> str:
    """The one form of an address that a person may have. Raises ValidationError."""
    address = normalized(text)
    if address.endswith(SERVICE_ACCOUNT_DOMAIN):
        raise ValidationError("Addresses at that domain belong to service accounts; enter a person's.", code="invalid")
    return address


def normalized_domain(domain: str) -> str:
    """The one form of a domain. Raises ValidationError."""
    labels = domain.split(".")
    try:
        # Lower case of ASCII alone: Python's makes a plain k of the Kelvin sign.
        found = [idna.alabel(label.lower() if label.isascii() else label).decode() for label in labels]
    except idna.IDNAError:
        raise ValidationError(_NOT_ONE, code="invalid") from None
    if len(found) < 2:
        raise ValidationError(_NOT_ONE, code="invalid")
    return ".".join(found)


def normalized_or_none(text: object) -> str | None:
    """The one form of an address, for look-ups: what has none belongs to nobody."""
    try:
        return normalized(text) if isinstance(text, str) else None
    except ValidationError:
        return None


class EmailAddressFormField(forms.EmailField):
    """A field of a form that gives the one form of what is typed."""

    def to_python(self, value: object) -> str:
        typed = super().to_python(value)
        return of_a_person(typed) if typed else ""


class EmailAddressField(models.EmailField):  # type: ignore[type-arg]  # Django has no generic one at run time
    """A column that holds the one form of an address, whoever writes it."""

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        return super().clean(of_a_person(value) if value else value, model_instance)

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Raises ValidationError, as the last of the doors before the constraint in the database."""
        address = normalized(getattr(model_instance, self.attname))
        setattr(model_instance, self.attname, address)
        return address

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": EmailAddressFormField, **kwargs})
