"""Days that do not add up are requested again seldom, in few requests, and only of what may have run."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import Count
from hypothesis import given
from hypothesis import strategies as st

from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import Campaign, CreativeDailyMetric, IncompleteDay
from ingestion.sync import load, rechecks
from ingestion.sync.plan import plan_sync
from ingestion.sync.rechecks import MAX_CALLS, DueDay, Requests, campaigns_that_ran, is_due, tables_to_request
from ingestion.timetable.freshness import days_to_sync
from tests.builders import (
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_creative,
    make_creative_day,
)
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
DAY = TODAY - timedelta(days=10)
NOON = datetime(2026, 11, 11, 12, tzinfo=UTC)
CAMPAIGNS, CREATIVES = load.CAMPAIGN_DAYS.table, load.CREATIVE_DAYS.table
BOTH = frozenset({CAMPAIGNS, CREATIVES})


# --- when ---


@pytest.mark.parametrize(
    ("rechecks_so_far", "distance"), [(0, 0), (1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30), (32_767, 30)]
)
def test_a_day_waits_longer_each_time(rechecks_so_far: int, distance: int):
    last = NOW - timedelta(days=distance)
    assert is_due(rechecks_so_far, last, today=TODAY)
    assert is_due(rechecks_so_far, last + timedelta(days=1), today=TODAY) is (distance == 0)


def test_what_was_never_requested_again_is_due_and_so_is_what_a_wrong_clock_recorded():
    assert is_due(0, None, today=TODAY)
    assert is_due(6, NOW + timedelta(days=400), today=TODAY)


# --- of what ---


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "may_have_run"),
    [
        ({}, True),
        ({"status": "PAUSED", "last_modified_at": NOON + timedelta(days=3)}, True),
        ({"status": "PAUSED", "last_modified_at": NOON}, True),
        ({"status": "PAUSED", "last_modified_at": NOON - timedelta(days=1)}, False),
        ({"status": "ARCHIVED", "last_modified_at": NOON - timedelta(days=1)}, False),
        ({"status": "PAUSED", "last_modified_at": None}, True),
        ({"status": None, "last_modified_at": NOON - timedelta(days=1)}, True),
        ({"status": "COMPLETED", "last_modified_at": NOON - timedelta(days=1)}, True),
        ({"run_schedule_start_at": NOON + timedelta(days=1)}, False),
        ({"run_schedule_start_at": NOON}, True),
        ({"run_schedule_end_at": NOON - timedelta(days=1)}, False),
        # The end is exclusive.
        ({"run_schedule_end_at": datetime(2026, 11, 11, tzinfo=UTC)}, False),
        ({"run_schedule_end_at": NOON}, True),
        ({"created_at": NOON + timedelta(days=1)}, False),
        ({"created_at": None, "run_schedule_start_at": None, "run_schedule_end_at": None}, True),
        ({"missing_since": NOON - timedelta(days=1)}, False),
        ({"missing_since": NOON + timedelta(days=1)}, True),
    ],
)
def test_campaigns_that_may_have_run_on_a_day(changes, may_have_run):
    usual = {"status": "ACTIVE", "created_at": None, "run_schedule_start_at": None, "run_schedule_end_at": None}
    ad_account = make_ad_account()
    campaign = make_campaign(account=ad_account, **usual | changes)
    for _ in range(3):
        make_creative(campaign=campaign)
    found = campaigns_that_ran([DAY], ad_account_id=ad_account.pk)
    assert found == ({DAY: {campaign.pk: 3}} if may_have_run else {})


@pytest.mark.django_db
@pytest.mark.parametrize("of", ["campaign", "creative"])
def test_a_campaign_with_stored_rows_ran_whatever_its_settings_say(of):
    ad_account = make_ad_account()
    campaign = make_campaign(account=ad_account, status="PAUSED", last_modified_at=NOON - timedelta(days=99))
    creative = make_creative(campaign=campaign)
    make_campaign(account=ad_account, status="PAUSED", last_modified_at=NOON - timedelta(days=99))
    make_campaign()
    if of == "campaign":
        make_campaign_day(campaign=campaign, date=DAY)
    else:
        make_creative_day(creative=creative, date=DAY)
    assert campaigns_that_ran([DAY, DAY - timedelta(days=1)], ad_account_id=ad_account.pk) == {DAY: {campaign.pk: 1}}


def test_where_our_tables_agree_with_each_other_campaigns_are_requested_alone():
    same = {CAMPAIGNS: {"impressions": -1.0}, CREATIVES: {"impressions": -1.0}}
    other = {**same, CREATIVES: {"impressions": -2.0}}
    assert tables_to_request(same, is_missing=False) == {CAMPAIGNS}
    assert tables_to_request(same, is_missing=True) == BOTH
    assert tables_to_request(other, is_missing=False) == BOTH
    assert tables_to_request({CREATIVES: {"clicks": 3.0}}, is_missing=False) == {CREATIVES}


# --- in how few requests ---


def due_days(count: int, *, rounds: int = 0, tables: frozenset[str] = BOTH) -> list[DueDay]:
    rechecked_at = NOW - timedelta(days=40) if rounds else None
    return [DueDay(DAY - timedelta(days=number), tables, rounds, rechecked_at) for number in range(count)]


def fake_campaigns(monkeypatch: pytest.MonkeyPatch, campaigns: int, creatives: int) -> None:
    def ran(days: list[date], *, ad_account_id: int) -> dict[date, dict[int, int]]:
        return {day: dict.fromkeys(range(1, campaigns + 1), creatives) for day in days}

    monkeypatch.setattr(rechecks, "campaigns_that_ran", ran)


def test_days_of_few_rows_go_together_newest_first(monkeypatch):
    fake_campaigns(monkeypatch, campaigns=10, creatives=4)
    found = Requests(due_days(20), ad_account_id=1, calls=MAX_CALLS)
    assert len(found.days) == 20
    shapes = [(table, one.last_day, one.days, one.campaign_ids) for table, one in found.windows]
    assert shapes == [
        (CAMPAIGNS, DAY, 20, None),
        (CREATIVES, DAY, 10, None),
        (CREATIVES, DAY - timedelta(days=10), 10, None),
    ]


def test_each_round_asks_for_smaller_answers(monkeypatch):
    fake_campaigns(monkeypatch, campaigns=10, creatives=4)
    days_in_a_request = []
    for rounds in range(5):
        found = Requests(due_days(20, rounds=rounds, tables=frozenset({CREATIVES})), ad_account_id=1, calls=MAX_CALLS)
        days_in_a_request.append(max(one.days for _, one in found.windows))
    assert days_in_a_request == [10, 5, 2, 1, 1]
    found = Requests(due_days(1, rounds=5, tables=frozenset({CREATIVES})), ad_account_id=1, calls=MAX_CALLS)
    assert [one.campaign_ids for _, one in found.windows] == [(1, 2, 3), (4, 5, 6), (7, 8, 9), (10,)]


def test_a_day_of_many_rows_is_requested_whole_and_by_groups_in_turn(monkeypatch):
    fake_campaigns(monkeypatch, campaigns=300, creatives=4)
    for rounds, expected in ((0, {CAMPAIGNS: 1, CREATIVES: 1}), (1, {CAMPAIGNS: 2, CREATIVES: 3})):
        found = Requests(due_days(1, rounds=rounds), ad_account_id=1, calls=MAX_CALLS)
        assert Counter(table for table, _ in found.windows) == expected
        for table in BOTH:
            groups = [one.campaign_ids for of_table, one in found.windows if of_table == table]
            whole = groups == [None]
            assert whole is (rounds == 0)
            assert whole or sorted(one for group in groups for one in group or ()) == list(range(1, 301))


@given(
    campaigns=st.integers(0, 900),
    creatives=st.integers(1, 60),
    rounds=st.lists(st.integers(0, 9), max_size=40),
    calls=st.integers(2, MAX_CALLS),
    both=st.booleans(),
)
def test_a_run_makes_a_few_requests_at_most_and_always_gets_on(campaigns, creatives, rounds, calls, both):
    tables = BOTH if both else frozenset({CREATIVES})
    due = [
        DueDay(DAY - timedelta(days=number), tables, of_day, NOW if of_day else None)
        for number, of_day in enumerate(rounds)
    ]
    with pytest.MonkeyPatch.context() as patch:
        fake_campaigns(patch, campaigns, creatives)
        found = Requests(due, ad_account_id=1, calls=calls)
    assert len(found.windows) <= calls
    assert bool(found.days) is bool(due)
    for one in due:
        if one.day not in found.days:
            continue
        for table in tables:
            asked = [
                window
                for of_table, window in found.windows
                if of_table == table and window.first_day <= one.day <= window.last_day
            ]
            wanted = set(range(1, campaigns + 1))
            assert any(window.campaign_ids is None for window in asked) or wanted == {
                campaign for window in asked for campaign in window.campaign_ids or ()
            }


# --- over days ---


@pytest.fixture
def large(settings):
    """300 campaigns of four creatives, all of which run every day."""
    settings.BACKFILL_DAYS, settings.LOOKBACK_DAYS = 9, 9
    size = WorldSize(
        ad_accounts=1, campaigns_per_account=300, creatives_per_campaign=4, dense=True, activity=1.0,
        segments_per_pivot=4,
    )  # fmt: skip
    with simulated_linkedin(settings, Options(now=NOW, frozen=True, size=size)) as linkedin:
        linkedin.connect()
        yield linkedin


def analytics_calls(linkedin: SimulatedLinkedIn, *, is_known: bool = True) -> int:
    """Those of one sync, which the plan knows unless there are new differences."""
    linkedin.forget_calls()
    ad_account_id = linkedin.ad_account_ids[0]
    first_day, last_day = days_to_sync(ad_account_id, first_day=None, last_day=None, now=linkedin.now())
    plan = plan_sync(ad_account_id, first_day=first_day, last_day=last_day, now=linkedin.now())
    result = linkedin.sync(force=True)
    assert (result.status, result.reason) == ("success", "")
    assert plan.total_calls == result.api_calls or not is_known
    return int(linkedin.simulator.counters.counted()["calls"]["adAnalytics"])


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_totals_that_are_off_for_good_cost_few_calls_a_sync_and_fewer_each_day(large: SimulatedLinkedIn):
    large.sync()
    undisturbed = analytics_calls(large)
    large.simulator.switch_on("wrong_totals")
    by_day = []
    for day in range(5):
        large.simulator.clock.set(NOW + timedelta(days=day))
        syncs = [analytics_calls(large, is_known=number > 0) - undisturbed for number in range(4)]
        assert max(syncs) <= MAX_CALLS
        by_day.append(sum(syncs))
    assert IncompleteDay.objects.count() == 9 + 4
    assert set(IncompleteDay.objects.values_list("differences", flat=True)[0]) == BOTH
    large.simulator.switch_off()
    large.sync(force=True)
    assert not IncompleteDay.objects.filter(date__gte=large.today - timedelta(days=9)).exists()
    assert max(by_day) <= 3 * 9, by_day
    assert by_day[3] + by_day[4] < by_day[1], by_day


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_campaign_that_was_cut_from_a_large_answer_is_found(large: SimulatedLinkedIn):
    """Answers are cut at 700 of a day's 1,200 rows, and the campaign is paused by now."""
    large.simulator.switch_on("short_answers", rows=700)
    large.sync()
    rows = dict(CreativeDailyMetric.objects.values_list("creative__campaign_id").annotate(Count("pk")))
    last = min(Campaign.objects.values_list("pk", flat=True), key=lambda campaign: rows.get(campaign, 0))
    assert rows.get(last, 0) < 9 * 4
    large.simulator.clock.set(NOW + timedelta(hours=1))
    large.simulator.change("set_status", campaign=last, status="PAUSED")
    for hours in range(4, 24 * 9, 8):
        large.simulator.clock.set(NOW + timedelta(hours=hours))
        large.sync(force=True)
        # Those of later days take a day or two as well.
        if not IncompleteDay.objects.filter(date__lt=TODAY).exists():
            break
    assert not IncompleteDay.objects.filter(date__lt=TODAY).exists()
    assert large.today <= TODAY + timedelta(days=4)
    assert CreativeDailyMetric.objects.filter(creative__campaign_id=last, date__lt=TODAY).count() == 9 * 4
