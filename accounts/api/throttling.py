"""How many requests a minute one API token, or one person in a browser, may send.

Counted in Valkey, so that the limit holds over all web processes. Without Valkey nobody is refused: the API reads from
PostgreSQL and is worth more than its limits.
"""

import time
from functools import cache
from typing import ClassVar

import redis
import structlog
from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import ApiToken
from accounts.shell import valkey

_log = structlog.get_logger(__name__)


class PerMinute(BaseThrottle):
    """A minute begins with the first request in it; requests without token and session count by address."""

    counts: ClassVar = "requests"
    _seconds_left: float | None = None

    def allow_request(self, request: Request, view: object) -> bool:
        limit, counted = RateLimitItemPerMinute(self.limit()), (self.counts, _sender(request))
        try:
            if _limiter().hit(limit, *counted):
                return True
            self._seconds_left = _seconds_left(limit, *counted)
        except redis.RedisError:
            _log.warning("API requests are not counted: Valkey does not answer")
            return True
        return False

    def limit(self) -> int:
        return int(settings.API_REQUESTS_PER_MINUTE)

    def wait(self) -> float | None:
        """Seconds until the minute is over."""
        return self._seconds_left


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
    return f"address:{request.META.get('REMOTE_ADDR')}"


def _seconds_left(limit: RateLimitItem, *counted: str) -> float:
    return max(1.0, _limiter().get_window_stats(limit, *counted).reset_time - time.time())


@cache
def _limiter() -> FixedWindowRateLimiter:
    connections = valkey.client().connection_pool
    storage = RedisStorage(settings.REDIS_URL, connection_pool=connections, key_prefix=valkey.key("api"))
    return FixedWindowRateLimiter(storage)
