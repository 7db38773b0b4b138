"""Authenticator apps, passkeys and recovery codes of a person: the only writer of their tables.

Recovery codes belong to a device: they end with the last one. Whatever ends a device also ends the person's other
sessions, since one of them may have passed its second step with it.
"""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.crypto import constant_time_compare
from django_otp_webauthn.models import WebAuthnCredential, WebAuthnUserHandle

from accounts import audit_trail
from accounts.errors import UndecryptableToken
from accounts.models import AuthenticatorApp, RecoveryCode, User
from accounts.people import sessions
from accounts.people.security_notices import Notice, notify
from accounts.sign_in.second_step import one_time_codes

MAX_NAME: Final = 64
# More than anybody uses; a list without an end would be slow to check.
MAX_DEVICES: Final = 20
CODES: Final = 10
# Without letters and digits that look alike; 16 of them are 78 bits.
_CODE_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_CODE_LENGTH: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One second step as its owner sees it; `id` says which kind it is, too."""

    id: str
    kind: str
    name: str
    added_at: datetime | None
    last_used_at: datetime | None


def devices_of(person: User) -> list[Device]:
    """The confirmed ones, first the oldest."""
    apps = AuthenticatorApp.objects.filter(user=person).exclude(confirmed_at=None).defer("secret")
    found = [
        *(_device("app", "Authenticator app", app, app.confirmed_at) for app in apps),
        *(_device("passkey", "Passkey", key, key.created_at) for key in WebAuthnCredential.objects.filter(user=person)),
    ]
    return sorted(found, key=lambda device: (device.added_at is None, device.added_at, device.id))


def _device(prefix: str, kind: str, row: AuthenticatorApp | WebAuthnCredential, added_at: datetime | None) -> Device:
    return Device(
        id=f"{prefix}-{row.pk}", kind=kind, name=row.name or kind, added_at=added_at, last_used_at=row.last_used_at
    )


def codes_left(person: User) -> int:
    """How many recovery codes are unused."""
    return RecoveryCode.objects.filter(user=person).count()


def has_room(person: User) -> bool:
    """Whether the person may add another device."""
    return len(devices_of(person)) < MAX_DEVICES


# --- Authenticator apps ---


@transaction.atomic
def begin_app(person: User, *, name: str, now: datetime) -> AuthenticatorApp:
    """A pending app with a new secret, in place of an earlier pending one."""
    lock(person)
    AuthenticatorApp.objects.filter(user=person, confirmed_at=None).delete()
    secret = one_time_codes.new_secret()
    return AuthenticatorApp.objects.create(user=person, name=name[:MAX_NAME], secret=secret, created_at=now)


def pending_app(person: User) -> AuthenticatorApp | None:
    return AuthenticatorApp.objects.filter(user=person, confirmed_at=None).first()


@transaction.atomic
def confirm_app(person: User, code: str, *, now: datetime) -> bool:
    """Whether the pending app gave this code; from then on it is a second step."""
    lock(person)
    app = pending_app(person)
    step = one_time_codes.matching_step(str(app.secret), code, after=app.last_step, now=now) if app else None
    if app is None or step is None:
        return False
    app.last_step, app.confirmed_at, app.last_used_at = step, now, now
    app.save(update_fields=["last_step", "confirmed_at", "last_used_at"])
    record_added(person, app.name, now=now)
    return True


@transaction.atomic
def app_that_gave(person: User, code: str, *, now: datetime) -> str | None:
    """The name of the app that gave this code, which does not work again; None if none did."""
    apps = AuthenticatorApp.objects.select_for_update().filter(user=person).exclude(confirmed_at=None)
    for app in apps.order_by("pk"):
        step = one_time_codes.matching_step(str(app.secret), code, after=app.last_step, now=now)
        if step is not None:
            app.last_step, app.last_used_at = step, now
            app.save(update_fields=["last_step", "last_used_at"])
            return app.name
    return None


def record_added(person: User, name: str, *, now: datetime) -> None:
    """A new device can be used; in the transaction that stores it."""
    User.objects.filter(pk=person.pk, second_step_since=None).update(second_step_since=now)
    person.second_step_since = person.second_step_since or now
    audit_trail.record("second_step_added", actor=person, device=name)
    notify(person, Notice.SECOND_STEP_ADDED, name=name)


# --- Recovery codes ---


@transaction.atomic
def replace_codes(person: User, *, now: datetime) -> list[str]:
    """New recovery codes, which nobody can read again; the earlier ones end."""
    lock(person)
    RecoveryCode.objects.filter(user=person).delete()
    codes = ["".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH)) for _ in range(CODES)]
    RecoveryCode.objects.bulk_create(_code_row(person, code, now=now) for code in codes)
    audit_trail.record("recovery_codes_created", actor=person, codes=len(codes))
    return ["-".join(code[at : at + 4] for at in range(0, _CODE_LENGTH, 4)) for code in codes]


@transaction.atomic
def use_recovery_code(person: User, code: str) -> bool:
    """Whether this was an unused recovery code; it does not work again."""
    wanted = code.lower().replace("-", "").replace(" ", "")
    if len(wanted) != _CODE_LENGTH or not wanted.isascii():
        return False
    rows = RecoveryCode.objects.select_for_update().filter(user=person)
    used = [row for row in rows if constant_time_compare(row.digest, _digest(row.salt, wanted))]
    for row in used:
        row.delete()
    if used:
        notify(person, Notice.RECOVERY_CODE_USED, left=str(codes_left(person)))
    return bool(used)


def _code_row(person: User, code: str, *, now: datetime) -> RecoveryCode:
    salt = secrets.token_hex(16)
    return RecoveryCode(user=person, salt=salt, digest=_digest(salt, code), created_at=now)


def _digest(salt: str, code: str) -> str:
    return hashlib.sha256(f"{salt}:{code}".encode()).hexdigest()


# --- Ending ---


@transaction.atomic
def remove(person: User, device_id: str, *, session_key: str | None) -> Device | None:
    """Remove one device; with the last one the recovery codes end. None if there is no such device."""
    lock(person)
    gone = next((device for device in devices_of(person) if device.id == device_id), None)
    if gone is None:
        return None
    for row in _rows(person, gone):
        row.delete()
    audit_trail.record("second_step_removed", actor=person, device=gone.name)
    notify(person, Notice.SECOND_STEP_REMOVED, name=gone.name)
    if not devices_of(person):
        _forget_all(person)
    sessions.forget_all(person, exclude_key=session_key)
    return gone


@transaction.atomic
def reset(person: User, *, actor: User | None, by: str) -> int:
    """Remove every device and recovery code of a person and end their sessions; returns how many devices."""
    lock(person)
    devices = devices_of(person)
    _forget_all(person)
    sessions.forget_all(person)
    audit_trail.record("second_step_reset", actor=actor, user_email=person.email, devices=len(devices), by=by)
    for device in devices:
        notify(person, Notice.SECOND_STEP_REMOVED, name=device.name)
    return len(devices)


def _forget_all(person: User) -> None:
    AuthenticatorApp.objects.filter(user=person).delete()
    WebAuthnCredential.objects.filter(user=person).delete()
    WebAuthnUserHandle.objects.filter(user=person).delete()
    RecoveryCode.objects.filter(user=person).delete()
    User.objects.filter(pk=person.pk).update(second_step_since=None)
    person.second_step_since = None


def _rows(person: User, device: Device) -> Iterator[AuthenticatorApp | WebAuthnCredential]:
    prefix, _, number = device.id.partition("-")
    model = AuthenticatorApp if prefix == "app" else WebAuthnCredential
    yield from model.objects.filter(user=person, pk=number)


def lock(person: User) -> None:
    """Until the transaction ends, nobody else checks a code of this person or changes their devices."""
    User.objects.select_for_update().get(pk=person.pk)


# --- Encryption keys ---


def reencrypt() -> tuple[int, list[int]]:
    """Encrypt the secrets of all apps with the first key; returns how many, and the ids of those no key opens."""
    done, failed = 0, []
    for app_id in AuthenticatorApp.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            try:
                app = AuthenticatorApp.objects.select_for_update().filter(pk=app_id).first()
            except UndecryptableToken:
                failed.append(app_id)
                continue
            if app:
                app.save(update_fields=["secret"])
                done += 1
    return done, failed
