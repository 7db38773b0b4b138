"""How a run ends: it finishes, a person cancels it, or its process dies."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from ingestion.models import SyncLog
from ingestion.sync import coverage
from ingestion.sync.failures import Failure
from ingestion.sync.ledger import next_tries


def close(
    run_id: int, *, status: str, failures: Sequence[Failure], now: datetime, notes: Sequence[str] = (), **counts: int
) -> bool:
    """Close a run; returns whether it was still open. The first failure gives the kind."""
    closed = SyncLog.objects.filter(pk=run_id, status=SyncLog.Status.RUNNING).update(
        status=status,
        finished_at=now,
        heartbeat_at=now,
        errors="\n".join(map(str, failures)) or None,
        error_kind=failures[0].kind if failures else None,
        notes="\n".join(notes) or None,
        **counts,
    )
    return bool(closed)


def close_stale(*, ad_account_id: int | None = None) -> list[int]:
    """Close runs whose heartbeat stopped; returns the ids of their ad accounts, whose sync is to start again.

    What a person requested is not among them: its request is due again, with the same days.
    """
    now = timezone.now()
    with transaction.atomic():
        stale = SyncLog.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            _is_stale(now), status=SyncLog.Status.RUNNING
        )
        if ad_account_id is not None:
            stale = stale.filter(account_id=ad_account_id)
        found = list(stale.select_related("continues"))
        SyncLog.objects.filter(pk__in=[row.pk for row in found]).update(
            status=SyncLog.Status.FAILED,
            finished_at=now,
            error_kind=SyncLog.ErrorKind.TIMEOUT,
            errors="The process that ran this sync died. The next sync resumes from where it stopped.",
        )
        for row in found:
            if row.account_id is not None:
                coverage.forget_outdated_checks(ad_account_id=row.account_id, asked_at=row.started_at)
        requests = {row.pk: row.continues or row for row in found}
        next_tries.try_again([one.pk for one in requests.values() if one.was_taken], now=now, at_once=True)
    return [row.account_id for row in found if row.account_id is not None and not requests[row.pk].was_taken]


def cancel(run_id: int, *, now: datetime) -> bool:
    """Cancel a run; returns whether there was anything to cancel.

    A queued one ends at once, a running one after the current request, one whose process died at once too. One that
    failed and would be tried again is not.
    """
    closed = SyncLog.objects.filter(pk=run_id, status=SyncLog.Status.QUEUED).update(
        status=SyncLog.Status.CANCELLED,
        finished_at=now,
        heartbeat_at=now,
        cancel_asked_at=now,
        resend_at=None,
        delivery=F("delivery") + 1,
    )
    running = SyncLog.objects.filter(pk=run_id, status=SyncLog.Status.RUNNING)
    closed += running.filter(_is_stale(now)).update(
        status=SyncLog.Status.CANCELLED, finished_at=now, cancel_asked_at=now
    )
    return bool(closed or running.update(cancel_asked_at=now) or next_tries.call_off(run_id))


def cancel_all(ad_account_id: int, *, now: datetime) -> bool:
    """Cancel the runs of an ad account that is being removed; returns whether none is left."""
    unfinished = SyncLog.objects.filter(account=ad_account_id, status__in=SyncLog.UNFINISHED)
    for run_id in unfinished.values_list("pk", flat=True):
        cancel(run_id, now=now)
    return not unfinished.exists()


def _is_stale(now: datetime) -> Q:
    """A heartbeat older than the lease; or as far ahead, which a clock that was wrong wrote."""
    lease = timedelta(seconds=settings.SYNC_LEASE_SECONDS)
    return Q(heartbeat_at__lt=now - lease) | Q(heartbeat_at__gt=now + lease)
