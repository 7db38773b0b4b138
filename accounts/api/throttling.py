"""How often one API token, or one person in a browser, may ask.

Counted in Valkey, so that it holds over all web processes. Without Valkey everybody is let in: the API reads from
PostgreSQL and is worth more than its limits.
"""

import time
from functools import cache
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import connection as database
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import ApiToken

_MINUTE = 60
_log = structlog.get_logger(__name__)


class PerMinute(BaseThrottle):
    """So many requests in each minute of the clock; strangers count by address."""

    kind = "requests"

    def allow_request(self, request: Request, view: Any) -> bool:
        minute = int(time.time()) // _MINUTE
        # Several installations may share one Valkey, and their people have the same ids.
        key = f"api:{database.settings_dict['NAME']}:{self.kind}:{self._who(request)}:{minute}"
        try:
            count = _count(key)
        except redis.RedisError:
            _log.warning("requests of the API are not counted: Valkey does not answer")
            return True
        return count <= self.limit()

    def limit(self) -> int:
        return int(settings.API_REQUESTS_PER_MINUTE)

    def wait(self) -> float:
        """Seconds until the next minute of the clock."""
        return _MINUTE - time.time() % _MINUTE

    def _who(self, request: Request) -> str:
        if isinstance(request.auth, ApiToken):
            return f"token:{request.auth.pk}"
        if request.user.is_authenticated:
            return f"user:{request.user.pk}"
        return f"address:{request.META.get('REMOTE_ADDR')}"


class ExportsPerMinute(PerMinute):
    """Files count apart from pages: each of them reads a whole list."""

    kind = "exports"

    def limit(self) -> int:
        return int(settings.API_EXPORTS_PER_MINUTE)


def _count(key: str) -> int:
    pipeline = _valkey(settings.REDIS_URL).pipeline(transaction=False)
    pipeline.incr(key)
    pipeline.expire(key, 2 * _MINUTE)
    return int(pipeline.execute()[0])


@cache
def _valkey(url: str) -> Any:
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
