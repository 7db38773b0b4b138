"""The life of one run in `sync_log`: taken, kept alive, finished. Nobody else writes that table."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import AdAccount, User
from ingestion.budget import TokenBudget
from ingestion.failures import Failure
from ingestion.linkedin.client import LinkedInClient
from ingestion.linkedin.endpoints import Page, Rejected
from ingestion.linkedin.errors import DayLimitReached, LinkedInError, TokenRejected, VersionSunset
from ingestion.models import RejectedRecord, SyncLog
from ingestion.rows import Row
from ingestion.side_by_side import SideBySide
from ingestion.signals import sync_finished
from ingestion.windows import DayRange, merged, without

log = logging.getLogger(__name__)

_HEARTBEATS_PER_LEASE = 6
# How often a running sync looks whether a person wants it to end.
_CANCEL_LOOK_SECONDS = 2.0
# A queued sync that no worker took for so long is told of again: the broker may have forgotten it.
_TOLD_AGAIN_AFTER = timedelta(minutes=10)
_KEPT = timedelta(days=90)
# Where `sync_log.answered` names the demographic pivots.
_PIVOTS = "audience_demographics"
# After one of these no further request of this token or version can succeed.
_HOPELESS = (TokenRejected, VersionSunset, DayLimitReached)


class AlreadyRunning(Exception):
    """Another process syncs this ad account now."""

    def __init__(self, running: SyncLog | None) -> None:
        since = f" since {running.started_at:%H:%M:%S} UTC" if running else ""
        super().__init__(f"This ad account is being synced already{since}; wait for it to end.")
        self.running = running


class RunLost(Exception):
    """This run was closed by somebody else while it ran."""


class Cancelled(Exception):
    """A person asked for this run to end."""


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


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one sync did; `status` is a `SyncLog.Status`, or "skipped" with the reason."""

    ad_account_id: int | None
    status: str
    reason: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    api_calls: int = 0
    seconds: float = 0.0
    error_kind: str | None = None
    run_id: int | None = None


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
        closed = _finish(self._row, status=status, failures=failures, now=self._now(), **self._counts())
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


def take(
    *,
    ad_account_id: int | None,
    trigger: str,
    first_day: date | None = None,
    last_day: date | None = None,
    resume: bool = False,
    queued_run_id: int | None = None,
    asked_in: int | None = None,
    now: datetime,
) -> SyncLog:
    """Open the one running row of an ad account, or turn its queued row into it. Raises AlreadyRunning, Cancelled.

    A run whose heartbeat is older than its lease is closed first. With `resume` the work of an unfinished run
    is gone on with. `asked_in` is the run for whose asker this one goes on. No ad account means all of them; such
    runs do not exclude each other.
    """
    if ad_account_id is not None:
        close_stale(ad_account_id=ad_account_id)
    answered = _unfinished_work(ad_account_id, now=now) if resume else {}
    asked = SyncLog.objects.filter(pk=asked_in).values("asked_by_id", "forced").first() or {}
    try:
        with transaction.atomic():
            row = _open(
                queued_run_id,
                account_id=ad_account_id,
                trigger=trigger,
                started_at=now,
                heartbeat_at=timezone.now(),
                first_day=first_day,
                last_day=last_day,
                answered=answered,
                **asked,
            )
            if trigger == SyncLog.Trigger.COMMAND:
                audit.record("sync_started_by_hand", ad_account_id=ad_account_id, by="command")
            return row
    except IntegrityError as error:
        if "an_ad_account_has_one_running_sync" not in str(error):
            raise
    running = SyncLog.objects.filter(account_id=ad_account_id, status=SyncLog.Status.RUNNING).first()
    raise AlreadyRunning(running)


def _open(queued_run_id: int | None, **columns: Any) -> SyncLog:
    if queued_run_id is None:
        return SyncLog.objects.create(**columns)
    queued = SyncLog.objects.filter(pk=queued_run_id, status=SyncLog.Status.QUEUED)
    if not queued.update(status=SyncLog.Status.RUNNING, **columns):
        raise Cancelled
    return SyncLog.objects.get(pk=queued_run_id)


def queue(
    *,
    ad_account_id: int,
    asked_by: User,
    forced: bool = False,
    first_day: date | None = None,
    last_day: date | None = None,
    trigger: str = SyncLog.Trigger.MANUAL,
    now: datetime,
) -> SyncLog:
    """Open the row of a sync that a person asked for; a worker makes it a run. Raises AlreadyRunning.

    Days that are not given are chosen when it runs.
    """
    close_stale(ad_account_id=ad_account_id)
    with transaction.atomic():
        # The ad account's row stands for a run that does not exist yet: two askers get one row.
        AdAccount.objects.select_for_update(no_key=True).get(pk=ad_account_id)
        unfinished = SyncLog.objects.filter(account_id=ad_account_id, status__in=SyncLog.UNFINISHED)
        if running := unfinished.order_by("-started_at").first():
            raise AlreadyRunning(running)
        return SyncLog.objects.create(
            account_id=ad_account_id,
            status=SyncLog.Status.QUEUED,
            trigger=trigger,
            asked_by=asked_by,
            forced=forced,
            first_day=first_day,
            last_day=last_day,
            started_at=now,
            heartbeat_at=now,
        )


def leave_queue(run_id: int) -> None:
    """Nothing is to be done for a queued sync, and the gate has said why."""
    SyncLog.objects.filter(pk=run_id, status=SyncLog.Status.QUEUED).delete()


