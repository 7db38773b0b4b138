"""One run while it lives: what it has fetched and stored, its signs of life, how it ends.

Its row is taken by `sync_runs.py`.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from ingestion.linkedin.client import LinkedInClient
from ingestion.linkedin.endpoints import Page, Rejected
from ingestion.linkedin.errors import DayLimitReached, LinkedInError, TokenRejected, VersionSunset
from ingestion.models import RejectedRecord, SyncLog
from ingestion.sync.budget import TokenBudget
from ingestion.sync.failures import Failure
from ingestion.sync.ledger import Cancelled, SyncResult, finish
from ingestion.sync.request_pool import SideBySide
from ingestion.sync.rows import Row
from ingestion.sync.signals import sync_finished
from ingestion.sync.windows import DayRange, merged, without

log = logging.getLogger(__name__)

_HEARTBEATS_PER_LEASE = 6
# How often a running sync looks whether a person wants it to end.
_CANCEL_LOOK_SECONDS = 2.0
# Where `sync_log.answered` names the demographic pivots.
_PIVOTS = "audience_demographics"
# After one of these no further request of this token or version can succeed.
_HOPELESS = (TokenRejected, VersionSunset, DayLimitReached)


class RunLost(Exception):
    """This run was closed by somebody else while it ran."""


class Stopped(Exception):
    """This process is to end; what was stored so far is whole, and the next run goes on from there."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; `share` goes from 0 to 1."""

    step: str
    calls: int
    calls_expected: int
    rows: int
    share: float


