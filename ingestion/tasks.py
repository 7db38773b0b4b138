"""What Celery calls in this room: ids in, one call, a small summary out."""

import logging
import random
from contextlib import suppress
from datetime import date, timedelta
from typing import TypedDict, Unpack

from celery import Task, shared_task
from celery.exceptions import Reject
from celery.signals import beat_init
from django.db import Error, close_old_connections
from django.utils import timezone
from structlog.contextvars import bind_contextvars

from accounts.models import AdAccount, LinkedInConnection
from ingestion.models import SyncLog
from ingestion.processes import graceful_shutdown
from ingestion.processes.task_results import row_is_gone
from ingestion.processes.work_requests import Message
from ingestion.sync import sync
from ingestion.sync.failures import explain
from ingestion.sync.interruption import SyncCancelled
from ingestion.sync.ledger import closing, next_tries, pruning, run_queue
from ingestion.sync.ledger.opening import AlreadyRunning
from ingestion.sync.result import SyncResult
from ingestion.timetable import discovery, lost_roles, schedules

log = logging.getLogger(__name__)

# Temporary errors are retried after a minute, then after twice as long each time. All others wait for a person,
# for midnight, or for the timetable.
_HEALS = {SyncLog.ErrorKind.NETWORK, SyncLog.ErrorKind.TIMEOUT, SyncLog.ErrorKind.INTERNAL}
_FIRST_RETRY_SECONDS = 60
_RETRIES = 6


# A requested sync whose ad account is syncing waits this long before it looks again.
_WAITS = timedelta(minutes=1)


Summary = dict[str, object]


class _SyncOptions(TypedDict, total=False):
    """What `sync_ad_account` takes."""

    force: bool
    trigger: str
    first_day: date | None
    last_day: date | None
    message: Message


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
    delivery: int = 1,
) -> Summary:
    """Sync one ad account if it is due; with `run_id` as a person requested in that run.

    Messages of 0.1.0 carry no `delivery`.
    """
    bind_contextvars(ad_account_id=ad_account_id)
    try:
        if run_id:
            return _sync_as_requested(ad_account_id, Message(run_id, delivery))
        result = _sync(ad_account_id, force=force, trigger=trigger)
    except AdAccount.DoesNotExist:
        return row_is_gone(f"Ad account {ad_account_id}", nothing_to="sync")
    except AlreadyRunning as running:
        log.info("Ad account %s: %s", ad_account_id, running)
        return {"status": "skipped", "reason": str(running)}
    except Exception as error:
        _log_or_raise(error, ad_account_id)
        raise _retry(self) from None
    if _was_stopped(result):
        # Back into the queue at once: another worker resumes where this one stopped.
        raise Reject(result.reason, requeue=True)
    if result.error_kind in _HEALS:
        raise _retry(self)
    return _summary(result)


def _sync_as_requested(ad_account_id: int, message: Message) -> Summary:
    """What a person requested; its row says when it is tried again, so it is tried again whatever the broker loses."""
    try:
        result = _sync(ad_account_id, **_options_of(message))
    except AdAccount.DoesNotExist:
        raise
    except AlreadyRunning as running:
        # The timetable was faster; the person may have requested other days.
        log.info("Ad account %s: %s", ad_account_id, running)
        next_tries.postpone(message, until=timezone.now() + _WAITS)
        return {"status": "postponed", "reason": str(running)}
    except SyncCancelled:
        return {"status": "cancelled"}
    except Exception as error:
        _log_or_raise(error, ad_account_id)
        # The database may be what failed: then the run is tried again when its lease is over, or its message is resent.
        close_old_connections()
        with suppress(Error):
            next_tries.try_again([message.row_id], now=timezone.now())
        return {"status": "failed", "reason": str(error)}
    if _was_stopped(result):
        _hand_back(ad_account_id, message)
    elif result.error_kind in _HEALS:
        next_tries.try_again([message.row_id], now=timezone.now())
    return _summary(result)


def _sync(ad_account_id: int, **options: Unpack[_SyncOptions]) -> SyncResult:
    """Raises AdAccount.DoesNotExist."""
    AdAccount.objects.only("pk").get(pk=ad_account_id)
    with graceful_shutdown.after_the_current_request():
        return sync.sync_ad_account(ad_account_id, **options, should_stop=graceful_shutdown.is_asked_for)


def _options_of(message: Message) -> _SyncOptions:
    """What a person requested, or what is left of it where a worker had begun. Raises SyncCancelled."""
    run = SyncLog.objects.filter(pk=message.row_id, delivery=message.delivery).first()
    is_queued = run is not None and run.status == SyncLog.Status.QUEUED
    if run is None or not (is_queued or run.status in SyncLog.TRIED_AGAIN):
        raise SyncCancelled
    return {
        "force": run.forced,
        "first_day": run.first_day,
        "last_day": run.last_day,
        "trigger": (run.trigger or SyncLog.Trigger.MANUAL) if is_queued else SyncLog.Trigger.RETRY,
        "message": message,
    }


def _was_stopped(result: SyncResult) -> bool:
    return graceful_shutdown.is_asked_for() and result.error_kind == SyncLog.ErrorKind.TIMEOUT


def _hand_back(ad_account_id: int, message: Message) -> None:
    """Send what is left to another worker, which resumes where this one stopped."""
    again = next_tries.hand_back(message.row_id, now=timezone.now())
    if again:
        sync_ad_account.delay(ad_account_id, run_id=again.row_id, delivery=again.delivery)


def _log_or_raise(error: Exception, ad_account_id: int) -> None:
    """One line for what is known to happen; a bug keeps its traceback."""
    failure = explain(error)
    if failure is None:
        raise error
    log.warning("Ad account %s: %s", ad_account_id, failure)


def _summary(result: SyncResult) -> Summary:
    return {"status": result.status, "reason": result.reason, "rows": result.rows}


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
    """Close runs whose process died, and resume their work; send requests again that may be lost or are due."""
    ad_account_ids = closing.close_stale()
    for ad_account_id in ad_account_ids:
        sync_ad_account.delay(ad_account_id)
    for run in run_queue.overdue_to_resend(now=timezone.now()):
        sync_ad_account.delay(run.account_id, run_id=run.pk, delivery=run.delivery)
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
    delay = _FIRST_RETRY_SECONDS * 2**task.request.retries * random.uniform(0.8, 1.2)  # noqa: S311  # nosec B311
    retry: Exception = task.retry(countdown=delay, throw=False)
    return retry


# What beat runs, by the names that the entries have in existing databases.
BEAT_SCHEDULE: dict[str, schedules.RegularTask] = {
    "Close dead syncs": {"task": close_dead_runs.name, "schedule": timedelta(minutes=1)},
    "Look for lost roles": {"task": look_for_lost_roles.name, "schedule": timedelta(minutes=1)},
    "Prune old sync runs": {"task": prune_runs.name, "schedule": timedelta(days=1)},
}
