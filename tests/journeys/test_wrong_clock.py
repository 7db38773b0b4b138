"""A clock that was three days ahead for a while: what it dated does not stop anything once it is right again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app
from django.db import connection
from django.test import Client
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from accounts.api_tokens import token_store
from accounts.consents.tokens import ConnectionTokens
from accounts.models import AdAccount
from accounts.shell import formatting, valkey
from ingestion.linkedin.errors import DayLimitReached
from ingestion.models import AudienceDemographic, IncompleteDay, SyncLog
from ingestion.processes import work_requests
from ingestion.processes.beat import HeartbeatScheduler
from ingestion.sync import coverage, rate_limits, rechecks
from ingestion.sync.ledger import closing, run_queue
from ingestion.timetable import schedules
from ingestion.timetable.freshness import days_due, freshness
from ingestion.timetable.sync_status import state
from ingestion.timetable.turns import next_turn
from reporting.models import CheckRequest, Snapshot
from reporting.periods import Period
from reporting.queries import budgets, operations
from reporting.queries.audience import audiences
from reporting.queries.check_facts import ad_account_facts
from reporting.queries.check_runs import ad_accounts_with_data
from reporting.queries.coverage import ever_synced, selection_coverage
from reporting.queries.data_as_of import attention, selection_as_of
from reporting.snapshots import snapshot_store
from tests.accounts.consents.scripted_linkedin import TOKENS, scripted_linkedin
from tests.builders import (
    NOW,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_connection,
    make_segment,
    make_sync_run,
    make_user,
)

pytestmark = pytest.mark.django_db

AHEAD = NOW + timedelta(days=3)
TODAY = NOW.date()
OPEN = ("queued", "running")
PIVOTS = AudienceDemographic.PivotType.values


@pytest.fixture
def ad_account() -> AdAccount:
    return make_ad_account()


def run_at(ad_account: AdAccount, at: datetime, **changes: object) -> SyncLog:
    times = {"started_at": at, "heartbeat_at": at, "finished_at": None if changes.get("status") in OPEN else at}
    return make_sync_run(account=ad_account, **times, **changes)


def test_an_ad_account_is_due_and_it_is_said_plainly(ad_account):
    run_at(ad_account, AHEAD)
    gate = freshness(ad_account.pk, now=NOW)
    assert (gate.is_due, gate.fresh_until) == (True, None)
    assert gate.reason == f"the last sync is dated {AHEAD:%Y-%m-%d %H:%M} UTC, in the future"
    [shown] = state(now=NOW).ad_accounts
    assert (shown.data_as_of, shown.last_status) == (None, None)
    assert "-" not in shown.next_sync_reason.replace(f"{AHEAD:%Y-%m-%d}", "")


def test_the_next_sync_makes_it_fresh_again(ad_account):
    run_at(ad_account, AHEAD)
    run_at(ad_account, NOW - timedelta(minutes=5))
    gate = freshness(ad_account.pk, now=NOW)
    assert (gate.is_due, gate.reason) == (False, "synced 5 minutes ago; next sync after 4 hours")
    [shown] = state(now=NOW).ad_accounts
    assert shown.data_as_of == NOW - timedelta(minutes=5)
    [age] = operations.data_ages(NOW)
    assert not age.is_old


def test_clocks_that_differ_by_seconds_are_no_matter(ad_account):
    run_at(ad_account, NOW + timedelta(seconds=40))
    assert freshness(ad_account.pk, now=NOW).reason == "synced just now; next sync after 4 hours"


@pytest.mark.parametrize("ahead", [timedelta(days=3), timedelta(days=3650)])
def test_days_that_only_a_wrong_clock_covered_are_asked_for(ad_account, settings, ahead):
    settings.LOOKBACK_DAYS = 0
    run_at(ad_account, NOW + ahead)
    assert days_due(ad_account.pk, now=NOW) == (TODAY - timedelta(days=90), TODAY)
    run_at(ad_account, NOW - timedelta(days=10))
    assert days_due(ad_account.pk, now=NOW) == (TODAY - timedelta(days=10), TODAY)


@pytest.mark.parametrize(("ahead", "counts"), [(timedelta(seconds=50), True), (timedelta(minutes=2), False)])
def test_one_tolerance_decides_what_is_ahead(ad_account, settings, time_machine, ahead, counts):
    """For the decision to sync, the days to request, the state and the reports alike."""
    time_machine.move_to(NOW, tick=False)
    settings.LOOKBACK_DAYS = 0
    run_at(ad_account, NOW + ahead)
    assert freshness(ad_account.pk, now=NOW).is_due is not counts
    assert (days_due(ad_account.pk, now=NOW)[0] == TODAY) is counts
    [shown] = state(now=NOW).ad_accounts
    assert (shown.data_as_of is not None) is counts
    period = Period(TODAY - timedelta(days=10), TODAY - timedelta(days=1))
    ad_accounts = AdAccount.objects.all()
    found = selection_coverage(ad_accounts=ad_accounts, period=period).together
    assert (found.is_complete, found.stored_since is not None) == (counts, counts)
    of_this_run = coverage.Coverage(ad_account.pk, NOW, resume_after=NOW - timedelta(hours=4))
    assert bool(of_this_run.days_left(coverage.CAMPAIGN_DAYS, (TODAY, TODAY))) is not counts


def _demographics_are_whole() -> bool:
    period = Period(TODAY.replace(day=1), TODAY)
    return not audiences(ad_accounts=AdAccount.objects.all(), period=period).missing_months


def _of_view(column: str, view: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {view}")
        [(found,)] = cursor.fetchall()
        return found


# What each of them says of an ad account with figures and demographics that only a wrong clock dated; by what reads it.
READERS: dict[str, Callable[[AdAccount], object]] = {
    "the coverage of reports": lambda one: (
        selection_coverage(
            ad_accounts=AdAccount.objects.all(), period=Period(TODAY - timedelta(days=3), TODAY - timedelta(days=1))
        ).together.fetched
    ),
    "the oldest day": lambda one: (
        selection_coverage(ad_accounts=AdAccount.objects.all(), period=Period(TODAY, TODAY)).oldest_day
    ),
    "pages without those that were never synced": lambda one: list(ever_synced(AdAccount.objects.all())),
    "use of budgets": lambda one: [
        each.is_stored_since_start
        for each in budgets.budget_use(ad_accounts=AdAccount.objects.all(), period=Period(TODAY, TODAY))
        if each.is_stored_since_start
    ],
    "months of demographics": lambda one: _demographics_are_whole(),
    "facts for checks": lambda one: ad_account_facts(one.pk),
    "ad accounts that can be checked": lambda one: ad_accounts_with_data(AdAccount.objects.all()),
    "data as of of lists": lambda one: selection_as_of(ad_accounts=AdAccount.objects.all()).as_of,
    "what the size of windows rests on": lambda one: coverage.covered(
        coverage.CAMPAIGN_DAYS, ad_account_id=one.pk, now=NOW
    ),
    "days to check": lambda one: coverage.unchecked_figures(ad_account_id=one.pk, before=TODAY, now=NOW),
    "data as of in views for BI": lambda one: _of_view("data_as_of", "reporting.reporting_campaign_daily"),
    "completeness in views for BI": lambda one: _of_view("is_complete", "reporting.reporting_campaign_daily"),
    "whole months in views for BI": lambda one: _of_view("is_complete", "reporting.reporting_demographics_monthly"),
}


@pytest.mark.parametrize("reader", READERS)
def test_what_a_wrong_clock_dated_ahead_counts_for_nothing(ad_account, time_machine, reader):
    """Years ahead, since views go by PostgreSQL's own clock."""
    time_machine.move_to(NOW, tick=False)
    campaign = make_campaign(
        account=ad_account, created_at=NOW - timedelta(days=3), total_budget=100, total_budget_currency="EUR"
    )
    make_campaign_day(campaign=campaign, date=TODAY - timedelta(days=1))
    month = (TODAY.replace(day=1) - timedelta(days=1)).replace(day=1)
    make_segment(account=ad_account, date_start=month, date_end=TODAY.replace(day=1) - timedelta(days=1))
    assert not READERS[reader](ad_account)
    datasets = [coverage.CAMPAIGN_DAYS, coverage.CREATIVE_DAYS, *map(coverage.segments, PIVOTS)]
    if reader != "days to check":
        datasets.append(coverage.CHECKED_DAYS)
    for at in (NOW + timedelta(days=36_500), NOW - timedelta(minutes=5)):
        for dataset in datasets:
            days = (month, TODAY)
            coverage.record(dataset, days, ad_account_id=ad_account.pk, asked_at=at)
        assert bool(READERS[reader](ad_account)) is (at < NOW)


