"""How many requests a minute one API token, or one person in a browser, may send, and how many are left.

Counted in Valkey, so that the limit holds over all web processes. Without Valkey nobody is refused: the API reads from
PostgreSQL and is worth more than its limits.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Final

import redis
import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import ApiToken
from accounts.shell import valkey
from accounts.sign_in.networks import networks_of

_log = structlog.get_logger(__name__)
# Where a request keeps the limits that it was counted for.
_NOTED: Final = "rate_limits"
_ANONYMOUS_PER_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class _Limit:
    """What is left of one limit."""

    name: str
    quota: int
    remaining: int
    seconds_left: int


def rate_limit_headers(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10) on counted responses."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        limits: list[_Limit] = request.__dict__.get(_NOTED, [])
        if limits:
            response["RateLimit-Policy"] = ", ".join(f'"{one.name}";q={one.quota};w=60' for one in limits)
            response["RateLimit"] = ", ".join(f'"{one.name}";r={one.remaining};t={one.seconds_left}' for one in limits)
        return response

    return answer


class PerMinute(BaseThrottle):
    """A minute begins with the first request in it; requests without token and session count by address."""

    counts: ClassVar = "requests"
    _seconds_left: float | None = None

    def allow_request(self, request: Request, view: object) -> bool:
        limit, counted = RateLimitItemPerMinute(self.limit()), (self.counts, _sender(request))
        try:
            is_within = _limiter().hit(limit, *counted)
            ends_at, remaining = _limiter().get_window_stats(limit, *counted)
        except redis.RedisError:
            _log.warning("API requests are not counted: Valkey does not answer")
            return True
        seconds_left = max(1.0, ends_at - time.time())
        self._note(request, remaining, math.ceil(seconds_left))
        self._seconds_left = None if is_within else seconds_left
        return is_within

    def _note(self, request: Request, remaining: int, seconds_left: int) -> None:
        """For the headers; several limits may apply to one request."""
        noted: list[_Limit] = request._request.__dict__.setdefault(_NOTED, [])
        noted.append(_Limit(self.counts, self.limit(), remaining, seconds_left))

    def limit(self) -> int:
        return int(settings.API_REQUESTS_PER_MINUTE)

    def wait(self) -> float | None:
        """Seconds until the minute is over."""
        return self._seconds_left


class AnonymousPerMinute(PerMinute):
    """Requests that are refused for lack of a token have a limit of their own: nobody needs many of them."""

    counts = "anonymous"

    def limit(self) -> int:
        return min(_ANONYMOUS_PER_MINUTE, super().limit())

    @classmethod
    def seconds_to_wait(cls, request: Request, view: object) -> float | None:
        """Counts one such request; returns how long to wait if there were too many."""
        one = cls()
        return None if one.allow_request(request, view) else one.wait()


class ExportsPerMinute(PerMinute):
    """Files have a limit of their own: each of them reads a whole list."""

    counts = "exports"

    def limit(self) -> int:
        return int(settings.API_EXPORTS_PER_MINUTE)


def _sender(request: Request) -> str:
    if isinstance(request.auth, ApiToken):
        return f"token:{request.auth.pk}"
    if request.user.is_authenticated:
        return f"user:{request.user.pk}"
    networks = networks_of(request.META.get("REMOTE_ADDR"))
    return f"address:{networks.own if networks else ''}"


@cache
def _limiter() -> FixedWindowRateLimiter:
    connections = valkey.client().connection_pool
    storage = RedisStorage(settings.REDIS_URL, connection_pool=connections, key_prefix=valkey.key("api"))
    return FixedWindowRateLimiter(storage)
