"""One ad account, start to finish: gate, fetch side by side, store, finish. Knows nothing of Celery."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import close_old_connections
from structlog.contextvars import bound_contextvars

from accounts import connections
from accounts.errors import AccountsError
from accounts.models import LinkedInConnection
from ingestion import audience, entities, reconcile, sync_runs
from ingestion.budget import TokenBudget
from ingestion.client_for import client_for
from ingestion.days import CAMPAIGN_DAYS, CREATIVE_DAYS, AccountTotals, DaysSource
from ingestion.failures import Failure, explain
from ingestion.freshness import days_due, note_refusal, pass_gate
from ingestion.linkedin.errors import DayLimitReached, LinkedInError, TokenRejected
from ingestion.models import SyncLog
from ingestion.side_by_side import Jobs
from ingestion.sync_runs import Cancelled, Progress, Run, RunLost, Stopped, SyncResult


def sync_ad_account(
    ad_account_id: int,
    *,
    force: bool = False,
    first_day: date | None = None,
    last_day: date | None = None,
    trigger: str = SyncLog.Trigger.MANUAL,
    queued_run_id: int | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SyncResult:
    """Bring the stored data of one ad account up to date.

    Skips a fresh ad account unless forced, and goes on from where an unfinished run was. What LinkedIn refuses
    ends in the result and in `sync_log`, not in an exception; an error of ours is recorded there and raised.
    `should_stop` is asked between answers. `queued_run_id` names the row that waited for this sync, if one did.
    Raises AlreadyRunning, or Cancelled where that row was cancelled meanwhile.
    """
    started_at = now()
    gate = pass_gate(ad_account_id, force=force, now=started_at)
    if not gate.is_due:
        if queued_run_id:
            sync_runs.leave_queue(queued_run_id)
        return SyncResult(ad_account_id, "skipped", gate.reason)
    first_day, last_day = days_to_ask(ad_account_id, first_day=first_day, last_day=last_day, today=started_at.date())
    try:
        connection = connections.usable_connection(ad_account_id)
        budget = TokenBudget(connection.pk, now=now)
        budget.require_not_parked()
    except (AccountsError, DayLimitReached) as error:
        return _refused(
            ad_account_id,
            error,
            trigger=trigger,
            days=(first_day, last_day),
            queued_run_id=queued_run_id,
            now=started_at,
        )
    row = sync_runs.take(
        ad_account_id=ad_account_id,
        trigger=trigger,
        first_day=first_day,
        last_day=last_day,
        # Whoever forces wants every answer anew; whoever tries again wants the rest.
        resume=not force or trigger == SyncLog.Trigger.RETRY,
        queued_run_id=queued_run_id,
        now=started_at,
    )
    about = bound_contextvars(ad_account_id=ad_account_id, run_id=row.pk)
    with about, budget, client_for(connection.pk, budget=budget, now=now) as client:
        run = Run(row, client=client, budget=budget, now=now, on_progress=on_progress, should_stop=should_stop)
        return _run_to_its_end(run, connection)


def _refused(
    ad_account_id: int,
    error: Exception,
    *,
    trigger: str,
    days: tuple[date, date],
    queued_run_id: int | None,
    now: datetime,
) -> SyncResult:
    """No request can be made now: say so in `sync_log` and at the gate."""
    failure = explain(error) or Failure(SyncLog.ErrorKind.INTERNAL, str(error))
    note_refusal(ad_account_id, str(failure), now=now)
    return sync_runs.refuse(
        ad_account_id=ad_account_id,
        failure=failure,
        trigger=trigger,
        first_day=days[0],
        last_day=days[1],
        queued_run_id=queued_run_id,
        now=now,
    )


def days_to_ask(ad_account_id: int, *, first_day: date | None, last_day: date | None, today: date) -> tuple[date, date]:
    """The days asked for, else the days due; never past today. Both inclusive.

    A last day alone asks for as many days up to it as a first sync does.
    """
    due_from, due_to = days_due(ad_account_id, today=today)
    last = min(last_day or due_to, today)
    if first_day is None:
        first_day = last - timedelta(days=settings.BACKFILL_DAYS - 1) if last_day else due_from
    return min(first_day, last), last


def _run_to_its_end(run: Run, connection: LinkedInConnection) -> SyncResult:
    try:
        _run_steps(run, scopes=frozenset(connection.scopes))
    except Cancelled:
        return run.cancel()
    except (RunLost, Stopped) as ended:
        return run.close(Failure(SyncLog.ErrorKind.TIMEOUT, str(ended)))
    except (LinkedInError, AccountsError) as error:
        if isinstance(error, TokenRejected):
            connections.mark_needs_consent(connection.pk, trouble=f"{error} {error.remedy}")
        return run.close(explain(error))
    except BaseException as error:
        # The database may be what failed: then a new connection, or else the lease, closes the run.
        with suppress(Exception):
            close_old_connections()
            run.close(explain(error) or Failure(SyncLog.ErrorKind.INTERNAL, _stopped_by(error)))
        raise
    return run.close()


def _run_steps(run: Run, *, scopes: frozenset[str]) -> None:
    """Listings, then figures side by side, then names; a refused step is noted and the others go on."""
    listed = entities.fetch(run, scopes=scopes)
    entities.store(run, listed)
    segments: audience.Segments = {}
    campaign_days = DaysSource(run, CAMPAIGN_DAYS, entity_days=entities.first_days(listed.campaigns))
    creative_days = DaysSource(run, CREATIVE_DAYS, entity_days=entities.first_days(listed.creatives))
    totals = AccountTotals(run)
    run.requests.run([totals, campaign_days, creative_days, Jobs(audience.segment_jobs(run, segments))])
    audience.store(run, segments)
    if totals.are_stored:
        reconcile.settle(run, [campaign_days, creative_days])


def _stopped_by(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "The sync was stopped by hand; what was stored so far is complete."
    return f"An error of ours stopped the sync ({type(error).__name__}: {error})."
