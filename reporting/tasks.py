"""Celery tasks: ids in, one call, a small summary out. Timetables in databases hold their names, so those stay."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

from celery import Task, shared_task
from django.utils import timezone
from structlog.contextvars import bind_contextvars

from accounts.models import AdAccount
from ingestion.processes import work_requests
from ingestion.processes.task_results import row_is_gone
from ingestion.processes.work_requests import AlreadyTaken, Message
from ingestion.timetable.schedules import RegularTask
from reporting.change_feed import tombstones
from reporting.checks import check_queue
from reporting.models import CheckRequest, Snapshot
from reporting.operations import ad_account_removal, bi_limits
from reporting.snapshots import snapshot_store

log = logging.getLogger(__name__)

_SYNC_ENDS_SECONDS = 10
Summary = Mapping[str, object]


@shared_task(name="reporting.tasks.audit_ad_account")
def check_ad_account(ad_account_id: int, delivery: int = 1) -> Summary:
    """Check an ad account as of its last sync, as was requested; messages of 0.1.0 carry no number."""
    bind_contextvars(ad_account_id=ad_account_id)
    try:
        result = check_queue.check(Message(ad_account_id, delivery), now=timezone.now())
    except AlreadyTaken:
        if not AdAccount.objects.filter(pk=ad_account_id).exists():
            return row_is_gone(f"Ad account {ad_account_id}", nothing_to="check")
        return {"status": "already taken"}
    if result is None:
        return {"status": "never synced"}
    return {"status": "checked", **asdict(result)}


@shared_task(name="reporting.tasks.audit_forgotten")
def requeue_lost_checks() -> Summary:
    """Send checks again whose message may be lost, or that failed."""
    requests = work_requests.overdue(CheckRequest, now=timezone.now())
    for one in requests:
        check_ad_account.delay(one.pk, one.delivery)
    return {"requeued": len(requests)}


@shared_task
def snapshot_after_sync(ad_account_id: int) -> Summary:
    """Write a snapshot of an ad account, unless it would equal the newest one."""
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
def write_snapshot(snapshot_id: int, delivery: int = 1) -> Summary:
    """Write a snapshot that a person requested; messages of 0.1.0 carry no number."""
    try:
        snapshot = snapshot_store.write_queued(Message(snapshot_id, delivery), now=timezone.now())
    except Snapshot.DoesNotExist:
        return row_is_gone(f"Snapshot {snapshot_id}", nothing_to="write")
    return {"status": snapshot.state, "size_bytes": snapshot.size_bytes}


@shared_task
def requeue_lost_snapshots() -> Summary:
    """Send requests for snapshots again whose message may be lost, or that failed."""
    requests = work_requests.overdue(Snapshot, now=timezone.now())
    for one in requests:
        write_snapshot.delay(one.pk, one.delivery)
    return {"requeued": len(requests)}


@shared_task
def prune_snapshots() -> Summary:
    """Remove expired snapshots, and files left by interrupted ones."""
    return {"removed": snapshot_store.prune(now=timezone.now())}


@shared_task
def prune_deleted_rows() -> dict[str, int]:
    """Forget rows that were deleted longer ago than the change feed remembers."""
    return {"removed": tombstones.prune(now=timezone.now())}


@shared_task(bind=True, max_retries=None)
def remove_ad_account(self: "Task[[int], Summary]", ad_account_id: int) -> Summary:
    """Remove an ad account that was marked for removal, with all its data."""
    bind_contextvars(ad_account_id=ad_account_id)
    try:
        return {"removed": ad_account_removal.carry_out(ad_account_id)}
    except ad_account_removal.StillSyncing:
        raise self.retry(countdown=_SYNC_ENDS_SECONDS, throw=False) from None


_EXPORTS = "reporting.exports.tasks"  # a module above this one


@shared_task
def hold_bi_roles_to_limits() -> Summary:
    """End what roles for BI tools run for too long, and set back limits that they changed."""
    ended, set_back = bi_limits.enforce()
    if ended or set_back:
        log.warning("BI roles: %s sessions over their limits ended, settings of %s roles set back.", ended, set_back)
    return {"ended": ended, "set_back": set_back}


# What beat runs, by the names that the entries have in existing databases.
BEAT_SCHEDULE: dict[str, RegularTask] = {
    "Queue lost checks again": {"task": requeue_lost_checks.name, "schedule": timedelta(minutes=10)},
    "Queue lost snapshots again": {"task": requeue_lost_snapshots.name, "schedule": timedelta(minutes=10)},
    "Hold BI roles to their limits": {"task": hold_bi_roles_to_limits.name, "schedule": timedelta(minutes=1)},
    "Prune deleted rows of the change feed": {"task": prune_deleted_rows.name, "schedule": timedelta(days=1)},
    "Queue lost exports again": {
        "task": f"{_EXPORTS}.requeue_lost_exports",
        "schedule": timedelta(minutes=1),
    },
    "Prune old exports": {"task": f"{_EXPORTS}.prune_exports", "schedule": timedelta(hours=1)},
    "Prune old snapshots": {"task": prune_snapshots.name, "schedule": timedelta(days=1)},
}
