"""One ad account, start to finish: gate, fetch side by side, store, finish. Knows nothing of Celery."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime

from accounts import connections
from accounts.errors import AccountsError
from accounts.models import LinkedInConnection
from ingestion import audience, entities, sync_runs
from ingestion.client_for import client_for
from ingestion.days import CAMPAIGN_DAYS, CREATIVE_DAYS, DaysSource
from ingestion.failures import Failure, explain
from ingestion.freshness import days_due, freshness
from ingestion.linkedin.errors import LinkedInError, TokenRejected
from ingestion.models import SyncLog
from ingestion.side_by_side import Jobs
from ingestion.sync_runs import Progress, Run, RunLost, SyncResult


def sync_ad_account(
    ad_account_id: int,
    *,
    force: bool = False,
    first_day: date | None = None,
    last_day: date | None = None,
    trigger: str = SyncLog.Trigger.MANUAL,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> SyncResult:
    """Bring the stored data of one ad account up to date.

    Skips a fresh ad account unless forced. What LinkedIn refuses ends in the result and in `sync_log`, not in
    an exception; an error of ours is recorded there and raised. Raises AlreadyRunning.
    """
    started_at = now()
    gate = freshness(ad_account_id, now=started_at)
    if not (force or gate.is_due):
        return SyncResult(ad_account_id, "skipped", gate.reason)
    first_day, last_day = days_to_ask(ad_account_id, first_day=first_day, last_day=last_day, today=started_at.date())
    row = sync_runs.take(
        ad_account_id=ad_account_id, trigger=trigger, first_day=first_day, last_day=last_day, now=started_at
    )
    try:
        connection = connections.usable_connection(ad_account_id)
    except AccountsError as error:
        return sync_runs.fail(row, Failure(error.kind, str(error)), now=now())
    with client_for(connection.pk) as client:
        run = Run(row, client=client, now=now, on_progress=on_progress)
        return _run_to_its_end(run, connection)


def days_to_ask(ad_account_id: int, *, first_day: date | None, last_day: date | None, today: date) -> tuple[date, date]:
    """The days asked for, else the days due; never past today. Both inclusive."""
    due_from, due_to = days_due(ad_account_id, today=today)
    last = min(last_day or due_to, today)
    return min(first_day or due_from, last), last


def _run_to_its_end(run: Run, connection: LinkedInConnection) -> SyncResult:
    try:
        _run_steps(run, scopes=frozenset(connection.scopes))
    except RunLost as lost:
        return run.close(Failure(SyncLog.ErrorKind.TIMEOUT, str(lost)))
    except (LinkedInError, AccountsError) as error:
        if isinstance(error, TokenRejected):
            connections.mark_needs_consent(connection.pk, trouble=f"{error} {error.remedy}")
        return run.close(explain(error))
    except BaseException as error:
        # The database may be what failed; then the lease closes the run later.
        with suppress(Exception):
            run.close(explain(error) or Failure(SyncLog.ErrorKind.INTERNAL, _stopped_by(error)))
        raise
    return run.close()


def _run_steps(run: Run, *, scopes: frozenset[str]) -> None:
    """Listings, then figures side by side, then names; a refused step is noted and the others go on."""
    listed = entities.fetch(run, scopes=scopes)
    entities.store(run, listed)
    segments: audience.Segments = {}
    run.requests.run(
        [
            DaysSource(run, CAMPAIGN_DAYS, entity_days=entities.first_days(listed.campaigns)),
            DaysSource(run, CREATIVE_DAYS, entity_days=entities.first_days(listed.creatives)),
            Jobs(audience.segment_jobs(run, segments)),
        ]
    )
    audience.store(run, segments)


def _stopped_by(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "The sync was stopped by hand; what was stored so far is complete."
    return f"An error of ours stopped the sync ({type(error).__name__}: {error})."