class Run:
    """One run while it lives: what it fetched so far, what failed, and its row in `sync_log`."""

    def __init__(
        self,
        row: SyncLog,
        *,
        client: LinkedInClient,
        budget: TokenBudget,
        now: Callable[[], datetime],
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.client = client
        self.budget = budget
        self.requests = SideBySide(
            concurrency=settings.SYNC_CONCURRENCY, while_waiting=self._beat_now_and_then, wait_seconds=1.0
        )
        self.fetched_at = row.started_at
        self.step = "start"
        # Whether `requests` knows everything that is still to ask.
        self.is_planned = False
        self._row = row
        self._now = now
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._answered: dict[str, list[Any]] = dict(row.answered)
        self._heartbeat_seconds = settings.SYNC_LEASE_SECONDS / _HEARTBEATS_PER_LEASE
        self._started = self._last_beat = self._last_look = monotonic()
        self._failures: list[Failure] = []
        self._steps_done = 0
        self._rows: Counter[str] = Counter()
        self._rejected = 0

    @property
    def ad_account_id(self) -> int:
        if self._row.account_id is None:
            raise ValueError("this run is of all ad accounts")
        return self._row.account_id

    @property
    def days(self) -> tuple[date, date]:
        """First and last day to ask for, both inclusive."""
        if self._row.first_day is None or self._row.last_day is None:
            raise ValueError("this run has no range of days")
        return self._row.first_day, self._row.last_day

    def days_to_ask(self, table: str) -> list[DayRange]:
        """The run's days less those that an earlier run of the same work had answered and stored."""
        return without(self.days, self._days_answered(table))

    def days_answered(self, table: str, first_day: date, last_day: date) -> None:
        """Note, for the next `store`, that these days of a table are answered whole."""
        answered = merged([*self._days_answered(table), (first_day, last_day)])
        self._answered[table] = [[first.isoformat(), last.isoformat()] for first, last in answered]

    def pivot_answered(self, pivot_type: str) -> None:
        """Note, for the next `store`, that a demographic pivot is answered."""
        self._answered.setdefault(_PIVOTS, []).append(pivot_type)

    def is_pivot_answered(self, pivot_type: str) -> bool:
        return pivot_type in self._answered.get(_PIVOTS, [])

    def forget_answers(self) -> None:
        """What this run was answered is not to be relied on: nobody goes on from it."""
        self._answered = {}
        SyncLog.objects.filter(pk=self._row.pk, status=SyncLog.Status.RUNNING).update(answered={})

    def _days_answered(self, table: str) -> list[DayRange]:
        stored = self._answered.get(table, [])
        return [(date.fromisoformat(first), date.fromisoformat(last)) for first, last in stored]

    def store(self, table: str, page: Page[Any], write: Callable[[], Sequence[Rejected] | None]) -> None:
        """Write one answer, its rejected records and the progress in one transaction.

        `write` stores the records and returns those of them that it set aside, if any.
        """
        with transaction.atomic():
            _let_the_disk_follow()
            self.count(table, page, set_aside=write() or ())
            self.beat()

    def count(self, table: str, page: Page[Any], *, set_aside: Sequence[Rejected] = ()) -> None:
        """Count an answer's records and keep the rejected ones, inside the caller's transaction."""
        self._keep_rejected([*page.rejected, *set_aside])
        self._rows[table] += len(page.records) - len(set_aside)

    def done(self, steps: int = 1) -> None:
        """Note that steps of the sync are stored whole."""
        self._steps_done += steps

    def note(self, error: LinkedInError) -> None:
        """Remember a refused step, so that the others go on; raise where none of them can."""
        if isinstance(error, _HOPELESS):
            raise error
        log.warning("Sync of ad account %s, %s: %s", self._row.account_id or "all", self.step, error)
        self._failures.append(Failure(error.kind, str(error), error.remedy))

    @property
    def failed_steps(self) -> int:
        return len(self._failures)

    def beat(self, **columns: int) -> None:
        """Show that the run lives, and how far it is. Raises RunLost, or Stopped where the process is to end."""
        progress = self._progress()
        alive = SyncLog.objects.filter(pk=self._row.pk, status=SyncLog.Status.RUNNING).update(
            heartbeat_at=timezone.now(),
            progress=asdict(progress),
            answered=self._answered,
            **self._counts(),
            **columns,
        )
        if not alive:
            raise RunLost(f"Sync run {self._row.pk} was closed by another process; its work so far is stored.")
        self._last_beat = monotonic()
        self._on_progress(progress)

    def close(self, failure: Failure | None = None) -> SyncResult:
        """Finish the run: `partial` where some steps are stored whole and another failed."""
        failures = [*([failure] if failure else []), *self._failures]
        status = SyncLog.Status.SUCCESS
        if failures:
            status = SyncLog.Status.PARTIAL if self._steps_done else SyncLog.Status.FAILED
        return self._close(status, failures)

    def cancel(self) -> SyncResult:
        """Finish the run because a person asked for it; the next one goes on from here."""
        return self._close(SyncLog.Status.CANCELLED, [])

    def _close(self, status: str, failures: Sequence[Failure]) -> SyncResult:
        closed = finish(self._row, status=status, failures=failures, now=self._now(), **self._counts())
        if closed and self._row.account_id is not None:
            sync_finished.send_robust(
                type(self), ad_account_id=self._row.account_id, run_id=self._row.pk, status=status
            )
        return SyncResult(
            ad_account_id=self._row.account_id,
            status=status,
            reason="\n".join(str(one) for one in failures),
            rows=dict(self._rows),
            rejected=self._rejected,
            api_calls=self.client.calls_made,
            seconds=round(monotonic() - self._started, 3),
            error_kind=failures[0].kind if failures else None,
            run_id=self._row.pk,
        )

    def _counts(self) -> dict[str, int]:
        return {
            "api_calls_made": self.client.calls_made,
            "api_calls_throttled": self.client.calls_throttled,
            "rows_stored": self._rows.total(),
            "rows_rejected": self._rejected,
        }

    def _progress(self) -> Progress:
        calls = self.client.calls_made
        expected = calls + self.requests.calls_left()
        # Until the listings are read nobody knows what is left: not even that it is little.
        share = round(calls / expected, 3) if self.is_planned else 0.0
        return Progress(self.step, calls, expected, self._rows.total(), share)

    def _beat_now_and_then(self) -> None:
        if self._should_stop():
            raise Stopped("The worker was stopped; the next sync goes on from here.")
        if monotonic() - self._last_look >= _CANCEL_LOOK_SECONDS:
            self._last_look = monotonic()
            if SyncLog.objects.filter(pk=self._row.pk, cancel_asked_at__isnull=False).exists():
                raise Cancelled
        if monotonic() - self._last_beat >= self._heartbeat_seconds:
            self.beat()
            self.budget.renew()

    def _keep_rejected(self, rejected: Sequence[Rejected]) -> None:
        self._rejected += len(rejected)
        RejectedRecord.objects.bulk_create(
            [
                RejectedRecord(
                    run=self._row,
                    account_id=self._row.account_id,
                    endpoint=one.endpoint,
                    payload=_storable(one.payload),
                    reason=_storable(one.reason),
                )
                for one in rejected
            ]
        )


def _let_the_disk_follow() -> None:
    """This commit does not wait for the disk: closing the run does, for all of them.

    Where PostgreSQL's machine dies before, the last answers are lost together with the note that they were answered.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")


def listed_twice(rows: Sequence[Row]) -> list[Rejected]:
    """Set aside what LinkedIn sent again, later, in the same answer."""
    return [
        Rejected(
            endpoint="/rest/adAnalytics",
            payload=[str(value) for value in row],
            reason="listed twice in one answer; the later one is stored",
            identity=str(row[0]),
        )
        for row in rows
    ]


def _storable(value: Any) -> Any:
    """PostgreSQL's text and JSON cannot hold the character NUL; show it as its escape instead."""
    if isinstance(value, str):
        return value.replace("\x00", "\\u0000")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value
