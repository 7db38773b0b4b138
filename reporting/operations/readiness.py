"""What /readyz checks, each check within two seconds however its server hangs, and what to do when one fails.

Without database or migrations no page can be served: those fail. Without broker, worker or beat pages are still
served and only get old: the service is degraded, and taking its web process away would help nobody. The messages are
fixed texts, because those of libraries name hosts. django-health-check is not used: it waits for a check that hangs.
"""

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from typing import Final

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from accounts.shell import valkey
from ingestion.processes import heartbeats

log = logging.getLogger(__name__)

OK: Final = "ok"
DEGRADED: Final = "degraded"
FAILED: Final = "failed"
MAX_SECONDS: Final = 1.8


class NotReady(Exception):
    """A check was made, and its result is bad."""


@dataclass(frozen=True, slots=True)
class Check:
    """`run` raises where something is wrong; `failure_state` says how bad that is, `remedy` what to do."""

    name: str
    run: Callable[[], None]
    failure_state: str
    remedy: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check."""

    name: str
    state: str
    seconds: float
    remedy: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """All results; the worst of them is the status."""

    status: str
    checks: list[CheckResult]

    def as_json(self) -> dict[str, object]:
        return dataclasses.asdict(self)


def _database() -> None:
    with connection.temporary_connection() as cursor:
        cursor.execute("SELECT 1")


def _migrations() -> None:
    """The newest migrations of this code are applied."""
    with connection.temporary_connection():
        applied = MigrationRecorder(connection).applied_migrations()
    if not _newest_migrations() <= set(applied):
        raise NotReady


def _broker() -> None:
    valkey.client().ping()


def _worker() -> None:
    """A worker sent a heartbeat lately; none is pinged, since a broadcast waits for those that do not answer."""
    if not heartbeats.workers(timezone.now()):
        raise NotReady


def _beat() -> None:
    """Beat looked at its timetable lately."""
    now = timezone.now()
    ticked_at = heartbeats.beat_last_tick(now)
    if ticked_at is None or now - ticked_at > heartbeats.BEAT_ALIVE:
        raise NotReady


_CHECKS: Final = (
    Check("database", _database, FAILED, "Start PostgreSQL, or check DATABASE_URL."),
    Check("migrations", _migrations, FAILED, "Run `manage.py migrate`."),
    Check("broker", _broker, DEGRADED, "Start Valkey, or check REDIS_URL."),
    Check(
        "worker", _worker, DEGRADED,
        "Start a worker: `celery --app config worker`. If one is running, check that its REDIS_KEY_PREFIX is the same.",
    ),
    Check("beat", _beat, DEGRADED, "Start beat, once: `celery --app config beat`."),
)  # fmt: skip


class Checker:
    """Runs all checks at once. One that still hangs from last time is not started again, so threads do not pile up."""

    def __init__(self, checks: tuple[Check, ...], *, max_seconds: float = MAX_SECONDS) -> None:
        self._checks = checks
        self._max_seconds = max_seconds
        self._pool = ThreadPoolExecutor(len(checks), thread_name_prefix="readiness")
        self._lock = threading.Lock()
        self._running: dict[str, Future[tuple[float, str]]] = {}

    def report(self) -> Report:
        with self._lock:
            futures = {check.name: self._started(check) for check in self._checks}
        wait(futures.values(), self._max_seconds)
        results = [self._result(check, futures[check.name]) for check in self._checks]
        states = {result.state for result in results}
        return Report(next((state for state in (FAILED, DEGRADED) if state in states), OK), results)

    def _started(self, check: Check) -> Future[tuple[float, str]]:
        running = self._running.get(check.name)
        if running is None or running.done():
            running = self._running[check.name] = self._pool.submit(_timed, check.run)
        return running

    def _result(self, check: Check, future: Future[tuple[float, str]]) -> CheckResult:
        seconds, error = self._max_seconds, "no answer in time"
        if future.done():
            seconds, error = future.result()
        if not error:
            return CheckResult(check.name, OK, seconds, None)
        log.info("Not ready: %s (%s)", check.name, error)
        return CheckResult(check.name, check.failure_state, seconds, check.remedy)


def _timed(run: Callable[[], None]) -> tuple[float, str]:
    """Seconds, and the name of the error if there was one."""
    began = time.monotonic()
    error = ""
    try:
        run()
    except Exception as failure:
        error = type(failure).__name__
    return round(time.monotonic() - began, 3), error


@cache
def _newest_migrations() -> set[tuple[str, str]]:
    """From the files of this code, which does not change while the process runs."""
    return set(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


@cache
def _checker() -> Checker:
    return Checker(_CHECKS)


def report() -> Report:
    """How ready this process is to serve."""
    return _checker().report()
