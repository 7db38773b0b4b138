"""What /readyz asks, each question within two seconds however its server hangs, and what to do about a bad answer.

Without database or migrations no page can be served: those fail. Without broker, worker or beat pages are served
and only grow old: the service is degraded, and taking its web process away would help nobody. The words are ours and
fixed, since the messages of libraries name hosts.
"""

import asyncio
import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from health_check.checks import Database
from health_check.contrib.redis import Redis
from redis.asyncio import Redis as RedisClient

from ingestion.processes import heartbeats

log = logging.getLogger(__name__)

OK: Final = "ok"
DEGRADED: Final = "degraded"
FAILED: Final = "failed"
LONGEST_SECONDS: Final = 1.8


class NotReady(Exception):
    """A question of ours has a bad answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """One check, how bad it is when it fails, and what to do then."""

    name: str
    ask: Callable[[], None]
    when_bad: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one question."""

    name: str
    state: str
    seconds: float
    remedy: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """All answers; the worst of them is the status."""

    status: str
    checks: list[Answer]

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def _database() -> None:
    Database().run()


def _migrations() -> None:
    """The newest migrations of this code are applied."""
    with connection.temporary_connection():
        applied = MigrationRecorder(connection).applied_migrations()
    if not _newest_migrations() <= set(applied):
        raise NotReady


def _broker() -> None:
    seconds = LONGEST_SECONDS / 2
    check = Redis(
        client_factory=lambda: RedisClient.from_url(
            settings.REDIS_URL, socket_timeout=seconds, socket_connect_timeout=seconds
        )
    )
    asyncio.run(check.run())


def _worker() -> None:
    """A worker gave a sign of life lately; nobody is pinged, since a broadcast waits for who does not answer."""
    if not heartbeats.workers(timezone.now()):
        raise NotReady


def _beat() -> None:
    """Beat looked at its timetable lately."""
    now = timezone.now()
    ticked_at = heartbeats.beat_last_tick(now)
    if ticked_at is None or now - ticked_at > heartbeats.BEAT_ALIVE:
        raise NotReady


# `run` of the library's checks, without its runner: that waits for a thread that hangs, and logs every failure with
# its traceback, at every probe.
_QUESTIONS: Final = (
    Question("database", _database, FAILED, "Start PostgreSQL, or check DATABASE_URL."),
    Question("migrations", _migrations, FAILED, "Run `manage.py migrate`."),
    Question("broker", _broker, DEGRADED, "Start Valkey, or check REDIS_URL."),
    Question("worker", _worker, DEGRADED, "Start a worker: `celery --app config worker`."),
    Question("beat", _beat, DEGRADED, "Start beat, once: `celery --app config beat`."),
)


class Asker:
    """Asks all at once. A question that still hangs from last time is not asked again, so threads do not pile up."""

    def __init__(self, questions: tuple[Question, ...], *, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._questions = questions
        self._longest_seconds = longest_seconds
        self._pool = ThreadPoolExecutor(len(questions), thread_name_prefix="readiness")
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[tuple[float, str]]] = {}

    def report(self) -> Report:
        with self._lock:
            futures = {question.name: self._asked(question) for question in self._questions}
        wait(futures.values(), self._longest_seconds)
        answers = [self._answer(question, futures[question.name]) for question in self._questions]
        worst = [state for state in (FAILED, DEGRADED) if state in {answer.state for answer in answers}]
        return Report(worst[0] if worst else OK, answers)

    def _asked(self, question: Question) -> Future[tuple[float, str]]:
        under_way = self._under_way.get(question.name)
        if under_way is None or under_way.done():
            under_way = self._under_way[question.name] = self._pool.submit(_timed, question.ask)
        return under_way

    def _answer(self, question: Question, future: Future[tuple[float, str]]) -> Answer:
        seconds, error = self._longest_seconds, "no answer in time"
        if future.done():
            seconds, error = future.result()
        if not error:
            return Answer(question.name, OK, seconds, None)
        log.info("Not ready: %s (%s)", question.name, error)
        return Answer(question.name, question.when_bad, seconds, question.remedy)


def _timed(ask: Callable[[], None]) -> tuple[float, str]:
    began = time.monotonic()
    error = ""
    try:
        ask()
    except Exception as failure:
        error = type(failure).__name__
    return round(time.monotonic() - began, 3), error


@cache
def _newest_migrations() -> set[tuple[str, str]]:
    """From the files of this code, which does not change while the process runs."""
    return set(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


@cache
def _asker() -> Asker:
    return Asker(_QUESTIONS)


def report() -> Report:
    """How ready this process is to serve."""
    return _asker().report()
