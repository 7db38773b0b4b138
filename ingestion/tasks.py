"""Celery's doors into this room: ids in, one call, a small summary out."""

import logging
import random
from typing import Any

from celery import Task, shared_task
from celery.exceptions import Reject
from celery.signals import beat_init
from django.utils import timezone
from structlog.contextvars import bind_contextvars

from accounts.models import AdAccount, LinkedInConnection
from ingestion.models import SyncLog
from ingestion.processes import graceful_shutdown
from ingestion.sync import sync
from ingestion.sync.failures import explain
from ingestion.sync.interruption import SyncCancelled
from ingestion.sync.ledger import closing, pruning, run_queue
from ingestion.sync.ledger.opening import AlreadyRunning
from ingestion.timetable import discovery, lost_roles, schedules

log = logging.getLogger(__name__)

# What heals by itself is tried again, first after a minute, then after twice as long each time. The rest waits
# for a person, for midnight, or for the timetable.
_HEALS = {SyncLog.ErrorKind.NETWORK, SyncLog.ErrorKind.TIMEOUT, SyncLog.ErrorKind.INTERNAL}
_FIRST_RETRY_SECONDS = 60
_RETRIES = 6


@beat_init.connect
def keep_timetable(**_: Any) -> None:
    """Beat finds the housekeeping entries in its timetable, and syncs that were due meanwhile spread out."""
    schedules.schedule_housekeeping()
    schedules.spread_overdue_syncs(now=timezone.now())


@shared_task(bind=True, max_retries=_RETRIES)
def sync_ad_account(
    self: Task[Any, Any],
    ad_account_id: int,
    force: bool = False,
    trigger: str = SyncLog.Trigger.SCHEDULE,
    run_id: int | None = None,
) -> Any:
    """Sync one ad account if it is due; with `run_id` as a person asked there."""
    bind_contextvars(ad_account_id=ad_account_id)
    try:
        if not AdAccount.objects.filter(pk=ad_account_id).exists():
            log.warning("Ad account %s is gone; nothing to sync.", ad_account_id)
            return {"status": "gone"}
        wish = _wish_of(run_id) if run_id else {"force": force, "trigger": trigger}
        with graceful_shutdown.after_the_answer_in_hand():
            result = sync.sync_ad_account(ad_account_id, **wish, should_stop=graceful_shutdown.is_asked_for)
    except AlreadyRunning as running:
        if run_id:
            # The timetable was faster; the person's days may be others.
            raise _again_later(self) from None
        log.info("Ad account %s: %s", ad_account_id, running)
        return {"status": "skipped", "reason": str(running)}
    except SyncCancelled:
        return {"status": "cancelled"}
    except Exception as error:
        failure = explain(error)
        if failure is None:
            raise
        log.warning("Ad account %s: %s", ad_account_id, failure)
        raise _again_later(self) from None
    if graceful_shutdown.is_asked_for() and result.error_kind == SyncLog.ErrorKind.TIMEOUT:
        # Back into the queue at once: another worker goes on from where this one stopped.
        raise Reject(result.reason, requeue=True)
    if result.error_kind in _HEALS:
        raise _again_later(self)
    return {"status": result.status, "reason": result.reason, "rows": result.rows}


def _wish_of(run_id: int) -> dict[str, Any]:
    """What a person asked for; again, with what is left of it, where a worker had begun. Raises SyncCancelled."""
    run = SyncLog.objects.filter(pk=run_id).first()
    if run is None or run.status in {SyncLog.Status.CANCELLED, SyncLog.Status.SUCCESS}:
        raise SyncCancelled
    is_queued = run.status == SyncLog.Status.QUEUED
    return {
        "force": run.forced,
        "first_day": run.first_day,
        "last_day": run.last_day,
        "trigger": run.trigger if is_queued else SyncLog.Trigger.RETRY,
        "queued_run_id": run.pk if is_queued else None,
        "requested_in": run.pk,
    }


@shared_task(bind=True, max_retries=_RETRIES)
def discover_ad_accounts(self: Task[Any, Any], connection_id: int) -> Any:
    """List the ad accounts of a connection and start the sync of each that is due."""
    if not LinkedInConnection.objects.filter(pk=connection_id).exists():
        log.warning("LinkedIn connection %s is gone; nothing to discover.", connection_id)
        schedules.unschedule_discovery(connection_id)
        return {"status": "gone"}
    result, found = discovery.discover_ad_accounts(connection_id)
    if result.error_kind in _HEALS:
        raise _again_later(self)
    for ad_account_id in found:
        sync_ad_account.delay(ad_account_id, trigger=SyncLog.Trigger.DISCOVERY)
    return {"status": result.status, "reason": result.reason, "ad_accounts": len(found)}


@shared_task
def close_dead_runs() -> Any:
    """Close runs whose process died, and go on with their work."""
    ad_account_ids = closing.close_stale()
    for ad_account_id in ad_account_ids:
        sync_ad_account.delay(ad_account_id)
    for run_id, ad_account_id in run_queue.claim_overdue(now=timezone.now()):
        sync_ad_account.delay(ad_account_id, run_id=run_id)
    return {"closed": len(ad_account_ids)}


@shared_task
def look_for_lost_roles() -> Any:
    """Look again at connections that lost a role, so that one that came back is noticed soon."""
    connection_ids = lost_roles.connections_to_look_at(now=timezone.now())
    for connection_id in connection_ids:
        discover_ad_accounts.delay(connection_id)
    return {"looked_at": len(connection_ids)}


@shared_task
def prune_runs() -> Any:
    """Remove old runs and rejected records that nobody needs any more."""
    return {"removed": pruning.prune()}


def _again_later(task: Task[Any, Any]) -> Exception:
    """Celery's signal to try again after a growing delay."""
    delay = _FIRST_RETRY_SECONDS * 2**task.request.retries * random.uniform(0.8, 1.2)  # noqa: S311
    retry: Exception = task.retry(countdown=delay, throw=False)
    return retry
