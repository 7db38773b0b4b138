"""Tells browsers which of their powers no page of this service needs."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

_HEADER: Final = "Permissions-Policy"
_REFUSED: Final = (
    "accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer",
    "microphone", "midi", "payment", "usb",
)  # fmt: skip
_POLICY: Final = ", ".join(f"{power}=()" for power in _REFUSED)


class PermissionsPolicyMiddleware:
    """Adds the header to every answer that does not bring one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response.headers.setdefault(_HEADER, _POLICY)
        return response
