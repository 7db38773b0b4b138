"""The address that a request comes from, where a proxy is in front."""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_OF_THE_PROXY: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO")


class ClientAddressMiddleware:
    """Takes the last entry of X-Forwarded-For, which the proxy itself wrote; only where BEHIND_PROXY says there is one.

    Entries before the last are what the client claims. What comes from outside PROXY_NETWORKS did not pass the proxy:
    neither its X-Forwarded-For nor its X-Forwarded-Proto counts.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.BEHIND_PROXY:
            if not _is_proxy(request.META["REMOTE_ADDR"]):
                for name in _OF_THE_PROXY:
                    request.META.pop(name, None)
            elif address := _last(request.META.get("HTTP_X_FORWARDED_FOR", "")):
                request.META["REMOTE_ADDR"] = address
        return self._get_response(request)


def _is_proxy(peer: str) -> bool:
    """Whether it may be the proxy. Without an address, it connected through a socket of this machine."""
    networks = [ip_network(network) for network in settings.PROXY_NETWORKS]
    if not networks or not peer:
        return True
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def _last(forwarded_for: str) -> str | None:
    try:
        return str(ip_address(forwarded_for.rpartition(",")[2].strip()))
    except ValueError:
        return None
