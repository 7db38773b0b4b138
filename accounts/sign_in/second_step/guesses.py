"""How guesses of codes are counted: the one place where the second step meets the lock-out.

They are counted apart from passwords, whose right one forgets the wrong ones, and wherever they come from: only who
knows the password gets this far.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest

from accounts.models import User
from accounts.sign_in import lock_out
from accounts.sign_in.lock_out import Attempt, Door


@contextmanager
def guess(request: HttpRequest, person: User) -> Iterator[Attempt]:
    """Check a code or a passkey within; set `passed` if it was right.

    Raises LockedOut before it is checked, and again after the wrong one that locks.
    """
    with lock_out.attempt(Door.SECOND_STEP, account=person.email, address=request.META.get("REMOTE_ADDR")) as attempt:
        yield attempt
    if attempt.passed:
        forget(person.email)


def forget(email: str) -> None:
    """A right code forgets the wrong ones, wherever they came from, and so does a reset."""
    lock_out.forget_wrong_codes(email)
