"""/healthz, /readyz and /metrics, answered before everything else.

A middleware in front of the others and not views: load balancers use the address, so no host name is checked, nothing
is redirected to HTTPS, no session is opened and no log line is written.
"""

import hmac
import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, JsonResponse
from prometheus_client import CONTENT_TYPE_PLAIN_1_0_0, CollectorRegistry, generate_latest

from reporting.operations import readiness
from reporting.operations.metrics import ServiceCollector

# A proxy adds these: the request comes from somewhere else.
_PROXY_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_FORWARDED_PROTO")
_metrics = CollectorRegistry(auto_describe=False)
_metrics.register(ServiceCollector())


class OperationsMiddleware:
    """Answers the three paths and passes everything else on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = _VIEWS.get(request.path_info)
        if view is None:
            return self._get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = view(request)
        response["Cache-Control"] = "no-store"
        return response


def _healthz(_: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is checked."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


def _readyz(request: HttpRequest) -> HttpResponse:
    """503 where pages cannot be served; with `?strict` also where anything else is wrong."""
    report = readiness.report()
    is_bad = report.status == readiness.FAILED or ("strict" in request.GET and report.status != readiness.OK)
    return JsonResponse(report.as_json(), status=503 if is_bad else 200)


def _metrics_text(request: HttpRequest) -> HttpResponse:
    if not settings.METRICS_TOKEN and not _is_local(request):
        return HttpResponse("Not found.\n", status=404, content_type="text/plain; charset=utf-8")
    if settings.METRICS_TOKEN and not _has_token(request):
        refused = HttpResponse("Give METRICS_TOKEN as bearer token.\n", status=401, content_type="text/plain")
        refused["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refused
    return HttpResponse(generate_latest(_metrics), content_type=CONTENT_TYPE_PLAIN_1_0_0)


def _has_token(request: HttpRequest) -> bool:
    kind, _, given = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    is_right = hmac.compare_digest(given.strip().encode(), settings.METRICS_TOKEN.encode())
    return kind.lower() == "bearer" and is_right


def _is_local(request: HttpRequest) -> bool:
    """Whether a program on this machine asks, and not a proxy that passes on a request from elsewhere."""
    if any(header in request.META for header in _PROXY_HEADERS):
        return False
    host = request.META.get("HTTP_HOST", "").rpartition(":")[0] or request.META.get("HTTP_HOST", "")
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and (host == "localhost" or _is_loopback(host))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


_VIEWS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/healthz": _healthz,
    "/readyz": _readyz,
    "/metrics": _metrics_text,
}
