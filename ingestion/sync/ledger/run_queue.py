"""Syncs that people requested and no worker has started yet."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import F

from accounts.models import AdAccount, User
from ingestion.models import SyncLog
from ingestion.processes import work_requests
from ingestion.processes.work_requests import RESENT_AFTER, Message
from ingestion.sync.ledger import next_tries
from ingestion.sync.ledger.closing import close_stale
from ingestion.sync.ledger.opening import AlreadyRunning


def enqueue(
    *,
    ad_account_id: int,
    requested_by: User,
    forced: bool = False,
    first_day: date | None = None,
    last_day: date | None = None,
    trigger: str = SyncLog.Trigger.MANUAL,
    now: datetime,
) -> SyncLog:
    """Add the row of a sync that a person requested; a worker opens it as a run. Raises AlreadyRunning.

    Days that are not given are chosen when it runs.
    """
    close_stale(ad_account_id=ad_account_id)
    with transaction.atomic():
        # Locks the ad account in place of a run that does not exist yet: two requests get one row.
        AdAccount.objects.select_for_update(no_key=True).get(pk=ad_account_id)
        unfinished = SyncLog.objects.filter(account_id=ad_account_id, status__in=SyncLog.UNFINISHED)
        if running := unfinished.order_by("-started_at").first():
            raise AlreadyRunning(running)
        return SyncLog.objects.create(
            account_id=ad_account_id,
            status=SyncLog.Status.QUEUED,
            trigger=trigger,
            asked_by=requested_by,
            forced=forced,
            first_day=first_day,
            last_day=last_day,
            started_at=now,
            heartbeat_at=now,
            resend_at=now + RESENT_AFTER,
        )


def skip(message: Message, reason: str, *, now: datetime) -> None:
    """Close a queued sync that turned out not to be due; where it was to be tried again, it is not."""
    queued = SyncLog.objects.filter(pk=message.row_id, delivery=message.delivery, status=SyncLog.Status.QUEUED)
    closed = queued.update(
        status=SyncLog.Status.SKIPPED, reason=reason, finished_at=now, resend_at=None, delivery=F("delivery") + 1
    )
    if not closed:
        next_tries.call_off(message.row_id)


def overdue_to_resend(*, now: datetime) -> list[SyncLog]:
    """Requested syncs whose message may be lost, or whose next try is due; the caller sends them."""
    return work_requests.overdue(SyncLog, now=now)
