"""Heartbeats of workers and beat, kept in Valkey, and the length of the queue.

A worker's main process sends one every few seconds while it is connected to the broker, beat at its ticks. Readers look
here instead of pinging workers: a broadcast waits for the slowest and says nothing where the broker is away.
No table is read. Nothing here takes longer than two seconds: it runs inside Celery's event loop and behind probes.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import redis
from celery import current_app

from accounts.shell import valkey

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10
# Three heartbeats may be missed before a worker counts as gone; beat ticks at least every five seconds.
ALIVE = timedelta(seconds=3 * HEARTBEAT_SECONDS + 5)
BEAT_ALIVE = timedelta(seconds=90)
_KEPT = timedelta(days=1)
# Heartbeats have the time of Valkey's machine. One further ahead was sent while its clock was wrong.
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class WorkerHeartbeat:
    """What a worker last reported; `active` is how many tasks it is working on."""

    name: str
    last_seen_at: datetime
    concurrency: int
    active: int


@dataclass(frozen=True, slots=True)
class QueueLength:
    """Tasks that no worker took yet, and tasks a worker took and did not acknowledge (delayed ones included)."""

    waiting: int
    unacknowledged: int


# --- Reading -----------------------------------------------------------------------------------------


def workers(now: datetime) -> list[WorkerHeartbeat]:
    """The workers alive, by name. Raises redis.RedisError."""
    alive = (worker for worker in _reported_workers() if -_CLOCKS_DIFFER <= now - worker.last_seen_at <= ALIVE)
    return sorted(alive, key=lambda worker: worker.name)


def beat_last_tick(now: datetime) -> datetime | None:
    """When beat last looked at its timetable, never later than `now`; None where it has not for a day.

    Raises redis.RedisError.
    """
    stored = valkey.client().get(_beat_key())
    ticked_at = _instant(float(stored)) if stored else None
    return min(now, ticked_at) if ticked_at and ticked_at <= now + _CLOCKS_DIFFER else None


def queue_length() -> QueueLength:
    """Raises redis.RedisError."""
    with valkey.client().pipeline(transaction=False) as pipeline:
        for name in _queue_names():
            pipeline.llen(valkey.key(name))
        pipeline.hlen(valkey.key("unacked"))
        *waiting, unacknowledged = pipeline.execute()
    return QueueLength(waiting=sum(waiting), unacknowledged=unacknowledged)


def _queue_names() -> list[str]:
    """Kombu keeps a list per queue and priority; the highest priority has the queue's own name."""
    options = current_app.conf.broker_transport_options or {}
    priorities = options.get("priority_steps", [0, 3, 6, 9])
    separator = options.get("sep", "\x06\x16")
    queues = current_app.amqp.queues
    return [f"{queue}{separator}{priority}" if priority else queue for queue in queues for priority in priorities]


def _reported_workers() -> list[WorkerHeartbeat]:
    reports = [(str(name), json.loads(report)) for name, report in valkey.client().hgetall(_workers_key()).items()]
    return [
        WorkerHeartbeat(name, _instant(report["at"]), report["concurrency"], report["active"])
        for name, report in reports
    ]


# --- Recording ---------------------------------------------------------------------------------------


@contextmanager
def outages_logged() -> Iterator[None]:
    """A process that cannot send its heartbeat keeps working: /readyz reports that Valkey is away."""
    try:
        yield
    except redis.RedisError as error:
        log.warning("Valkey took no heartbeat (%s); is the server of REDIS_URL up?", type(error).__name__)


def record_worker(name: str, *, concurrency: int, active: int) -> None:
    """The worker of this name is alive. Raises redis.RedisError."""
    report = {"at": _server_time(), "concurrency": concurrency, "active": active}
    with valkey.client().pipeline() as pipeline:
        pipeline.hset(_workers_key(), name, json.dumps(report))
        pipeline.expire(_workers_key(), _KEPT)
        pipeline.execute()


def remove_worker(name: str) -> None:
    """A worker that shuts down in order is not reported missing. Raises redis.RedisError."""
    valkey.client().hdel(_workers_key(), name)


def record_beat() -> None:
    """Beat looked at its timetable. Raises redis.RedisError."""
    valkey.client().set(_beat_key(), _server_time(), ex=_KEPT)


def remove_lost_workers() -> None:
    """Names change with every container, so each new worker removes those long gone. Raises redis.RedisError."""
    server_now = _instant(_server_time())
    for worker in _reported_workers():
        if server_now - worker.last_seen_at > 10 * ALIVE:
            remove_worker(worker.name)


def _server_time() -> float:
    """Valkey's own clock: those of the machines may differ."""
    seconds, microseconds = valkey.client().time()
    return float(seconds) + float(microseconds) / 1_000_000


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _workers_key() -> str:
    return valkey.key("heartbeats", "workers")


def _beat_key() -> str:
    return valkey.key("heartbeats", "beat")
