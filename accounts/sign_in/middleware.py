"""Middleware: records which sessions are in use, asks for the second step, and explains errors of outside logins."""

import time
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from social_core.exceptions import SocialAuthBaseException

from accounts.sign_in.second_step import confirmation, session
from accounts.sign_in.views import outside_trouble

# Fine enough for "last used", and a write every few minutes instead of one per click.
_SECONDS: Final = 300
_USED_AT: Final = "used_at"
_PASSING: Final = frozenset({"people:second_step", "people:begin_passkey", "people:complete_passkey", "admin:logout"})
# Swagger UI.
_PAGE_OF_THE_API: Final = "api-docs"
# Only before the first device: else a password alone would do to add one.
_SETTING_UP: Final = frozenset(
    {
        "people:second_steps",
        "people:add_app",
        "people:authenticator_app",
        "people:begin_passkey_registration",
        "people:complete_passkey_registration",
    }
)


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


class SecondStepFirst:
    """Refuses every page to a session whose second step is due, except those of the step itself and signing out.

    The API refuses in its own words, see `accounts/api/authentication.py`: its tokens need no second step.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponseBase | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        is_of_the_api = request.path.startswith("/api/") and name != _PAGE_OF_THE_API
        if not request.COOKIES or is_of_the_api or not session.is_due(request):
            return None
        if name in (_PASSING if session.has_one(request.user) else _PASSING | _SETTING_UP):
            return None
        is_page = request.method in {"GET", "HEAD"}
        return redirect(confirmation.address(request.get_full_path()) if is_page else "people:second_step")


class SignInTrouble:
    """Answers errors of a login elsewhere with a page that names the remedy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return outside_trouble(request, exception) if isinstance(exception, SocialAuthBaseException) else None
