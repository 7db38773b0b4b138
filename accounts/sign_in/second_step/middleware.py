"""Middleware: no page opens before the second step, and some need a fresh one."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.sign_in.second_step import confirmation, session

_PASSING: Final = frozenset({"people:second_step", "people:begin_passkey", "people:complete_passkey", "admin:logout"})
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
# A second step of the last minutes: for the page, or for its form alone.
_CONFIRMED: Final = frozenset({"accounts:connect", "accounts:end_consent"})
_FORM_CONFIRMED: Final = frozenset({"accounts:api_tokens", "accounts:service_account_tokens"})
# Swagger UI.
_PAGE_OF_THE_API: Final = "api-docs"


class SecondStepFirst:
    """Refuses every page to a session whose second step is due, except those of the step itself and signing out.

    The API refuses in its own words, see `accounts/api/browser_session.py`: its tokens need no second step.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        is_of_the_api = request.path.startswith("/api/") and name != _PAGE_OF_THE_API
        if not request.COOKIES or is_of_the_api:
            return None
        if not session.is_due(request):
            is_confirmed = name in _CONFIRMED or (name in _FORM_CONFIRMED and request.method == "POST")
            return confirmation.ask_again(request) if is_confirmed else None
        if name in (_PASSING if session.has_one(request.user) else _PASSING | _SETTING_UP):
            return None
        is_page = request.method in {"GET", "HEAD"}
        return redirect(confirmation.address(request.get_full_path()) if is_page else "people:second_step")
