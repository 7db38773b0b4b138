"""The row of one run while the run is open: heartbeat, counts, progress, rejected records, failures."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from time import monotonic
from typing import TypeVar

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from ingestion.linkedin.endpoints import Page, Rejected
from ingestion.linkedin.errors import DayLimitReached, LinkedInError, TokenRejected, VersionSunset
from ingestion.models import RejectedRecord, SyncLog
from ingestion.sync.failures import Failure
from ingestion.sync.ledger.closing import close
from ingestion.sync.linkedin_requests import LinkedInRequests
from ingestion.sync.result import SyncResult
from ingestion.sync.signals import sync_finished
from ingestion.sync.steps import Step

log = logging.getLogger(__name__)

R = TypeVar("R")

_HEARTBEATS_PER_LEASE = 6
# After one of these no further request of this token or version can succeed.
_HOPELESS = (TokenRejected, VersionSunset, DayLimitReached)


class RunLost(Exception):
    """This run was closed by another process while it ran."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is; `share` goes from 0 to 1."""

    step: str
    calls: int
    calls_expected: int
    rows: int
    share: float


class OpenRun:
    """The ledger of one run: everything that its row in `sync_log` says, and how it is closed."""

    def __init__(
        self,
        row: SyncLog,
        *,
        requests: LinkedInRequests,
        now: Callable[[], datetime],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._row = row
        self._requests = requests
        self._now = now
        self._on_progress = on_progress
        self._step = Step.START
        self._heartbeat_seconds = settings.SYNC_LEASE_SECONDS / _HEARTBEATS_PER_LEASE
        self._started = self._last_beat = monotonic()
        self._failures: list[Failure] = []
        self._notes: list[str] = []
        self._steps_done = 0
        self._rows: Counter[str] = Counter()
        self._rejected = 0

    @contextmanager
    def step(self, step: Step) -> Iterator[None]:
        """Within, the run is at this step."""
        outer, self._step = self._step, step
        try:
            yield
        finally:
            self._step = outer

    def store(self, table: str, page: Page[R], write: Callable[[], Sequence[Rejected] | None]) -> None:
        """Write one answer, its rejected records and the progress in one transaction.

        `write` stores the records and returns those that it rejected, if any.
        """
        with transaction.atomic():
            _commit_without_waiting_for_the_disk()
            self.count(table, page, also_rejected=write() or ())
            self.beat()

    def count(self, table: str, page: Page[R], *, also_rejected: Sequence[Rejected] = ()) -> None:
        """Count an answer's records and keep the invalid ones as received, inside the caller's transaction."""
        rejected = [*page.rejected, *also_rejected]
        self._rejected += len(rejected)
        self._keep_as_received([*rejected, *page.incomplete])
        self._rows[table] += len(page.records) - len(also_rejected)

    def step_stored(self) -> None:
        """Note that one step of the sync is stored whole."""
        self._steps_done += 1

    def step_failed(self, error: LinkedInError) -> None:
        """Remember a refused step, so that the others continue; raise where none of them can."""
        if isinstance(error, _HOPELESS):
            raise error
        log.warning("Sync of ad account %s, %s: %s", self._row.account_id or "all", self._step, error)
        self._failures.append(Failure(error.kind, str(error), error.remedy))

    def note(self, sentence: str) -> None:
        """Remember what is left for later and is no failure."""
        log.info("Sync of ad account %s, %s: %s", self._row.account_id or "all", self._step, sentence)
        self._notes.append(sentence)

    def beat(self, **columns: int) -> None:
        """Write the heartbeat with progress and counts. Raises RunLost."""
        progress = self._progress()
        is_open = SyncLog.objects.filter(pk=self._row.pk, status=SyncLog.Status.RUNNING).update(
            heartbeat_at=timezone.now(),
            progress=asdict(progress),
            **self._counts(),
            **columns,
        )
        if not is_open:
            raise RunLost(f"Sync run {self._row.pk} was closed by another process; its work so far is stored.")
        self._last_beat = monotonic()
        self._on_progress(progress)

    def beat_if_due(self) -> bool:
        """Beat several times per lease; returns whether it did. Raises RunLost."""
        is_due = monotonic() - self._last_beat >= self._heartbeat_seconds
        if is_due:
            self.beat()
        return is_due

    def is_cancelled(self) -> bool:
        """Whether a person cancelled this run."""
        return SyncLog.objects.filter(pk=self._row.pk, cancel_asked_at__isnull=False).exists()

    def close(self, failure: Failure | None = None) -> SyncResult:
        """Finish the run: `partial` where some steps are stored whole and another failed."""
        failures = [*([failure] if failure else []), *self._failures]
        status = SyncLog.Status.SUCCESS
        if failures:
            status = SyncLog.Status.PARTIAL if self._steps_done else SyncLog.Status.FAILED
        return self._close(status, failures)

    def close_cancelled(self) -> SyncResult:
        """Finish the run because a person cancelled it; the next one resumes from here."""
        return self._close(SyncLog.Status.CANCELLED, [])

    def _close(self, status: str, failures: Sequence[Failure]) -> SyncResult:
        was_open = close(
            self._row.pk, status=status, failures=failures, notes=self._notes, now=self._now(), **self._counts()
        )
        if was_open and self._row.account_id is not None:
            sync_finished.send_robust(
                type(self), ad_account_id=self._row.account_id, run_id=self._row.pk, status=status
            )
        return SyncResult(
            ad_account_id=self._row.account_id,
            status=status,
            reason="\n".join(map(str, failures)),
            notes="\n".join(self._notes),
            rows=dict(self._rows),
            rejected=self._rejected,
            api_calls=self._requests.client.calls_made,
            seconds=round(monotonic() - self._started, 3),
            error_kind=failures[0].kind if failures else None,
            run_id=self._row.pk,
        )

    def _counts(self) -> dict[str, int]:
        return {
            "api_calls_made": self._requests.client.calls_made,
            "api_calls_throttled": self._requests.client.calls_throttled,
            "rows_stored": self._rows.total(),
            "rows_rejected": self._rejected,
        }

    def _progress(self) -> Progress:
        calls = self._requests.client.calls_made
        expected = calls + self._requests.calls_left()
        # Until the listings are read it is unknown how much is left.
        share = round(calls / expected, 3) if self._requests.is_planned else 0.0
        return Progress(self._step, calls, expected, self._rows.total(), share)

    def _keep_as_received(self, invalid: Sequence[Rejected]) -> None:
        RejectedRecord.objects.bulk_create(
            [
                RejectedRecord(
                    run=self._row,
                    account_id=self._row.account_id,
                    endpoint=one.endpoint,
                    payload=one.payload,
                    reason=one.reason,
                )
                for one in invalid
            ]
        )


def _commit_without_waiting_for_the_disk() -> None:
    """This commit does not wait for the disk: closing the run does, for all of them.

    If PostgreSQL's machine dies before that, the last answers are lost together with the note that their days are
    covered.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")