@pytest.mark.parametrize("kind", ["never_synced", "sync_failed"])
def test_what_needs_attention_is_not_hidden_by_a_success_from_the_future(ad_account, kind):
    if kind == "sync_failed":
        run_at(ad_account, NOW - timedelta(hours=1), status="failed", errors="LinkedIn is away.")
    run_at(ad_account, AHEAD)
    assert kind in {one.kind for one in attention(ad_accounts=AdAccount.objects.all(), now=NOW, names_people=True)}


def test_days_that_were_requested_ahead_are_not_left_out(ad_account):
    days = (TODAY - timedelta(days=9), TODAY)
    coverage.record(coverage.CAMPAIGN_DAYS, days, ad_account_id=ad_account.pk, asked_at=AHEAD)
    of_this_run = coverage.Coverage(ad_account.pk, NOW, resume_after=NOW - timedelta(hours=4))
    assert of_this_run.days_left(coverage.CAMPAIGN_DAYS, days) == [days]


def test_a_dead_run_is_closed(ad_account, time_machine):
    run = run_at(ad_account, AHEAD, status="running")
    time_machine.move_to(NOW)
    assert closing.close_stale() == [ad_account.pk]
    run.refresh_from_db()
    assert (run.status, run.error_kind) == ("failed", "timeout")


