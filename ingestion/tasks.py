"""What Celery calls in this room: ids in, one call, a small summary out."""

import logging
import random
from datetime import date, timedelta
from typing import TypedDict

from celery import Task, shared_task
from celery.exceptions import Reject
from celery.signals import beat_init
from django.utils import timezone
from structlog.contextvars import bind_contextvars

from accounts.models import AdAccount, LinkedInConnection
from ingestion.models import SyncLog
from ingestion.processes import graceful_shutdown
from ingestion.processes.task_results import row_is_gone
from ingestion.sync import sync
from ingestion.sync.failures import explain
from ingestion.sync.interruption import SyncCancelled
from ingestion.sync.ledger import closing, pruning, run_queue
from ingestion.sync.ledger.opening import AlreadyRunning
from ingestion.timetable import discovery, lost_roles, schedules

log = logging.getLogger(__name__)

# Temporary errors are retried after a minute, then after twice as long each time. All others wait for a person,
# for midnight, or for the timetable.
_HEALS = {SyncLog.ErrorKind.NETWORK, SyncLog.ErrorKind.TIMEOUT, SyncLog.ErrorKind.INTERNAL}
_FIRST_RETRY_SECONDS = 60
_RETRIES = 6


class _SyncOptions(TypedDict, total=False):
    """What `sync_ad_account` takes."""

    force: bool
    trigger: str
    first_day: date | None
    last_day: date | None
    queued_run_id: int | None
    requested_in: int


@beat_init.connect
def keep_timetable(**_: object) -> None:
    """Create the entries of regular tasks before beat reads its timetable, and spread out syncs that are overdue."""
    schedules.schedule_regular_tasks()
    schedules.spread_overdue_syncs(now=timezone.now())


@shared_task(bind=True, max_retries=_RETRIES)
def sync_ad_account(
    self: Task[..., object],
    ad_account_id: int,
    force: bool = False,
    trigger: str = SyncLog.Trigger.SCHEDULE,
    run_id: int | None = None,
) -> dict[str, object]:
    """Sync one ad account if it is due; with `run_id` as a person requested in that run."""
    bind_contextvars(ad_account_id=ad_account_id)
    try:
        if not AdAccount.objects.filter(pk=ad_account_id).exists():
            return row_is_gone(f"Ad account {ad_account_id}", nothing_to="sync")
        options = _options_of(run_id) if run_id else _SyncOptions(force=force, trigger=trigger)
        with graceful_shutdown.after_the_current_request():
            result = sync.sync_ad_account(ad_account_id, **options, should_stop=graceful_shutdown.is_asked_for)
    except AlreadyRunning as running:
        if run_id:
            # The timetable was faster; the person may have requested other days.
            raise _retry(self) from None
        log.info("Ad account %s: %s", ad_account_id, running)
        return {"status": "skipped", "reason": str(running)}
    except SyncCancelled:
        return {"status": "cancelled"}
    except Exception as error:
        failure = explain(error)
        if failure is None:
            raise
        log.warning("Ad account %s: %s", ad_account_id, failure)
        raise _retry(self) from None
    if graceful_shutdown.is_asked_for() and result.error_kind == SyncLog.ErrorKind.TIMEOUT:
        # Back into the queue at once: another worker resumes where this one stopped.
        raise Reject(result.reason, requeue=True)
    if result.error_kind in _HEALS:
        raise _retry(self)
    return {"status": result.status, "reason": result.reason, "rows": result.rows}


def _options_of(run_id: int) -> _SyncOptions:
    """What a person requested, or what is left of it where a worker had begun. Raises SyncCancelled."""
    run = SyncLog.objects.filter(pk=run_id).first()
    if run is None or run.status in {SyncLog.Status.CANCELLED, SyncLog.Status.SUCCESS}:
        raise SyncCancelled
    is_queued = run.status == SyncLog.Status.QUEUED
    return {
        "force": run.forced,
        "first_day": run.first_day,
        "last_day": run.last_day,
        "trigger": (run.trigger or SyncLog.Trigger.MANUAL) if is_queued else SyncLog.Trigger.RETRY,
        "queued_run_id": run.pk if is_queued else None,
        "requested_in": run.pk,
    }


@shared_task(bind=True, max_retries=_RETRIES)
def discover_ad_accounts(self: Task[..., object], connection_id: int) -> dict[str, object]:
    """List the ad accounts of a connection and start the sync of each that is due."""
    if not LinkedInConnection.objects.filter(pk=connection_id).exists():
        schedules.unschedule_discovery(connection_id)
        return row_is_gone(f"LinkedIn connection {connection_id}", nothing_to="discover")
    result, found = discovery.discover_ad_accounts(connection_id)
    if result.error_kind in _HEALS:
        raise _retry(self)
    for ad_account_id in found:
        sync_ad_account.delay(ad_account_id, trigger=SyncLog.Trigger.DISCOVERY)
    return {"status": result.status, "reason": result.reason, "ad_accounts": len(found)}


@shared_task
def close_dead_runs() -> dict[str, int]:
    """Close runs whose process died, and resume their work."""
    ad_account_ids = closing.close_stale()
    for ad_account_id in ad_account_ids:
        sync_ad_account.delay(ad_account_id)
    for run_id, ad_account_id in run_queue.overdue_to_resend(now=timezone.now()):
        sync_ad_account.delay(ad_account_id, run_id=run_id)
    return {"closed": len(ad_account_ids)}


@shared_task
def look_for_lost_roles() -> dict[str, int]:
    """Discover again for connections that lost a role, so that one that came back is noticed soon."""
    connection_ids = lost_roles.connections_to_check(now=timezone.now())
    for connection_id in connection_ids:
        discover_ad_accounts.delay(connection_id)
    return {"looked_at": len(connection_ids)}


@shared_task
def prune_runs() -> dict[str, int]:
    """Remove old runs and rejected records."""
    return {"removed": pruning.prune()}


def _retry(task: Task[..., object]) -> Exception:
    """Celery's signal to retry after a growing delay."""
    delay = _FIRST_RETRY_SECONDS * 2**task.request.retries * random.uniform(0.8, 1.2)  # noqa: S311
    retry: Exception = task.retry(countdown=delay, throw=False)
    return retry


# What beat runs, by the names that the entries have in existing databases.
BEAT_SCHEDULE: dict[str, schedules.RegularTask] = {
    "Close dead syncs": {"task": close_dead_runs.name, "schedule": timedelta(minutes=1)},
    "Look for lost roles": {"task": look_for_lost_roles.name, "schedule": timedelta(minutes=1)},
    "Prune old sync runs": {"task": prune_runs.name, "schedule": timedelta(days=1)},
}
