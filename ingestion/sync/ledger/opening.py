"""How a run begins: as a row of its own, or as the queued row of a person's request."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit_trail
from ingestion.models import SyncLog
from ingestion.sync.failures import Failure
from ingestion.sync.interruption import SyncCancelled
from ingestion.sync.ledger.closing import close, close_stale
from ingestion.sync.result import SyncResult


class AlreadyRunning(Exception):
    """Another process syncs this ad account now."""

    def __init__(self, running: SyncLog | None) -> None:
        since = f" since {running.started_at:%H:%M:%S} UTC" if running else ""
        super().__init__(f"This ad account is already syncing{since}; wait for it to end.")
        self.running = running


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a run is to do; no ad account means all of them.

    `queued_run_id` is the queued row that becomes the run. `requested_in` is the run in which a person requested
    this work, where another run of it has been made since.
    """

    ad_account_id: int | None
    trigger: str
    first_day: date | None = None
    last_day: date | None = None
    queued_run_id: int | None = None
    requested_in: int | None = None


def open_run(request: RunRequest, *, now: datetime) -> SyncLog:
    """Open the one running row of an ad account. Raises AlreadyRunning, SyncCancelled.

    A run whose heartbeat is older than its lease is closed first. With `resume` the run starts where an unfinished
    one stopped. Runs of all ad accounts do not exclude each other.
    """
    if request.ad_account_id is not None:
        close_stale(ad_account_id=request.ad_account_id)
    columns: dict[str, object] = {
        "account_id": request.ad_account_id,
        "trigger": request.trigger,
        "started_at": now,
        "heartbeat_at": timezone.now(),
        "first_day": request.first_day,
        "last_day": request.last_day,
    }
    if request.requested_in:
        columns |= SyncLog.objects.filter(pk=request.requested_in).values("asked_by_id", "forced").first() or {}
    try:
        with transaction.atomic():
            row = _opened(request.queued_run_id, columns)
            if request.trigger == SyncLog.Trigger.COMMAND:
                audit_trail.record("sync_started_by_hand", ad_account_id=request.ad_account_id, by="command")
            return row
    except IntegrityError as error:
        if "an_ad_account_has_one_running_sync" not in str(error):
            raise
    running = SyncLog.objects.filter(account_id=request.ad_account_id, status=SyncLog.Status.RUNNING).first()
    raise AlreadyRunning(running)


def _opened(queued_run_id: int | None, columns: dict[str, object]) -> SyncLog:
    if queued_run_id is None:
        return SyncLog.objects.create(**columns)
    queued = SyncLog.objects.filter(pk=queued_run_id, status=SyncLog.Status.QUEUED)
    if not queued.update(status=SyncLog.Status.RUNNING, **columns):
        raise SyncCancelled
    return SyncLog.objects.get(pk=queued_run_id)


def record_refusal(request: RunRequest, failure: Failure, *, now: datetime) -> SyncResult:
    """Record a sync that could not begin.

    The timetable tries again and again: the same refusal is recorded once, not each time.
    """
    runs = SyncLog.objects.filter(account_id=request.ad_account_id).exclude(status=SyncLog.Status.QUEUED)
    last = runs.order_by("-started_at", "-pk").first()
    if request.trigger == SyncLog.Trigger.SCHEDULE and last is not None and last.errors == str(failure):
        run_id = last.pk
    else:
        row = open_run(replace(request, requested_in=None), now=now)
        close(row.pk, status=SyncLog.Status.FAILED, failures=[failure], now=now)
        run_id = row.pk
    return SyncResult(
        request.ad_account_id, SyncLog.Status.FAILED, str(failure), error_kind=failure.kind, run_id=run_id
    )
