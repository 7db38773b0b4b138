"""How django-axes identifies a login attempt, how a lock-out ends early, and how wrong codes are counted."""

from collections.abc import Mapping
from typing import Final

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User

# Counted apart from passwords: each right password forgets the wrong ones, and codes are guessed after a right one.
_SECOND_STEP: Final = "{} (second step)"


def name_of(request: HttpRequest, credentials: Mapping[str, object] | None = None) -> str | None:
    """The address of a login attempt, in lower case: `BOB@` and `bob@` count together."""
    given = credentials if credentials is not None else request.POST
    name = given.get("username") or given.get("email")
    return str(name).strip().lower()[:255].replace("\0", "") if name else None


def unlock(email: str) -> None:
    """Forget the failed logins of an address, wherever they came from; not its wrong codes, which no e-mail unlocks."""
    reset(username=email.lower())


# --- Second steps ---


def may_guess_code(person: User) -> bool:
    """Whether another code of this person may be checked: not after too many wrong ones, from wherever they came."""
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    recent = AccessAttempt.objects.filter(username=_code_name(person.email), attempt_time__gt=since)
    wrong = recent.aggregate(wrong=Sum("failures_since_start"))["wrong"] or 0
    return bool(wrong < settings.AXES_FAILURE_LIMIT)


def count_wrong_code(request: HttpRequest, person: User) -> None:
    """Count a wrong code or a refused passkey."""
    AxesProxyHandler.user_login_failed(
        sender=__name__, credentials={"username": _code_name(person.email)}, request=request
    )
    # Else the middleware of django-axes answers with the page about passwords.
    request.axes_locked_out = False  # type: ignore[attr-defined]


def forget_wrong_codes(email: str) -> None:
    """A right code forgets the wrong ones."""
    reset(username=_code_name(email))


def _code_name(email: str) -> str:
    return _SECOND_STEP.format(email.lower())
