"""One ad account, start to finish: gate, concurrent requests, storage, end. Independent of Celery."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from django.db import DatabaseError, close_old_connections
from structlog.contextvars import bound_contextvars

from accounts.consents import ad_accounts, choice, connections
from accounts.errors import AccountsError
from accounts.models import LinkedInConnection
from ingestion.linkedin.errors import AccessDenied, DayLimitReached, LinkedInError, TokenRejected
from ingestion.models import SyncLog
from ingestion.processes.work_requests import Message
from ingestion.sync import audience, coverage, entities, gc_tuning, reconciliation
from ingestion.sync.connection_client import client_for
from ingestion.sync.daily_figures import CAMPAIGN_DAYS, CREATIVE_DAYS, AccountTotals, DailySource
from ingestion.sync.failures import Failure, explain
from ingestion.sync.interruption import SyncCancelled, WorkerStopping
from ingestion.sync.ledger import opening, run_queue
from ingestion.sync.ledger.open_run import Progress, RunLost
from ingestion.sync.ledger.opening import RunRequest
from ingestion.sync.rate_limits import TokenBudget
from ingestion.sync.request_pool import Jobs
from ingestion.sync.result import SyncResult
from ingestion.sync.run import Run
from ingestion.sync.steps import Step
from ingestion.timetable import freshness

# One sync tries this many connections at most, one after the other.
_MAX_CONNECTIONS = 5


def sync_ad_account(
    ad_account_id: int,
    *,
    force: bool = False,
    first_day: date | None = None,
    last_day: date | None = None,
    trigger: str = SyncLog.Trigger.MANUAL,
    message: Message | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    on_progress: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SyncResult:
    """Bring the stored data of one ad account up to date.

    Skips a fresh ad account unless forced, and resumes where an unfinished run stopped. Where a connection
    lost its role or its consent the next living one continues, in a run of its own. What LinkedIn refuses ends in
    the result and in `sync_log`, not in an exception; an error of ours is recorded there and raised.
    `should_stop` is called between answers. `message` names the row in which a person requested this sync, if there is
    one. Raises AlreadyRunning, or SyncCancelled where that row was cancelled, or another copy of the message taken.
    """
    gc_tuning.search_rarely()
    started_at = now()
    gate = freshness.pass_gate(
        ad_account_id,
        force=force,
        by_hand=trigger in SyncLog.BY_HAND,
        first_day=first_day,
        last_day=last_day,
        now=started_at,
    )
    if gate.days is None:
        if message:
            run_queue.skip(message, gate.reason, now=started_at)
        return SyncResult(ad_account_id, SyncLog.Status.SKIPPED, gate.reason)
    request = RunRequest(
        ad_account_id=ad_account_id,
        trigger=trigger,
        first_day=gate.days[0],
        last_day=gate.days[1],
        message=message,
    )
    resume_after = freshness.resume_after(ad_account_id, force=force, trigger=trigger, now=started_at)
    return _sync(
        request, ad_account_id, started_at, resume_after, now=now, on_progress=on_progress, should_stop=should_stop
    )


def _sync(
    request: RunRequest,
    ad_account_id: int,
    started_at: datetime,
    resume_after: datetime | None,
    *,
    now: Callable[[], datetime],
    on_progress: Callable[[Progress], None],
    should_stop: Callable[[], bool],
) -> SyncResult:
    """A run through one connection after another, until one comes to its end or none is left."""
    result: SyncResult | None = None
    tried: list[int] = []
    while len(tried) < _MAX_CONNECTIONS:
        try:
            connection = choice.usable_connection(ad_account_id, exclude=tried)
            budget = TokenBudget(connection.pk, now=now)
            budget.require_not_parked()
        except (AccountsError, DayLimitReached) as error:
            # What LinkedIn refused says more than that no connection is left.
            return result or _refused(request, error, now=started_at)
        tried.append(connection.pk)
        row = opening.open_run(request, now=now() if result else started_at)
        about = bound_contextvars(ad_account_id=ad_account_id, run_id=row.pk)
        with about, budget, client_for(connection.pk, budget=budget, now=now) as client:
            run = Run(
                row,
                resume_after=resume_after,
                client=client,
                budget=budget,
                now=now,
                on_progress=on_progress,
                should_stop=should_stop,
            )
            result, another_may_help = _run_to_its_end(run, connection)
        if not another_may_help:
            break
        # The next connection opens a run of its own, and resumes what this one has begun.
        request = replace(request, message=None, continues=row.continues_id or row.pk)
        resume_after = resume_after or started_at - timedelta.resolution
    assert result is not None
    return result


def _refused(request: RunRequest, error: Exception, *, now: datetime) -> SyncResult:
    """No request can be made now: record that in `sync_log` and at the gate."""
    assert request.ad_account_id is not None
    failure = explain(error) or Failure(SyncLog.ErrorKind.INTERNAL, str(error))
    freshness.note_refusal(request.ad_account_id, str(failure), now=now)
    return opening.record_refusal(request, failure, now=now)


def _run_to_its_end(run: Run, connection: LinkedInConnection) -> tuple[SyncResult, bool]:
    """The result, and whether another connection may help."""
    with _checks_kept_true(run):
        return _close_after_steps(run, connection)


@contextmanager
def _checks_kept_true(run: Run) -> Iterator[None]:
    """However the run ends: what it stored and did not check is no longer checked."""
    try:
        yield
    finally:
        with suppress(DatabaseError):
            coverage.forget_outdated_checks(ad_account_id=run.ad_account_id, asked_at=run.fetched_at)


def _close_after_steps(run: Run, connection: LinkedInConnection) -> tuple[SyncResult, bool]:
    try:
        _run_steps(run, scopes=frozenset(connection.scopes))
    except SyncCancelled:
        return run.ledger.close_cancelled(), False
    except (RunLost, WorkerStopping) as ended:
        return run.ledger.close(Failure(SyncLog.ErrorKind.TIMEOUT, str(ended))), False
    except (LinkedInError, AccountsError) as error:
        if isinstance(error, AccessDenied):
            # LinkedIn answers with nothing where access was lost: the next run requests those days, too.
            run.coverage.discard()
        another_may_help = _note_loss(error, connection, ad_account_id=run.ad_account_id, now=run.fetched_at)
        return run.ledger.close(explain(error)), another_may_help
    except BaseException as error:
        # The database may be what failed: then a new connection, or else the lease, closes the run.
        with suppress(Exception):
            close_old_connections()
            run.ledger.close(explain(error) or Failure(SyncLog.ErrorKind.INTERNAL, _stopped_by(error)))
        raise
    return run.ledger.close(), False


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
    """Listings, then figures side by side, then names; a refused step is noted and the others continue."""
    with run.ledger.step(Step.ENTITIES):
        listed = entities.fetch(run, scopes=scopes)
        entities.store(run, listed)
    segments: audience.Segments = {}
    campaign_days = DailySource(run, CAMPAIGN_DAYS, entity_days=entities.first_days(listed.campaigns.values()))
    creative_days = DailySource(run, CREATIVE_DAYS, entity_days=entities.first_days(listed.creatives.values()))
    totals = AccountTotals(run)
    run.requests.is_planned = True
    with run.ledger.step(Step.FIGURES):
        run.requests.run([totals, campaign_days, creative_days, Jobs(audience.segment_jobs(run, segments))])
    with run.ledger.step(Step.AUDIENCE):
        audience.store(run, segments)
    if totals.are_stored:
        with run.ledger.step(Step.RECONCILIATION):
            reconciliation.settle(run, [campaign_days, creative_days])


def _stopped_by(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "The sync was stopped manually; everything stored so far is complete."
    return f"An internal error stopped the sync ({type(error).__name__}: {error})."
