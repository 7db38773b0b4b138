"""One LinkedIn connection to its ad accounts: list them, remember its roles, schedule their syncs."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from django.db import transaction
from structlog.contextvars import bound_contextvars

from accounts.consents import ad_accounts, connections, removed_ad_accounts
from accounts.errors import AccountsError
from accounts.models import AdAccount
from ingestion.linkedin import endpoints
from ingestion.linkedin.endpoints import Page
from ingestion.linkedin.errors import AccessDenied, BadRequest, LinkedInError, UnexpectedResponse
from ingestion.linkedin.records import AdAccountUserRecord
from ingestion.models import SyncLog
from ingestion.sync.connection_client import client_for
from ingestion.sync.failures import Failure, explain
from ingestion.sync.ledger.opening import RunRequest, open_run
from ingestion.sync.rate_limits import TokenBudget
from ingestion.sync.result import SyncResult
from ingestion.sync.rows import ad_account_row
from ingestion.sync.run import Run
from ingestion.sync.steps import Step
from ingestion.timetable import schedules


def discover_ad_accounts(
    connection_id: int, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> tuple[SyncResult, list[int]]:
    """Store every ad account the connection may read; returns the run's result and their ids.

    What LinkedIn refuses ends in the result and in `sync_log`, where this run shows as "all".
    """
    row = open_run(RunRequest(ad_account_id=None, trigger=SyncLog.Trigger.DISCOVERY), now=now())
    budget = TokenBudget(connection_id, now=now)
    about = bound_contextvars(connection_id=connection_id, run_id=row.pk)
    with about, budget, client_for(connection_id, budget=budget) as client:
        run = Run(row, client=client, budget=budget, now=now)
        try:
            with run.ledger.step(Step.AD_ACCOUNTS):
                found = _discover(run, connection_id)
        except (LinkedInError, AccountsError) as error:
            return run.ledger.close(explain(error)), []
        except BaseException as error:
            # No other run waits for one of all ad accounts, so none would close it as stale. The database may be
            # what failed.
            with suppress(Exception):
                what = f"An internal error stopped the discovery ({type(error).__name__}: {error})."
                run.ledger.close(explain(error) or Failure(SyncLog.ErrorKind.INTERNAL, what))
            raise
        return run.ledger.close(), found


def _discover(run: Run, connection_id: int) -> list[int]:
    pages = list(endpoints.ad_accounts(run.requests.client))
    role_pages = _role_pages(run)
    found = {record.id: record for page in pages for record in page.records}
    for ad_account_id in removed_ad_accounts.among(found):
        del found[ad_account_id]
    roles: dict[int, str | None] = dict.fromkeys(found)
    # Listed, but rejected as invalid: not lost.
    unread = {rejected.identity for page in pages for rejected in page.rejected}
    for role_page in role_pages or ():
        for one in role_page.records:
            if one.ad_account_id in found or str(one.ad_account_id) in unread:
                roles[one.ad_account_id] = one.role
    with transaction.atomic():
        ad_accounts.store_ad_accounts(map(ad_account_row, found.values()), now=run.fetched_at)
        ad_accounts.store_roles(
            connection_id=connection_id,
            roles=roles,
            now=run.fetched_at,
            # Without the list of roles nothing can be missing on it, and one without a readable id could be any.
            others_are_lost=role_pages is not None and all(one and one.isdecimal() for one in unread),
        )
        ad_accounts.mark_missing(now=run.fetched_at)
        # LinkedIn lists the caller's own roles: unless they all name one member, none of them can be trusted.
        members = {one.user_urn for role_page in role_pages or () for one in role_page.records}
        if len(members) == 1:
            connections.remember_member(connection_id, members.pop())
        _keep_timetable(connection_id, sorted(found), now=run.fetched_at)
        for page in pages:
            run.ledger.count("ad_accounts", page)
        for role_page in role_pages or ():
            run.ledger.count("linkedin_ad_account_roles", role_page)
    run.ledger.step_stored()
    return sorted(found)


def _role_pages(run: Run) -> list[Page[AdAccountUserRecord]] | None:
    """The member's roles; None where LinkedIn refuses them, since the ad accounts it lists can be read anyway."""
    try:
        return list(endpoints.ad_account_users(run.requests.client))
    except (AccessDenied, BadRequest, UnexpectedResponse) as error:
        run.ledger.step_stored()
        run.ledger.step_failed(error)
        return None


def _keep_timetable(connection_id: int, found: list[int], *, now: datetime) -> None:
    """A periodic task for each ad account that can be read, none for those that no connection reads any more."""
    schedules.schedule_discovery(connection_id)
    schedules.schedule_syncs(found, now=now)
    gone = AdAccount.objects.filter(missing_since__isnull=False).values_list("pk", flat=True)
    schedules.unschedule_syncs(list(gone))