def test_a_dead_run_can_be_cancelled(ad_account):
    run = run_at(ad_account, AHEAD, status="running")
    assert closing.cancel(run.pk, now=NOW)
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_a_queued_sync_is_sent_again(ad_account):
    run = run_at(ad_account, AHEAD, status="queued")
    assert run_queue.overdue_to_resend(now=NOW) == [run]
    assert run_queue.overdue_to_resend(now=NOW) == []


def test_a_check_is_asked_for_again(ad_account):
    request = CheckRequest.objects.create(ad_account=ad_account, asked_at=AHEAD, resend_at=AHEAD)
    assert work_requests.overdue(CheckRequest, now=NOW) == [request]
    assert work_requests.overdue(CheckRequest, now=NOW) == []


def test_a_snapshot_that_waits_is_given_up(ad_account, snapshot_folder):
    days = {"first_day": TODAY - timedelta(days=30), "last_day": TODAY}
    snapshot = Snapshot.objects.create(ad_account=ad_account, trigger="manual", asked_at=AHEAD, **days)
    snapshot_store.prune(now=NOW)
    snapshot.refresh_from_db()
    assert snapshot.state == "failed"


def test_a_rejected_token_is_renewed(settings):
    settings.LINKEDIN_CLIENT_ID, settings.LINKEDIN_CLIENT_SECRET = "the-client-id", "the-client-secret"
    connection = make_connection(refreshed_at=AHEAD)
    tokens = ConnectionTokens(connection.pk, now=lambda: NOW)
    with scripted_linkedin((200, TOKENS)) as linkedin:
        settings.LINKEDIN_AUTH_BASE_URL = linkedin.url
        assert tokens.renew(connection.access_token or "") == "new-access-token"


def test_a_daily_limit_ends_within_a_day():
    wrong = {7: "2026-11-24T00:00:00+00:00", 8: "2026-11-21T00:00:00+00:00"}
    client = valkey.client()
    for connection_id, until in wrong.items():
        client.hset(rate_limits._parked_key(connection_id), "adAnalytics", until)
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert set(rate_limits.parked_resources([7, 8], now=now)) == {8}
    rate_limits.TokenBudget(7, now=lambda: now).require_not_parked()
    with pytest.raises(DayLimitReached):
        rate_limits.TokenBudget(8, now=lambda: now).require_not_parked()


def test_an_incomplete_day_is_tried_again(ad_account):
    day = TODAY - timedelta(days=60)
    one = IncompleteDay(account=ad_account, date=day, differences={}, rechecks=5, rechecked_at=NOW)
    assert rechecks.due_before(TODAY, [one], today=TODAY) == []
    one.rechecked_at = AHEAD
    assert [due.day for due in rechecks.due_before(TODAY, [one], today=TODAY)] == [day]


def test_the_last_use_of_a_token_is_recorded():
    token, _ = token_store.issue(user=make_user(), name="BI", scope="read", now=NOW)
    token.last_used_at = AHEAD
    token_store.record_use(token, now=NOW)
    token.refresh_from_db()
    assert token.last_used_at == NOW


def test_the_last_use_of_a_session_is_recorded(as_alice: Client):
    session = as_alice.session
    session["used_at"] = int(datetime.now(UTC).timestamp()) + 3 * 86_400
    session.save()
    as_alice.get("/admin/")
    assert as_alice.session["used_at"] <= datetime.now(UTC).timestamp()


def test_an_age_says_that_it_lies_ahead():
    assert formatting.age_in_words(AHEAD, now=NOW) == f"{AHEAD:%Y-%m-%d %H:%M} UTC, in the future"
    assert formatting.age_in_words(NOW + timedelta(seconds=50), now=NOW) == "just now"


# --- the timetable ---


@pytest.fixture
def hourly(ad_account) -> PeriodicTask:
    """The entry of the ad account, which last ran three days from now by the clock of this machine."""
    schedules.schedule_syncs([ad_account.pk], now=NOW)
    PeriodicTask.objects.update(last_run_at=datetime.now(UTC) + timedelta(days=3))
    return PeriodicTask.objects.get(name__startswith="Sync ad account")


def test_beat_runs_an_interval_at_once(hourly):
    entry = HeartbeatScheduler.Entry(hourly, app=current_app)
    assert entry.is_due().is_due
    assert not next(entry).is_due().is_due


def test_beat_runs_a_crontab_at_its_next_turn(hourly):
    hourly.interval, hourly.crontab = None, CrontabSchedule.objects.create(minute="0", hour="3")
    is_due, seconds = HeartbeatScheduler.Entry(hourly, app=current_app).is_due()
    assert not is_due
    assert seconds <= 86_400


def test_the_next_turn_is_announced_so(hourly):
    now = datetime.now(UTC)
    assert next_turn(hourly, not_before=now, now=now) == now
    hourly.interval, hourly.crontab = None, CrontabSchedule.objects.create(minute="0", hour="3")
    turn = next_turn(hourly, not_before=now, now=now)
    assert turn is not None
    assert now < turn <= now + timedelta(days=1)


def test_syncs_are_spread_again(hourly):
    now = datetime.now(UTC)
    assert schedules.spread_overdue_syncs(now=now) == 1
    hourly.refresh_from_db()
    assert hourly.last_run_at <= now
