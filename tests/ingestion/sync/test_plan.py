"""`ingestion/sync/plan.py`: what a sync will ask, against what it then really asks of a simulated LinkedIn."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as database
from django.db import transaction

from accounts.models import LinkedInConnection
from ingestion.linkedin.answers import FailedCall, Retry
from ingestion.linkedin.errors import DayLimitReached
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import CoveredDays, SyncLog, UrnName
from ingestion.sync.plan import Plan, plan_sync
from ingestion.sync.rate_limits import TokenBudget
from ingestion.timetable.freshness import days_to_sync
from ingestion.timetable.sync_requests import plan_syncs
from tests.builders import (
    make_ad_account,
    make_campaign,
    make_connection,
    make_creative,
    make_role,
    make_segment,
    make_sync_run,
    make_urn_name,
)
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
FIRST_DAY = TODAY - timedelta(days=90)
# The ad account and its daily totals, its campaigns, its creatives, their days, eight pivots.
FEWEST = 2 + 1 + 1 + 2 + 8
ENDPOINTS = {
    "ad account": "adAccounts",
    "campaigns": "adCampaigns",
    "creatives": "creatives",
    "names": "adTargetingEntities",
}


def plan_of(linkedin: SimulatedLinkedIn) -> Plan:
    """The plan of the sync that is due now; any write of it would be refused."""
    ad_account_id = linkedin.ad_account_ids[0]
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        first_day, last_day = days_to_sync(ad_account_id, first_day=None, last_day=None, now=linkedin.now())
        return plan_sync(ad_account_id, first_day=first_day, last_day=last_day, now=linkedin.now())


@pytest.mark.django_db(transaction=True)
def test_more_days_of_backfill_are_planned_and_requested_without_those_that_are_fresh(linkedin, settings):
    settings.BACKFILL_DAYS = 59
    assert linkedin.sync().status == "success"
    linkedin.forget_calls()
    settings.BACKFILL_DAYS = 199
    linkedin.simulator.clock.advance(seconds=60)
    [plan] = plan_syncs([linkedin.ad_account_ids[0]], first_day=None, last_day=None, now=linkedin.now())
    assert plan.first_day == linkedin.today - timedelta(days=199)
    result = linkedin.sync()
    assert (result.status, result.api_calls) == ("success", plan.total_calls)
    fetched = CoveredDays.objects.filter(data_table="campaign_daily_metrics").order_by("first_day")
    [older, newer] = fetched
    assert (older.last_day - older.first_day).days + 1 == 140
    assert newer.asked_at < older.asked_at


def calls_by_endpoint(plan: Plan) -> dict[str, int]:
    """The plan's calls, added up as the simulator counts them."""
    analytics = sum(calls for name, calls in plan.calls.items() if name not in ENDPOINTS)
    asked = {endpoint: plan.calls[name] for name, endpoint in ENDPOINTS.items()} | {"adAnalytics": analytics}
    return {endpoint: calls for endpoint, calls in asked.items() if calls}


@pytest.fixture
def options(request) -> Options:
    """A usual world, unless the test names another."""
    size = getattr(request, "param", {"campaigns_per_account": 16})
    return Options(now=NOW, frozen=True, size=WorldSize(ad_accounts=1, **size))


@pytest.fixture
def linkedin(settings, options):
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect()
        yield linkedin


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "options",
    [
        {"campaigns_per_account": 16},
        # Several windows per table, and two pages of creatives.
        {"campaigns_per_account": 10, "creatives_per_campaign": 18, "dense": True, "activity": 1.0},
        {"campaigns_per_account": 0},
    ],
    indirect=True,
    ids=["usual", "large", "empty"],
)
def test_after_a_sync_the_plan_is_what_the_next_sync_asks(linkedin, settings):
    settings.BACKFILL_DAYS, settings.LOOKBACK_DAYS = 119, 119
    assert linkedin.sync().status == "success"
    linkedin.forget_calls()
    plan = plan_of(linkedin)
    assert linkedin.simulator.counters.counted()["total"] == 0, "a plan asks LinkedIn nothing"
    again = linkedin.sync(force=True)
    assert calls_by_endpoint(plan) == linkedin.simulator.counters.counted()["calls"]
    assert plan.total_calls == again.api_calls
    for table in ("campaigns", "creatives", "campaign_daily_metrics", "creative_daily_metrics"):
        assert again.rows.get(table, 0) <= plan.rows[table] <= again.rows.get(table, 0) * 1.05 + 1, table


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("options", [{"campaigns_per_account": 4, "activity": 0.0}], indirect=True)
def test_a_plan_knows_that_a_sync_looks_twice_at_an_idle_ad_account(linkedin):
    linkedin.sync()
    linkedin.forget_calls()
    plan = plan_of(linkedin)
    linkedin.sync(force=True)
    assert plan.calls["ad account"] == linkedin.simulator.counters.counted()["calls"]["adAccounts"] == 2


