"""Signs of life of workers and beat, kept in Valkey, and how much waits in the queue.

A worker's main process signs every few seconds while it is connected to the broker, beat at its ticks. Readers look
here instead of asking workers: a broadcast waits for the slowest and says nothing where the broker is away.
Knows no table. Nothing here waits longer than a second or two: it runs inside Celery's event loop and behind probes.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import redis
from celery import current_app
from django.conf import settings
from django.db import connection as database
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

SIGN_SECONDS = 10
# Three signs may be missed before a worker counts as gone; beat ticks at least every five seconds.
ALIVE = timedelta(seconds=3 * SIGN_SECONDS + 5)
BEAT_ALIVE = timedelta(seconds=90)
_FORGOTTEN = timedelta(days=1)
_SERVER_SECONDS = 0.8


@dataclass(frozen=True, slots=True)
class WorkerSign:
    """What a worker said of itself last; `active` are the tasks it works on."""

    name: str
    last_seen_at: datetime
    concurrency: int
    active: int


@dataclass(frozen=True, slots=True)
class QueueLength:
    """Tasks nobody took yet, and tasks some worker took and did not acknowledge (delayed ones included)."""

    waiting: int
    unacknowledged: int


@cache
def valkey() -> redis.Redis:
    """Connections that give up soon; one retry, since a server that was restarted closed the old ones."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_SERVER_SECONDS,
        socket_connect_timeout=_SERVER_SECONDS,
        retry=Retry(NoBackoff(), retries=1),
        retry_on_error=[redis.ConnectionError],
        decode_responses=True,
    )


# --- Reading -----------------------------------------------------------------------------------------


def workers(now: datetime) -> list[WorkerSign]:
    """The workers alive, by name. Raises redis.RedisError."""
    return sorted((sign for sign in _worker_signs() if now - sign.last_seen_at <= ALIVE), key=lambda sign: sign.name)


def beat_last_tick(now: datetime) -> datetime | None:
    """When beat last looked at its timetable, never later than `now`; None where it has not for a day.

    Raises redis.RedisError.
    """
    said = valkey().get(_key("beat"))
    return min(now, _instant(float(said))) if said else None


def queue_length() -> QueueLength:
    """Raises redis.RedisError."""
    with valkey().pipeline(transaction=False) as together:
        for key in _queue_keys():
            together.llen(key)
        together.hlen("unacked")
        *waiting, unacknowledged = together.execute()
    return QueueLength(waiting=sum(waiting), unacknowledged=unacknowledged)


def _queue_keys() -> list[str]:
    """Kombu keeps a list per queue and priority; the lowest has the queue's own name."""
    options = current_app.conf.broker_transport_options or {}
    priorities = options.get("priority_steps", [0, 3, 6, 9])
    separator = options.get("sep", "\x06\x16")
    queues = current_app.amqp.queues
    return [f"{queue}{separator}{priority}" if priority else queue for queue in queues for priority in priorities]


def _worker_signs() -> list[WorkerSign]:
    said = [(str(name), json.loads(sign)) for name, sign in valkey().hgetall(_key("workers")).items()]
    return [WorkerSign(name, _instant(sign["at"]), sign["concurrency"], sign["active"]) for name, sign in said]


# --- Signing -----------------------------------------------------------------------------------------


@contextmanager
def quietly() -> Iterator[None]:
    """Who cannot sign goes on working: that Valkey is away shows elsewhere."""
    try:
        yield
    except redis.RedisError as error:
        log.warning("Valkey took no sign of life (%s); is the server of REDIS_URL up?", type(error).__name__)


def sign_worker(name: str, *, concurrency: int, active: int) -> None:
    """The worker of this name lives. Raises redis.RedisError."""
    sign = {"at": _server_time(), "concurrency": concurrency, "active": active}
    with valkey().pipeline() as together:
        together.hset(_key("workers"), name, json.dumps(sign))
        together.expire(_key("workers"), _FORGOTTEN)
        together.execute()


def sign_worker_off(name: str) -> None:
    """A worker that ends in order is not missed. Raises redis.RedisError."""
    valkey().hdel(_key("workers"), name)


def sign_beat() -> None:
    """Beat looked at its timetable. Raises redis.RedisError."""
    valkey().set(_key("beat"), _server_time(), ex=_FORGOTTEN)


def forget_old_workers() -> None:
    """Names change with every container: whoever comes removes those long gone. Raises redis.RedisError."""
    server_now = _instant(_server_time())
    for sign in _worker_signs():
        if server_now - sign.last_seen_at > 10 * ALIVE:
            sign_worker_off(sign.name)


def _server_time() -> float:
    """Valkey's own clock: those of the machines may differ."""
    seconds, microseconds = valkey().time()
    return float(seconds) + float(microseconds) / 1_000_000


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _key(what: str) -> str:
    """Several installations may share one Valkey."""
    return f"signs-of-life:{database.settings_dict['NAME']}:{what}"
