"""Passkeys and security keys (WebAuthn): the options that a browser needs, and the check of what it sends back.

The challenge of a ceremony is in the session, is used once, and ends after five minutes.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.http import HttpRequest
from django_otp_webauthn.helpers import WebAuthnHelper
from django_otp_webauthn.models import WebAuthnCredential
from webauthn.helpers.structs import UserVerificationRequirement

from accounts.errors import PasskeyRefused
from accounts.models import User
from accounts.sign_in.second_step import devices

log = logging.getLogger(__name__)

_SECONDS: Final = 300
_REGISTRATION: Final = "passkey_registration"
_USE: Final = "passkey_use"
# A browser's response has a few kilobytes.
MAX_BYTES: Final = 50_000

_STALE = "This took too long or was started elsewhere; try again."
_NOT_ACCEPTED = "This passkey was not accepted; try again, or use another way."
_KNOWN = "This passkey is registered already."
_FULL = "You have as many devices as possible here; remove one first."

Json = dict[str, object]


class Ceremonies(WebAuthnHelper):  # type: ignore[misc]
    """What differs from the library: no attestation is kept, and the device asks for a PIN or a finger if it can."""

    def create_attestation(self, *_: object, **__: object) -> None:
        """Nothing here depends on who made a device."""

    def get_generate_authentication_options_kwargs(self, **kwargs: object) -> Json:
        options: Json = super().get_generate_authentication_options_kwargs(**kwargs)
        return options | {"user_verification": UserVerificationRequirement.PREFERRED}


def are_possible(request: HttpRequest) -> bool:
    """Whether a browser would let a page at this address use passkeys."""
    return f"{request.scheme}://{request.get_host()}" in settings.OTP_WEBAUTHN_ALLOWED_ORIGINS


def has_any(person: User) -> bool:
    return bool(WebAuthnCredential.objects.filter(user=person).exists())


def begin_registration(request: HttpRequest, person: User) -> Json:
    """What the browser needs to make a passkey."""
    options, state = Ceremonies(request).register_begin(person)
    return _begun(request, _REGISTRATION, options, state)


def complete_registration(request: HttpRequest, person: User, sent: Mapping[str, object], *, now: datetime) -> str:
    """Store the passkey that the browser made; returns its name. Raises PasskeyRefused."""
    state = _state(request, _REGISTRATION)
    credential = _credential(sent)
    name = str(sent.get("name") or "").replace("\0", "").strip()[: devices.MAX_NAME] or "Passkey"
    try:
        with transaction.atomic():
            if not devices.has_room(person):
                raise PasskeyRefused(_FULL)
            passkey = _checked(lambda: Ceremonies(request).register_complete(person, state, credential))
            passkey.name = name
            passkey.save(update_fields=["name"])
            devices.record_added(person, name, now=now)
    except IntegrityError:
        raise PasskeyRefused(_KNOWN) from None
    return name


def begin_use(request: HttpRequest, person: User) -> Json:
    """What the browser needs to use one of the person's passkeys."""
    options, state = Ceremonies(request).authenticate_begin(person, require_user_verification=False)
    return _begun(request, _USE, options, state)


def complete_use(request: HttpRequest, person: User, sent: Mapping[str, object]) -> str:
    """The name of the person's passkey that signed the challenge. Raises PasskeyRefused."""
    state = _state(request, _USE)
    credential = _credential(sent)
    passkey = _checked(lambda: Ceremonies(request).authenticate_complete(person, state, credential))
    if not passkey.confirmed:
        raise PasskeyRefused(_NOT_ACCEPTED)
    return passkey.name or "Passkey"


def _begun(request: HttpRequest, key: str, options: Json, state: Json) -> Json:
    request.session[key] = {"state": state, "ends_at": time.time() + _SECONDS}
    return options


def _state(request: HttpRequest, key: str) -> Json:
    """Of the ceremony that this session began; gone from the session before anything is checked."""
    begun = request.session.pop(key, None)
    request.session.save()
    if not begun or begun["ends_at"] < time.time():
        raise PasskeyRefused(_STALE)
    state: Json = begun["state"]
    return state


def _checked(check: Callable[[], WebAuthnCredential]) -> WebAuthnCredential:
    """What the library makes of a browser's response; bytes that it cannot read are refused like a wrong signature."""
    try:
        return check()  # CBOR, keys and certificates of a stranger's choice raise anything
    except DatabaseError:
        raise
    except Exception as error:
        log.info("A passkey was not accepted: %s", type(error).__name__)
        raise PasskeyRefused(_NOT_ACCEPTED) from None


def _credential(sent: Mapping[str, object]) -> Json:
    """What the browser made, without the hints of its extensions, which the library reads unchecked."""
    credential = sent.get("credential")
    if not isinstance(credential, dict):
        raise PasskeyRefused(_NOT_ACCEPTED)
    return {name: value for name, value in credential.items() if name != "clientExtensionResults"}
