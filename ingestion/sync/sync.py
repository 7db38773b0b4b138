"""One ad account, start to finish: gate, fetch side by side, store, finish. Knows nothing of Celery."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import close_old_connections
from structlog.contextvars import bound_contextvars

from accounts.consents import ad_accounts, choice, connections
from accounts.errors import AccountsError
from accounts.models import LinkedInConnection
from ingestion.linkedin.errors import AccessDenied, DayLimitReached, LinkedInError, TokenRejected
from ingestion.models import SyncLog
from ingestion.sync import audience, entities, gc_tuning, ledger, reconciliation
from ingestion.sync.active_run import Progress, Run, RunLost, Stopped
from ingestion.sync.budget import TokenBudget
from ingestion.sync.connection_client import client_for
from ingestion.sync.daily_figures import CAMPAIGN_DAYS, CREATIVE_DAYS, AccountTotals, DaysSource
from ingestion.sync.failures import Failure, explain
from ingestion.sync.ledger import Cancelled, SyncResult
from ingestion.sync.request_pool import Jobs
from ingestion.timetable import ad_account_settings
from ingestion.timetable.freshness import days_due, note_refusal, pass_gate

# One sync asks with so many connections at most, one after the other.
_MOST_CONNECTIONS = 5


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be synced once the gate is passed: these days, both included."""

    ad_account_id: int
    first_day: date
    last_day: date
    force: bool
    trigger: str
    queued_run_id: int | None
    asked_in: int | None


