"""The connection to Valkey, and the prefix of every key, which keeps installations apart that share a Valkey.

Django's cache and Celery have clients of their own; `config/settings.py` gives them the same address and prefix.
Two clients, because a server that is away means two things: pages, probes and heartbeats have to go on without it,
while a sync, which may not ask LinkedIn uncounted, waits until it is back.
"""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry

# Two attempts, and both have to fit into the two seconds that a probe waits.
_ATTEMPT_SECONDS = 0.8


def key(*parts: object) -> str:
    """The name under which this installation keeps something, such as key("heartbeats", "beat")."""
    return settings.REDIS_KEY_PREFIX + ":".join(str(part) for part in parts)


@cache
def client() -> redis.Redis:
    """Raises redis.RedisError within two seconds; one retry, since a restarted server closed the old connections."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_ATTEMPT_SECONDS,
        socket_connect_timeout=_ATTEMPT_SECONDS,
        retry=Retry(NoBackoff(), retries=1),
        retry_on_error=[redis.ConnectionError],
        decode_responses=True,
    )


@cache
def patient_client() -> redis.Redis:
    """Waits for a server that restarts, about half a minute."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        retry=Retry(ExponentialBackoff(cap=2, base=0.05), retries=20),
        retry_on_error=[redis.ConnectionError, redis.BusyLoadingError],
        decode_responses=True,
    )
