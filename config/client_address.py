"""The address that a request comes from, where a proxy is in front."""

from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class ClientAddressMiddleware:
    """Takes the last entry of X-Forwarded-For, which the proxy itself wrote; only where BEHIND_PROXY says there is one.

    Entries before the last are what the client claims.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.BEHIND_PROXY and (address := _last(request.headers.get("X-Forwarded-For", ""))):
            request.META["REMOTE_ADDR"] = address
        return self._get_response(request)


def _last(forwarded_for: str) -> str | None:
    try:
        return str(ip_address(forwarded_for.rpartition(",")[2].strip()))
    except ValueError:
        return None
