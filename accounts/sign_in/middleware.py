"""Middleware: records which sessions are in use, and explains errors of the LinkedIn login."""

import time
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from social_core.exceptions import SocialAuthBaseException

from accounts.sign_in.views import linkedin_trouble

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
    """Answers errors of a LinkedIn login with a page that names the remedy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return linkedin_trouble(request, exception) if isinstance(exception, SocialAuthBaseException) else None
