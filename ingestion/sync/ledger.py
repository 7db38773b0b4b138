"""The rows of `sync_log`: queued, taken, ended, pruned. What happens in between is in `running.py`; nobody else
writes that table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts import audit_trail
from accounts.models import AdAccount, User
from ingestion.models import RejectedRecord, SyncLog
from ingestion.sync.failures import Failure

# A queued sync that no worker took for so long is told of again: the broker may have forgotten it.
_TOLD_AGAIN_AFTER = timedelta(minutes=10)
_KEPT = timedelta(days=90)


class AlreadyRunning(Exception):
    """Another process syncs this ad account now."""

    def __init__(self, running: SyncLog | None) -> None:
        since = f" since {running.started_at:%H:%M:%S} UTC" if running else ""
        super().__init__(f"This ad account is being synced already{since}; wait for it to end.")
        self.running = running


class Cancelled(Exception):
    """A person asked for this run to end."""


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
    asked: Any = SyncLog.objects.filter(pk=asked_in or 0).values("asked_by_id", "forced").first() or {}
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
                audit_trail.record("sync_started_by_hand", ad_account_id=ad_account_id, by="command")
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


def cancel_all(ad_account_id: int, *, now: datetime) -> bool:
    """End the runs of an ad account that is to go; returns whether none is left."""
    unfinished = SyncLog.objects.filter(account=ad_account_id, status__in=SyncLog.UNFINISHED)
    for run_id in unfinished.values_list("pk", flat=True):
        cancel(run_id, now=now)
    return not unfinished.exists()


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
    earlier_that_day = SyncLog.objects.filter(
        account=OuterRef("account"),
        status=SyncLog.Status.SUCCESS,
        started_at__date=OuterRef("started_at__date"),
        # Within reach of an index.
        started_at__gt=OuterRef("started_at") - timedelta(days=1),
        started_at__lt=OuterRef("started_at"),
    )
    removed, _ = (
        SyncLog.objects.filter(started_at__lt=old)
        .filter(~Q(status=SyncLog.Status.SUCCESS) | Q(account=None) | Exists(earlier_that_day))
        .delete()
    )
    return removed


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
        finish(row, status=SyncLog.Status.FAILED, failures=[failure], now=now)
        run_id = row.pk
    return SyncResult(ad_account_id, SyncLog.Status.FAILED, str(failure), error_kind=failure.kind, run_id=run_id)


def finish(row: SyncLog, *, status: str, failures: Sequence[Failure], now: datetime, **counts: int) -> bool:
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