def sync_ad_account(
    ad_account_id: int,
    *,
    force: bool = False,
    first_day: date | None = None,
    last_day: date | None = None,
    trigger: str = SyncLog.Trigger.MANUAL,
    queued_run_id: int | None = None,
    asked_in: int | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SyncResult:
    """Bring the stored data of one ad account up to date.

    Skips a fresh ad account unless forced, and goes on from where an unfinished run was. Where a connection
    lost its role or its consent the next living one goes on, in a run of its own. What LinkedIn refuses ends in
    the result and in `sync_log`, not in an exception; an error of ours is recorded there and raised.
    `should_stop` is asked between answers. `queued_run_id` names the row that waited for this sync, if one did;
    `asked_in` the row in which a person asked for it, where another run was made of that already.
    Raises AlreadyRunning, or Cancelled where that row was cancelled meanwhile.
    """
    gc_tuning.search_rarely()
    started_at = now()
    gate = pass_gate(ad_account_id, force=force, by_hand=trigger in SyncLog.BY_HAND, now=started_at)
    if not gate.is_due:
        if queued_run_id:
            ledger.leave_queue(queued_run_id)
        return SyncResult(ad_account_id, "skipped", gate.reason)
    first_day, last_day = days_to_ask(ad_account_id, first_day=first_day, last_day=last_day, today=started_at.date())
    wish = _Wish(ad_account_id, first_day, last_day, force, trigger, queued_run_id, asked_in or queued_run_id)
    result: SyncResult | None = None
    tried: list[int] = []
    while len(tried) < _MOST_CONNECTIONS:
        try:
            connection = choice.usable_connection(ad_account_id, exclude=tried)
            budget = TokenBudget(connection.pk, now=now)
            budget.require_not_parked()
        except (AccountsError, DayLimitReached) as error:
            # What LinkedIn refused says more than that nobody is left to ask.
            return result or _refused(wish, error, now=started_at)
        tried.append(connection.pk)
        row = _take(wish, after=result, now=now() if result else started_at)
        about = bound_contextvars(ad_account_id=ad_account_id, run_id=row.pk)
        with about, budget, client_for(connection.pk, budget=budget, now=now) as client:
            run = Run(row, client=client, budget=budget, now=now, on_progress=on_progress, should_stop=should_stop)
            result, another_may_help = _run_to_its_end(run, connection)
        if not another_may_help:
            break
    assert result is not None
    return result


def _take(wish: _Wish, *, after: SyncResult | None, now: datetime) -> SyncLog:
    """Whoever forces wants every answer anew; whoever tries again wants the rest.

    So does a sync of its own run before, where that one had begun.
    """
    has_begun = after is not None and after.status == SyncLog.Status.PARTIAL
    return ledger.take(
        ad_account_id=wish.ad_account_id,
        trigger=wish.trigger,
        first_day=wish.first_day,
        last_day=wish.last_day,
        resume=not wish.force or wish.trigger == SyncLog.Trigger.RETRY or has_begun,
        queued_run_id=None if after else wish.queued_run_id,
        asked_in=wish.asked_in,
        now=now,
    )


def _refused(wish: _Wish, error: Exception, *, now: datetime) -> SyncResult:
    """No request can be made now: say so in `sync_log` and at the gate."""
    failure = explain(error) or Failure(SyncLog.ErrorKind.INTERNAL, str(error))
    note_refusal(wish.ad_account_id, str(failure), now=now)
    return ledger.refuse(
        ad_account_id=wish.ad_account_id,
        failure=failure,
        trigger=wish.trigger,
        first_day=wish.first_day,
        last_day=wish.last_day,
        queued_run_id=wish.queued_run_id,
        now=now,
    )


def days_to_ask(ad_account_id: int, *, first_day: date | None, last_day: date | None, today: date) -> tuple[date, date]:
    """The days asked for, else the days due; never past today. Both inclusive.

    A last day alone asks for as many days up to it as a first sync does.
    """
    due_from, due_to = days_due(ad_account_id, today=today)
    last = min(last_day or due_to, today)
    if first_day is None:
        days = ad_account_settings.backfill_days(ad_account_id)
        first_day = last - timedelta(days=days - 1) if last_day else due_from
    return min(first_day, last), last


def _run_to_its_end(run: Run, connection: LinkedInConnection) -> tuple[SyncResult, bool]:
    """The result, and whether the sync may fare better with another connection."""
    try:
        _run_steps(run, scopes=frozenset(connection.scopes))
    except Cancelled:
        return run.cancel(), False
    except (RunLost, Stopped) as ended:
        return run.close(Failure(SyncLog.ErrorKind.TIMEOUT, str(ended))), False
    except (LinkedInError, AccountsError) as error:
        if isinstance(error, AccessDenied):
            # LinkedIn answers with nothing where access was lost: whoever comes next asks for those days, too.
            run.forget_answers()
        another_may_help = _note_loss(error, connection, ad_account_id=run.ad_account_id, now=run.fetched_at)
        return run.close(explain(error)), another_may_help
    except BaseException as error:
        # The database may be what failed: then a new connection, or else the lease, closes the run.
        with suppress(Exception):
            close_old_connections()
            run.close(explain(error) or Failure(SyncLog.ErrorKind.INTERNAL, _stopped_by(error)))
        raise
    return run.close(), False


def _note_loss(error: Exception, connection: LinkedInConnection, *, ad_account_id: int, now: datetime) -> bool:
    """Mark what the connection lost: its role on this ad account, or its consent; returns whether it did.

    A refused step never comes here, only a refusal of the ad account itself. Where the consent lacks scopes that
    says nothing about the role.
    """
    if isinstance(error, AccessDenied):
        if not connections.missing_scopes(connection):
            ad_accounts.mark_role_lost(connection_id=connection.pk, ad_account_id=ad_account_id, now=now)
        return True
    if isinstance(error, TokenRejected):
        connections.mark_needs_consent(connection.pk, trouble=f"{error} {error.remedy}")
    return getattr(error, "kind", None) == SyncLog.ErrorKind.CONSENT


def _run_steps(run: Run, *, scopes: frozenset[str]) -> None:
    """Listings, then figures side by side, then names; a refused step is noted and the others go on."""
    listed = entities.fetch(run, scopes=scopes)
    entities.store(run, listed)
    segments: audience.Segments = {}
    campaign_days = DaysSource(run, CAMPAIGN_DAYS, entity_days=entities.first_days(listed.campaigns))
    creative_days = DaysSource(run, CREATIVE_DAYS, entity_days=entities.first_days(listed.creatives))
    totals = AccountTotals(run)
    run.is_planned = True
    run.requests.run([totals, campaign_days, creative_days, Jobs(audience.segment_jobs(run, segments))])
    audience.store(run, segments)
    if totals.are_stored:
        reconciliation.settle(run, [campaign_days, creative_days])


def _stopped_by(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "The sync was stopped by hand; what was stored so far is complete."
    return f"An error of ours stopped the sync ({type(error).__name__}: {error})."
