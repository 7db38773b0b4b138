"""How guesses of codes are counted: the one place where the second step meets the lock-out.

A guess is counted as wrong before its code is checked, so that many at once get no more than many in a row. They are
counted apart from passwords, whose right one forgets the wrong ones, and wherever they come from: only who knows the
password gets this far.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from axes.models import AccessAttempt
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from accounts.sign_in import receivers

_NAME: Final = "{} (second step)"


class LockedOut(Exception):
    """Too many wrong codes; another one is possible after a quarter of an hour."""


@dataclass(slots=True)
class Guess:
    """One code or passkey; whoever checks it says whether it was right."""

    is_right: bool = False


@contextmanager
def guess(request: HttpRequest, person: User) -> Iterator[Guess]:
    """Check a code within. Raises LockedOut before it is checked, and again after the wrong one that locks."""
    wrong = _count(request, person)
    one = Guess()
    yield one
    if one.is_right:
        forget(person.email)
    elif wrong >= settings.AXES_FAILURE_LIMIT:
        _record(request, person)
        raise LockedOut


def forget(email: str) -> None:
    """A right code forgets the wrong ones, and so does a reset."""
    AccessAttempt.objects.filter(username=_NAME.format(email.lower())).delete()


def _count(request: HttpRequest, person: User) -> int:
    """One wrong code more; returns how many. Raises LockedOut."""
    now = timezone.now()
    with transaction.atomic():
        # One guess of a person at a time.
        User.objects.select_for_update().get(pk=person.pk)
        row, _ = AccessAttempt.objects.get_or_create(
            username=_NAME.format(person.email.lower()), defaults={"failures_since_start": 0, "attempt_time": now}
        )
        is_recent = row.attempt_time > now - settings.AXES_COOLOFF_TIME
        wrong = row.failures_since_start if is_recent else 0
        if wrong >= settings.AXES_FAILURE_LIMIT:
            raise LockedOut
        row.failures_since_start, row.attempt_time = wrong + 1, now
        row.ip_address = request.META.get("REMOTE_ADDR")
        row.save()
    return wrong + 1


def _record(request: HttpRequest, person: User) -> None:
    receivers.record_lock_out(request, person.email, request.META.get("REMOTE_ADDR"))
