"""Which second step a browser session still needs, and how long ago it passed one.

Whoever has set up a second step passes it in every new session, and so do the roles that `SECOND_STEP_ROLES` names.
API tokens have no session and need none.
"""

import time
from typing import Final

from django.conf import settings
from django.http import HttpRequest

from accounts.access import Asker
from accounts.models import User

# How long the last second step counts where a fresh one is needed.
FRESH_MINUTES: Final = 15
_PASSED: Final = "second_step"


def is_due(request: HttpRequest) -> bool:
    """Whether this session may open nothing before it has passed a second step."""
    return needs_one(request.user) and _seconds_since(request) is None


def needs_one(user: Asker) -> bool:
    """Whether this person passes a second step after signing in."""
    return isinstance(user, User) and (has_one(user) or user.role in settings.SECOND_STEP_ROLES)


def has_one(user: Asker) -> bool:
    """Whether this person has set up an authenticator app or a passkey."""
    return isinstance(user, User) and user.second_step_since is not None


def is_stale(request: HttpRequest) -> bool:
    """Whether the person has to confirm that it is still them; never where no second step is set up."""
    seconds = _seconds_since(request)
    return has_one(request.user) and (seconds is None or not 0 <= seconds <= FRESH_MINUTES * 60)


def record_passed(request: HttpRequest) -> None:
    """This session has passed a second step now; it gets a new key, as after signing in."""
    request.session.cycle_key()
    request.session[_PASSED] = {"person": request.user.pk, "at": int(time.time())}


def forget(request: HttpRequest) -> None:
    """This session has to pass a second step again."""
    request.session.pop(_PASSED, None)


def _seconds_since(request: HttpRequest) -> int | None:
    passed = request.session.get(_PASSED)
    if not passed or passed["person"] != request.user.pk:
        return None
    return int(time.time()) - int(passed["at"])
