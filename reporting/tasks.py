"""What Celery calls in this room: ids in, one call, a small summary out."""

import logging
from dataclasses import asdict
from datetime import timedelta

from celery import Task, shared_task
from django.utils import timezone
from structlog.contextvars import bind_contextvars

from accounts.models import AdAccount
from ingestion.processes.task_results import row_is_gone
from ingestion.timetable.schedules import RegularTask
from reporting.change_feed import tombstones
from reporting.checks import findings
from reporting.models import Snapshot
from reporting.operations import ad_account_removal
from reporting.queries.findings import forgotten_audits
from reporting.snapshots import snapshot_store

log = logging.getLogger(__name__)

_SYNC_ENDS_SECONDS = 10


@shared_task
def audit_ad_account(ad_account_id: int) -> dict[str, object]:
    """Judge an ad account as of its last sync."""
    bind_contextvars(ad_account_id=ad_account_id)
    try:
        result = findings.audit_ad_account(ad_account_id, now=timezone.now())
    except AdAccount.DoesNotExist:
        return row_is_gone(f"Ad account {ad_account_id}", nothing_to="check")
    if result is None:
        return {"status": "never synced"}
    return {"status": "judged", **asdict(result)}


@shared_task
def audit_forgotten() -> dict[str, int]:
    """Tell workers again of audits that wait for long."""
    ad_account_ids = forgotten_audits(now=timezone.now())
    for ad_account_id in ad_account_ids:
        audit_ad_account.delay(ad_account_id)
    return {"told_again": len(ad_account_ids)}


@shared_task
def snapshot_after_sync(ad_account_id: int) -> dict[str, object]:
    """Write what is stored of an ad account as one document, unless the newest one says the same."""
    bind_contextvars(ad_account_id=ad_account_id)
    try:
        snapshot = snapshot_store.write_after_sync(ad_account_id, now=timezone.now())
    except AdAccount.DoesNotExist:
        return row_is_gone(f"Ad account {ad_account_id}", nothing_to="write")
    if snapshot is None:
        return {"status": "unchanged"}
    if snapshot.trouble:
        log.warning("Ad account %s: %s", ad_account_id, snapshot.trouble)
    return {"status": snapshot.state, "snapshot_id": snapshot.pk, "size_bytes": snapshot.size_bytes}


@shared_task
def write_snapshot(snapshot_id: int) -> dict[str, object]:
    """Write the document that a person asked for."""
    try:
        snapshot = snapshot_store.write_queued(snapshot_id, now=timezone.now())
    except Snapshot.DoesNotExist:
        return row_is_gone(f"Snapshot {snapshot_id}", nothing_to="write")
    return {"status": snapshot.state, "size_bytes": snapshot.size_bytes}


@shared_task
def prune_snapshots() -> dict[str, int]:
    """Remove snapshots that are kept no longer, and what was left of broken ones."""
    return {"removed": snapshot_store.prune(now=timezone.now())}


@shared_task
def prune_deleted_rows() -> dict[str, int]:
    """Forget rows that were deleted longer ago than the change feed remembers."""
    return {"removed": tombstones.prune(now=timezone.now())}


@shared_task(bind=True, max_retries=None)
def remove_ad_account(self: Task[..., object], ad_account_id: int) -> dict[str, int]:
    """Remove an ad account that was marked for it, with everything that is stored of it."""
    bind_contextvars(ad_account_id=ad_account_id)
    try:
        return {"removed": ad_account_removal.carry_out(ad_account_id)}
    except ad_account_removal.StillSyncing:
        raise self.retry(countdown=_SYNC_ENDS_SECONDS, throw=False) from None


# What beat runs, by the names that the entries have in existing databases.
BEAT_SCHEDULE: dict[str, RegularTask] = {
    "Have forgotten audits judged": {"task": audit_forgotten.name, "schedule": timedelta(minutes=10)},
    "Prune deleted rows of the change feed": {"task": prune_deleted_rows.name, "schedule": timedelta(days=1)},
    "Prune old snapshots": {"task": prune_snapshots.name, "schedule": timedelta(days=1)},
}