@pytest.mark.django_db(transaction=True)
def test_before_the_first_sync_the_plan_says_the_least_it_can_take(linkedin):
    linkedin.forget_calls()
    plan = plan_of(linkedin)
    assert linkedin.simulator.counters.counted()["total"] == 0
    assert (plan.entities_known, plan.total_calls, plan.total_rows) == (False, FEWEST, 0)
    assert (plan.first_day, plan.last_day) == (FIRST_DAY, TODAY)
    first = linkedin.sync()
    assert plan.total_calls <= first.api_calls
    assert plan_of(linkedin).entities_known


@pytest.mark.django_db
def test_a_plan_counts_pages_of_what_is_still_listed():
    ad_account = make_ad_account()
    campaign = make_campaign(account=ad_account)
    for _ in range(100):
        make_creative(campaign=campaign)
    make_creative(campaign=campaign, missing_since=NOW)
    plan = plan_sync(ad_account.pk, first_day=FIRST_DAY, last_day=TODAY, now=NOW)
    assert (plan.calls["creatives"], plan.rows["creatives"]) == (1, 100)
    make_creative(campaign=campaign)
    plan = plan_sync(ad_account.pk, first_day=FIRST_DAY, last_day=TODAY, now=NOW)
    assert (plan.calls["creatives"], plan.rows["creatives"]) == (2, 101)


@pytest.mark.django_db
def test_a_plan_asks_for_names_that_are_still_missing_fifty_a_call():
    ad_account = make_ad_account()
    for number in range(51):
        make_segment(account=ad_account, segment=f"urn:li:title:{number}", segment_name=None)
    make_segment(account=ad_account, segment="SIZE_1", segment_name=None)
    make_segment(account=ad_account, segment="urn:li:title:named")
    assert plan_sync(ad_account.pk, first_day=FIRST_DAY, last_day=TODAY, now=NOW).calls["names"] == 2
    make_urn_name(urn="urn:li:title:7", name=None, looked_up_at=NOW)
    assert plan_sync(ad_account.pk, first_day=FIRST_DAY, last_day=TODAY, now=NOW).calls["names"] == 1
    assert UrnName.objects.count() == 1


@pytest.mark.django_db
def test_a_plan_asks_for_refused_names_alone_and_for_posts_where_the_consent_covers_them():
    ad_account = make_ad_account()
    make_segment(account=ad_account, segment="urn:li:title:1", segment_name=None)
    make_segment(account=ad_account, segment="urn:li:title:2", segment_name=None)
    make_urn_name(urn="urn:li:title:2", name=None, looked_up_at=NOW - timedelta(days=31), refusals=1)
    make_creative(account=ad_account, content_name=None, content_reference="urn:li:share:1")
    make_creative(account=ad_account, content_name=None, content_reference="urn:li:inMail:1")
    role = make_role(ad_account=ad_account, connection=make_connection(scopes=["r_ads", "r_ads_reporting"]))
    plan = plan_sync(ad_account.pk, first_day=FIRST_DAY, last_day=TODAY, now=NOW)
    assert (plan.calls["names"], plan.calls.get("posts", 0)) == (2, 0)
    LinkedInConnection.objects.update(scopes=["r_ads", "r_ads_reporting", "r_organization_social"])
    assert plan_sync(ad_account.pk, first_day=FIRST_DAY, last_day=TODAY, now=NOW).calls["posts"] == 1

    budget = TokenBudget(role.connection_id, now=lambda: NOW)
    for resource in ("adTargetingEntities", "posts"):
        limit = DayLimitReached("no", resource=resource, resets_at=NOW + timedelta(hours=12))
        budget.leave(budget.enter(lambda seconds: None, resource), FailedCall(limit, Retry.NEVER))
    plan = plan_sync(ad_account.pk, first_day=FIRST_DAY, last_day=TODAY, now=NOW)
    assert (plan.calls["names"], plan.calls.get("posts", 0)) == (0, 0)


@pytest.mark.django_db
def test_a_plan_of_days_older_than_linkedin_keeps_demographics_asks_for_none():
    day = TODAY - timedelta(days=1000)
    plan = plan_sync(make_ad_account().pk, first_day=day, last_day=day, now=NOW)
    assert plan.calls["audience_demographics"] == 0


@pytest.mark.django_db
def test_the_time_is_learnt_from_the_last_twenty_successes():
    ad_account = make_ad_account()

    def seconds() -> float:
        return plan_sync(ad_account.pk, first_day=FIRST_DAY, last_day=TODAY, now=NOW).seconds

    assert seconds() == FEWEST * 0.5, "nothing was timed yet"
    slow = {"started_at": NOW - timedelta(days=2, hours=1), "finished_at": NOW - timedelta(days=2)}
    make_sync_run(account=ad_account, api_calls_made=1, **slow)
    make_sync_run(account=ad_account, api_calls_made=1, status="failed")
    for number in range(20):
        started_at = NOW + timedelta(minutes=number)
        took = timedelta(seconds=10)
        make_sync_run(account=ad_account, started_at=started_at, finished_at=started_at + took, api_calls_made=40)
    assert SyncLog.objects.count() == 22
    assert seconds() == pytest.approx(FEWEST * 0.25)
