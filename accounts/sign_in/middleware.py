"""Middleware: records which sessions are in use, and explains what went wrong at signing in."""

import time
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from social_core.exceptions import SocialAuthBaseException

from accounts.errors import LockedOut, TooBusy
from accounts.sign_in.views import linkedin_trouble, locked_out, too_busy

# Fine enough for "last used", and a write every few minutes instead of one per click.
_SECONDS: Final = 300
_USED_AT: Final = "used_at"


class SessionsInUse:
    """Records every few minutes that a session is in use, which also extends it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.COOKIES and request.user.is_authenticated:
            now = int(time.time())
            # Also where the last use lies ahead, since a clock was wrong.
            if abs(now - request.session.get(_USED_AT, 0)) >= _SECONDS:
                request.session[_USED_AT] = now
        return self._get_response(request)


class SignInTrouble:
    """Answers errors of a LinkedIn login, lock-outs and too many sign-ins at once with a page that names the remedy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, SocialAuthBaseException):
            return linkedin_trouble(request, exception)
        if isinstance(exception, LockedOut):
            return locked_out(request, until=exception.until)
        return too_busy(request) if isinstance(exception, TooBusy) else None
