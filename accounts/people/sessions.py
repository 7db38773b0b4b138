"""The browsers a person is signed in with, and how their sessions end."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from qsessions.models import Session

from accounts import audit_trail
from accounts.models import User
from accounts.sign_in.session_store import stored_key


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInBrowser:
    """One session as its owner sees it; `id` identifies it without being its key."""

    id: str
    device: str
    ip: str | None
    signed_in_at: datetime | None
    used_at: datetime
    is_this_one: bool


def signed_in_browsers(person: User, *, this_key: str | None, now: datetime) -> list[SignedInBrowser]:
    """The active sessions of a person, this one first, then the most recently used."""
    this_stored = stored_key(this_key) if this_key else None
    found = [
        SignedInBrowser(
            id=_id_of(session),
            device=device_of(session),
            ip=session.ip,
            signed_in_at=session.created_at,
            used_at=session.updated_at,
            is_this_one=session.session_key == this_stored,
        )
        for session in _sessions(person).filter(expire_date__gt=now).order_by("-updated_at")
    ]
    return sorted(found, key=lambda browser: not browser.is_this_one)


def prune(*, now: datetime) -> int:
    """Remove sessions that have expired; returns how many."""
    removed, _ = Session.objects.filter(expire_date__lt=now).delete()
    return int(removed)


@transaction.atomic
def end(person: User, session_id: str, *, actor: User) -> bool:
    """End one session of a person; returns whether there was one."""
    for session in _matching(person, session_id):
        session.delete()
        audit_trail.record("session_ended", actor=actor, user_email=person.email, sessions=1)
        return True
    return False


@transaction.atomic
def end_all(person: User, *, actor: User | None, exclude_key: str | None = None) -> int:
    """End every session of a person, or all but one; returns how many. API tokens stay valid."""
    ended = forget_all(person, exclude_key=exclude_key)
    if ended:
        audit_trail.record("session_ended", actor=actor, user_email=person.email, sessions=ended)
    return ended


def forget_all(person: User, *, exclude_key: str | None = None) -> int:
    """End sessions as part of an action that is itself recorded, such as a new password; returns how many."""
    kept = [stored_key(exclude_key)] if exclude_key else []
    ended, _ = _sessions(person).exclude(session_key__in=kept).delete()
    return int(ended)


def _sessions(person: User) -> QuerySet[Session]:
    found: QuerySet[Session] = Session.objects.filter(user=person.pk)
    return found


def _matching(person: User, session_id: str) -> Iterator[Session]:
    return (session for session in _sessions(person) if _id_of(session) == session_id)


def _id_of(session: Session) -> str:
    return hashlib.sha256(session.session_key.encode()).hexdigest()[:32]


def device_of(session: Session) -> str:
    """Such as "Chrome on Linux"."""
    device = session.device_info
    browser = device.user_agent.family if device and device.user_agent else None
    system = device.os.family if device and device.os else None
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "Unknown device"