def cancel(run_id: int, *, now: datetime) -> bool:
    """End a run because a person asks for it; returns whether there was something to end.

    A queued one ends at once, a running one after the answers in hand, one whose process is dead at once too.
    """
    closed = SyncLog.objects.filter(pk=run_id, status=SyncLog.Status.QUEUED).update(
        status=SyncLog.Status.CANCELLED, finished_at=now, heartbeat_at=now, cancel_asked_at=now
    )
    running = SyncLog.objects.filter(pk=run_id, status=SyncLog.Status.RUNNING)
    lease = timedelta(seconds=settings.SYNC_LEASE_SECONDS)
    closed += running.filter(heartbeat_at__lt=now - lease).update(
        status=SyncLog.Status.CANCELLED, finished_at=now, cancel_asked_at=now
    )
    return bool(closed or running.update(cancel_asked_at=now))


def forgotten_in_the_queue(*, now: datetime) -> list[tuple[int, int]]:
    """Queued syncs to tell workers of again, as (run id, ad account id); the caller tells them."""
    with transaction.atomic():
        waiting = SyncLog.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            status=SyncLog.Status.QUEUED, heartbeat_at__lt=now - _TOLD_AGAIN_AFTER
        )
        found = [(row.pk, row.account_id) for row in waiting if row.account_id is not None]
        SyncLog.objects.filter(pk__in=[run_id for run_id, _ in found]).update(heartbeat_at=now)
    return found


def _unfinished_work(ad_account_id: int | None, *, now: datetime) -> dict[str, Any]:
    """What the last run had answered, if it did not end well and is as recent as fresh data is.

    A run that failed with nothing answered, such as a refused one, does not hide the work before it.
    """
    runs = SyncLog.objects.filter(account_id=ad_account_id).exclude(status=SyncLog.Status.QUEUED)
    runs = runs.exclude(status__in=[SyncLog.Status.FAILED, SyncLog.Status.CANCELLED], answered={})
    last = runs.order_by("-started_at", "-pk").first()
    recent = now - timedelta(minutes=settings.FRESHNESS_TTL_MINUTES)
    if last is None or last.status == SyncLog.Status.SUCCESS or last.started_at < recent:
        return {}
    answered: dict[str, Any] = last.answered
    return answered


def close_stale(*, ad_account_id: int | None = None) -> list[int]:
    """Close runs that stopped giving signs of life; returns the ids of their ad accounts."""
    lease = timedelta(seconds=settings.SYNC_LEASE_SECONDS)
    now = timezone.now()
    with transaction.atomic():
        stale = SyncLog.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            status=SyncLog.Status.RUNNING, heartbeat_at__lt=now - lease
        )
        if ad_account_id is not None:
            stale = stale.filter(account_id=ad_account_id)
        found = list(stale)
        SyncLog.objects.filter(pk__in=[row.pk for row in found]).update(
            status=SyncLog.Status.FAILED,
            finished_at=now,
            error_kind=SyncLog.ErrorKind.TIMEOUT,
            errors="The process that ran this sync ended without a word. The next sync goes on from where it was.",
        )
    return [row.account_id for row in found if row.account_id is not None]


def prune() -> int:
    """Remove runs older than 90 days, but for the first success of each ad account and day; returns how many.

    Those tell which days are covered. Rejected records go with their run, and after the same time.
    """
    old = timezone.now() - _KEPT
    RejectedRecord.objects.filter(created_at__lt=old).delete()
    firsts = (
        SyncLog.objects.filter(started_at__lt=old, status=SyncLog.Status.SUCCESS, account__isnull=False)
        .order_by("account", "started_at__date", "started_at")
        .distinct("account", "started_at__date")
    )
    removed, _ = (
        SyncLog.objects.filter(started_at__lt=old).exclude(pk__in=list(firsts.values_list("pk", flat=True))).delete()
    )
    return removed


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


def refuse(
    *,
    ad_account_id: int,
    failure: Failure,
    trigger: str,
    first_day: date,
    last_day: date,
    queued_run_id: int | None = None,
    now: datetime,
) -> SyncResult:
    """Note a sync that could not begin. The timetable asks again and again: it is noted once, not each time."""
    runs = SyncLog.objects.filter(account_id=ad_account_id).exclude(status=SyncLog.Status.QUEUED)
    last = runs.order_by("-started_at", "-pk").first()
    run_id = last.pk if last else None
    if trigger != SyncLog.Trigger.SCHEDULE or last is None or last.errors != str(failure):
        row = take(
            ad_account_id=ad_account_id,
            trigger=trigger,
            first_day=first_day,
            last_day=last_day,
            queued_run_id=queued_run_id,
            now=now,
        )
        _finish(row, status=SyncLog.Status.FAILED, failures=[failure], now=now)
        run_id = row.pk
    return SyncResult(ad_account_id, SyncLog.Status.FAILED, str(failure), error_kind=failure.kind, run_id=run_id)


def _finish(row: SyncLog, *, status: str, failures: Sequence[Failure], now: datetime, **counts: int) -> bool:
    """Whether the run was still open. The first failure names the kind."""
    closed = SyncLog.objects.filter(pk=row.pk, status=SyncLog.Status.RUNNING).update(
        status=status,
        finished_at=now,
        heartbeat_at=now,
        errors="\n".join(str(failure) for failure in failures) or None,
        error_kind=failures[0].kind if failures else None,
        **counts,
    )
    return bool(closed)


def _storable(value: Any) -> Any:
    """PostgreSQL's text and JSON cannot hold the character NUL; show it as its escape instead."""
    if isinstance(value, str):
        return value.replace("\x00", "\\u0000")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value
