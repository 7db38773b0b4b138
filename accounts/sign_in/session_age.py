"""Ends sessions after SESSION_HOURS, however busy they are: then people sign in again."""

import time
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

_BEGAN_AT: Final = "began_at"


class SessionAge:
    """Middleware, after the one that knows the person."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.COOKIES and request.user.is_authenticated:
            now = int(time.time())
            began_at = request.session.get(_BEGAN_AT)
            # Sessions of earlier versions, and those that a wrong clock began, begin now.
            if began_at is None or began_at > now:
                request.session[_BEGAN_AT] = now
            elif now - began_at >= settings.SESSION_HOURS * 3600:
                logout(request)
        return self._get_response(request)


@receiver(user_logged_in)
def begin(request: HttpRequest | None = None, **_: Any) -> None:
    """Signing in again within a session restarts it."""
    if request is not None and hasattr(request, "session"):
        request.session[_BEGAN_AT] = int(time.time())
