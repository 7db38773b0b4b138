"""How a run begins: as a row of its own, or as the queued row of a person's request."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts import audit_trail
from ingestion.models import SyncLog
from ingestion.processes import work_requests
from ingestion.processes.work_requests import AlreadyTaken, Message
from ingestion.sync.failures import Failure
from ingestion.sync.interruption import SyncCancelled
from ingestion.sync.ledger.closing import close, close_stale
from ingestion.sync.result import SyncResult


class AlreadyRunning(Exception):
    """Another process syncs this ad account now."""

    def __init__(self, running: SyncLog | None) -> None:
        since = f" (since {running.started_at:%H:%M:%S} UTC)" if running else ""
        super().__init__(f"This ad account is already syncing{since}; wait for it to end.")
        self.running = running


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a run is to do; no ad account means all of them.

    `message` names the queued row that becomes the run, or a run that is tried again. `continues` is the run whose work
    this one continues.
    """

    ad_account_id: int | None
    trigger: str
    first_day: date | None = None
    last_day: date | None = None
    message: Message | None = None
    continues: int | None = None


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
    try:
        with transaction.atomic():
            row = _opened(request, columns, now=now)
            if request.trigger == SyncLog.Trigger.COMMAND:
                audit_trail.record("sync_started_by_hand", ad_account_id=request.ad_account_id, by="command")
            return row
    except IntegrityError as error:
        if "an_ad_account_has_one_running_sync" not in str(error):
            raise
    running = SyncLog.objects.filter(account_id=request.ad_account_id, status=SyncLog.Status.RUNNING).first()
    raise AlreadyRunning(running)


def _opened(request: RunRequest, columns: dict[str, object], *, now: datetime) -> SyncLog:
    """The queued row, or a new one, which inherits who asked for it."""
    message, continues = request.message, request.continues
    if message:
        with suppress(AlreadyTaken):
            return work_requests.take(SyncLog, message, now=now, resend_at=None, **columns)
        ended = SyncLog.objects.filter(pk=message.row_id, delivery=message.delivery, status__in=SyncLog.TRIED_AGAIN)
        if not ended.update(delivery=F("delivery") + 1, resend_at=None):
            raise SyncCancelled
        continues = message.row_id
    continued = SyncLog.objects.filter(pk=continues).first() if continues else None
    if continued:
        columns |= {"continues": continued, "asked_by_id": continued.asked_by_id, "forced": continued.forced}
    return SyncLog.objects.create(**columns)


def record_refusal(request: RunRequest, failure: Failure, *, now: datetime) -> SyncResult:
    """Record a sync that could not begin.

    The timetable tries again and again: the same refusal is recorded once, not each time.
    """
    runs = SyncLog.objects.filter(account_id=request.ad_account_id).exclude(status__in=SyncLog.NEVER_RAN)
    last = runs.order_by("-started_at", "-pk").first()
    if request.trigger == SyncLog.Trigger.SCHEDULE and last is not None and last.errors == str(failure):
        run_id = last.pk
    else:
        row = open_run(request, now=now)
        close(row.pk, status=SyncLog.Status.FAILED, failures=[failure], now=now)
        run_id = row.pk
    return SyncResult(
        request.ad_account_id, SyncLog.Status.FAILED, str(failure), error_kind=failure.kind, run_id=run_id
    )
