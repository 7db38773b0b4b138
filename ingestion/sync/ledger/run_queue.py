"""Syncs that people requested and no worker has started yet."""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.models import AdAccount, User
from accounts.shell.clock import TOLERANCE
from ingestion.models import SyncLog
from ingestion.sync.ledger.closing import close_stale
from ingestion.sync.ledger.opening import AlreadyRunning

# A queued sync that no worker started for this long is sent again: the broker may have lost its message.
_RESENT_AFTER = timedelta(minutes=10)


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
        )


def dequeue(run_id: int) -> None:
    """Drop a queued sync that turned out not to be due; the gate keeps the reason."""
    SyncLog.objects.filter(pk=run_id, status=SyncLog.Status.QUEUED).delete()


def overdue_to_resend(*, now: datetime) -> list[tuple[int, int]]:
    """Queued syncs whose message may be lost, as (run id, ad account id); the caller sends them again."""
    with transaction.atomic():
        waiting = SyncLog.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            Q(heartbeat_at__lt=now - _RESENT_AFTER) | Q(heartbeat_at__gt=now + TOLERANCE), status=SyncLog.Status.QUEUED
        )
        found = [(row.pk, row.account_id) for row in waiting if row.account_id is not None]
        SyncLog.objects.filter(pk__in=[run_id for run_id, _ in found]).update(heartbeat_at=now)
    return found
