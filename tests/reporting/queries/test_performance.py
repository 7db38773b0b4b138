"""How the ads did: equal to the simulator's truth, adding up whichever way it is cut, currencies apart."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.access import visible_ad_accounts
from accounts.models import AdAccount
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.truth import truth
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import CampaignDailyMetric, CreativeDailyMetric
from reporting.metrics import METRICS
from reporting.periods import Period, month_of, week_of
from reporting.queries.grouping import GroupBy
from reporting.queries.performance import (
    PerformanceRow,
    compared_performance,
    compared_totals,
    performance,
    totals,
    trend,
)
from reporting.ratios import FIGURE_COLUMNS
from tests.builders import (
    NOW,
    cover_every_ad_account,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_covered_days,
    make_creative,
    make_creative_day,
)
from tests.ingestion.simulated import simulated_linkedin

EVERYONE = AdAccount.objects.all()
MONDAY = date(2026, 11, 16)
DAY = timedelta(days=1)
WEEK = Period(MONDAY, MONDAY + timedelta(days=6))


def figures(row: Any) -> dict[str, Any]:
    return dict(row.sums)


# --- the truth ---


@pytest.mark.django_db(transaction=True)
def test_every_grouping_equals_the_truth_of_the_simulator(settings):
    """Three ad accounts of three currencies, over weeks and months that the period cuts."""
    settings.BACKFILL_DAYS = 75
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    period = Period(date(2026, 9, 17), date(2026, 11, 19))
    size = WorldSize(ad_accounts=3, campaigns_per_account=5, creatives_per_campaign=2)
    with simulated_linkedin(settings, Options(now=now, frozen=True, size=size)) as linkedin:
        linkedin.connect()
        for ad_account_id in linkedin.ad_account_ids:
            assert linkedin.sync(ad_account_id).status == "success"
        true = {
            one: truth(linkedin.simulator, one, period.first_day, period.last_day) for one in linkedin.ad_account_ids
        }
    for group_by in GroupBy:
        expected = _sums(true, group_by)
        rows = performance(ad_accounts=EVERYONE, period=period, group_by=group_by)
        assert {(row.key, row.currency): figures(row) for row in rows} == expected, group_by
        assert len(expected) >= 3
    expected = _sums(true, None)
    found = totals(ad_accounts=EVERYONE, period=period)
    assert {("", one.currency): figures(one) for one in found} == expected
    assert len({currency for _, currency in expected}) == 3


def _sums(true: dict[int, Any], group_by: GroupBy | None) -> dict[tuple[str, Any], dict[str, Any]]:
    """The truth's rows added up in plain Python."""
    table = "creative_daily_metrics" if group_by is GroupBy.CREATIVE else "campaign_daily_metrics"
    sums: dict[tuple[str, Any], dict[str, Any]] = defaultdict(lambda: dict.fromkeys(FIGURE_COLUMNS, 0))
    for ad_account_id, tables in true.items():
        currency = tables["ad_accounts"][0]["currency"]
        for row in tables[table]:
            for name in FIGURE_COLUMNS:
                sums[_key(group_by, ad_account_id, row), currency][name] += row[name]
    return dict(sums)


def _key(group_by: GroupBy | None, ad_account_id: int, row: dict[str, Any]) -> str:
    day = row["date"]
    return {
        None: lambda: "",
        GroupBy.AD_ACCOUNT: lambda: str(ad_account_id),
        GroupBy.CAMPAIGN: lambda: str(row["campaign_id"]),
        GroupBy.CREATIVE: lambda: row["creative_id"],
        GroupBy.DAY: day.isoformat,
        GroupBy.WEEK: lambda: (day - timedelta(days=day.weekday())).isoformat(),
        GroupBy.MONTH: day.replace(day=1).isoformat,
    }[group_by]()


# --- adding up ---

ROWS = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(0, 70), st.integers(0, 10**6), st.integers(0, 10**4),
        st.decimals(0, 10**5, places=10, allow_nan=False, allow_infinity=False),
    ),
    max_size=30,
    unique_by=lambda row: row[:2],
)  # fmt: skip


@pytest.fixture
def four_campaigns(db: None) -> list[Any]:
    """Of two ad accounts in euros and one in dollars, with a creative each."""
    euros, more_euros, dollars = make_ad_account(), make_ad_account(), make_ad_account(currency="USD")
    campaigns = [make_campaign(account=account) for account in (euros, euros, more_euros, dollars)]
    return [make_creative(campaign=campaign) for campaign in campaigns]


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, first=st.integers(0, 40), length=st.integers(0, 40))
def test_every_grouping_adds_up_to_the_same_totals(four_campaigns: list[Any], rows: Any, first: int, length: int):
    CampaignDailyMetric.objects.all().delete()
    CreativeDailyMetric.objects.all().delete()
    start = date(2026, 8, 1)
    for number, day, impressions, clicks, spend in rows:
        creative = four_campaigns[number]
        counted = {
            "date": start + timedelta(days=day), "impressions": impressions, "clicks": clicks, "spend": spend,
            "fetched_at": NOW,
        }  # fmt: skip
        CampaignDailyMetric.objects.create(campaign=creative.campaign, **counted)
        CreativeDailyMetric.objects.create(creative=creative, **counted)
    period = Period(start + timedelta(days=first), start + timedelta(days=first + length))
    expected = {one.currency: figures(one) for one in totals(ad_accounts=EVERYONE, period=period)}
    for group_by in GroupBy:
        found = performance(ad_accounts=EVERYONE, period=period, group_by=group_by)
        assert _by_currency(found) == expected, group_by
        if group_by.is_calendar:
            assert _by_currency(trend(ad_accounts=EVERYONE, period=period, group_by=group_by)) == expected
    inside = [row for row in rows if first <= row[1] <= first + length]
    assert sum(one["impressions"] for one in expected.values()) == sum(row[2] for row in inside)


def _by_currency(rows: Iterable[PerformanceRow]) -> dict[str | None, dict[str, Any]]:
    sums: dict[str | None, Any] = {}
    for row in rows:
        sums[row.currency] = sums[row.currency].plus(row) if row.currency in sums else row
    return {currency: figures(row) for currency, row in sums.items()}


# --- who may see what, and currencies ---


def test_each_of_the_cast_sees_what_they_may(alice, bob, charlie, bobs_ad_account):
    make_campaign_day(campaign=make_campaign(account=bobs_ad_account), date=MONDAY, clicks=7)
    make_campaign_day(date=MONDAY, clicks=100)
    clicks = {
        user.email.partition("@")[0]: [
            row.total("clicks")
            for row in performance(ad_accounts=visible_ad_accounts(user), period=WEEK, group_by="ad_account")
        ]
        for user in (alice, bob, charlie)
    }
    assert sorted(clicks.pop("alice")) == [7, 100]
    assert clicks == {"bob": [7], "charlie": []}
    assert [one.value("clicks") for one in totals(ad_accounts=visible_ad_accounts(bob), period=WEEK)] == [7]
    assert not totals(ad_accounts=visible_ad_accounts(charlie), period=WEEK)


def test_naming_another_s_campaign_or_creative_shows_nothing(bob, bobs_ad_account):
    foreign = make_creative_day(date=MONDAY)
    make_campaign_day(campaign=foreign.creative.campaign, date=MONDAY)
    seen: Any = {"ad_accounts": visible_ad_accounts(bob), "period": WEEK}
    assert not performance(**seen, group_by="campaign", campaign_ids=[foreign.creative.campaign_id or 0])
    assert not performance(**seen, group_by="creative", creative_ids=[foreign.creative_id])
    assert not totals(**seen, creative_ids=[foreign.creative_id])


@pytest.mark.django_db
def test_currencies_are_never_added():
    for currency, spend in (("EUR", 10), ("EUR", 5), ("USD", 7), (None, 1)):
        campaign = make_campaign(account=make_ad_account(currency=currency))
        make_campaign_day(campaign=campaign, date=MONDAY, spend=Decimal(spend))
    found = totals(ad_accounts=EVERYONE, period=WEEK)
    assert [(one.currency, one.value("spend")) for one in found] == [("EUR", 15), ("USD", 7), (None, 1)]
    days = performance(ad_accounts=EVERYONE, period=WEEK, group_by="day")
    assert {(row.key, row.currency, row.value("spend")) for row in days} == {
        ("2026-11-16", "EUR", 15),
        ("2026-11-16", "USD", 7),
        ("2026-11-16", None, 1),
    }


@pytest.mark.django_db
@pytest.mark.parametrize("group_by", GroupBy)
def test_nothing_happened(group_by: GroupBy):
    make_campaign()
    asked: Any = {"ad_accounts": EVERYONE, "period": WEEK}
    assert not performance(**asked, group_by=group_by)
    assert not compared_performance(**asked, group_by=group_by)
    assert not totals(**asked)
    assert not compared_totals(**asked)
    assert not performance(**asked, group_by=group_by, campaign_ids=[])
    if group_by.is_calendar:
        assert not trend(**asked, group_by=group_by)
    else:
        with pytest.raises(ValueError, match="by day, week or month"):
            trend(**asked, group_by=group_by)


@pytest.mark.django_db
def test_archived_and_vanished_campaigns_are_history():
    gone = make_campaign(status="ARCHIVED", missing_since=NOW)
    stub = make_campaign(account=gone.account, name=None, status=None, missing_since=NOW)
    for campaign in (gone, stub):
        make_campaign_day(campaign=campaign, date=MONDAY)
    rows = performance(ad_accounts=EVERYONE, period=WEEK, group_by="campaign", order_by="key")
    assert [(row.key, row.label) for row in rows] == [(str(gone.pk), gone.name), (str(stub.pk), str(stub.pk))]


@pytest.mark.django_db
def test_a_creative_without_a_campaign_counts():
    account = make_ad_account()
    stub = make_creative(campaign=None, account=account, content_name=None)
    make_creative_day(creative=stub, date=MONDAY, clicks=9)
    [row] = performance(ad_accounts=EVERYONE, period=WEEK, group_by="creative")
    assert (row.key, row.label, row.value("clicks")) == (stub.pk, str(stub), 9)
    [row] = performance(ad_accounts=EVERYONE, period=WEEK, group_by="campaign", creative_ids=[stub.pk])
    assert (row.key, row.label, row.value("clicks")) == ("", "Unknown campaign", 9)


@pytest.mark.django_db
def test_naming_creatives_asks_their_own_rows():
    campaign = make_campaign()
    one, other = make_creative(campaign=campaign), make_creative(campaign=campaign)
    make_campaign_day(campaign=campaign, date=MONDAY, clicks=30)
    make_creative_day(creative=one, date=MONDAY, clicks=10)
    make_creative_day(creative=other, date=MONDAY, clicks=20)
    [row] = performance(ad_accounts=EVERYONE, period=WEEK, group_by="day", creative_ids=[one.pk])
    assert row.value("clicks") == 10
    [total] = totals(ad_accounts=EVERYONE, period=WEEK, campaign_ids=[campaign.pk], creative_ids=[other.pk])
    assert (total.value("clicks"), total.days) == (20, 1)


# --- order ---


@pytest.mark.django_db
def test_order_and_cut():
    account = make_ad_account()
    by_clicks = {}
    for clicks, name in ((5, "b"), (0, "a"), (9, "c")):
        campaign = make_campaign(account=account, name=name)
        make_campaign_day(campaign=campaign, date=MONDAY, clicks=clicks, spend=Decimal(90))
        by_clicks[clicks] = name
    asked: Any = {"ad_accounts": EVERYONE, "period": WEEK, "group_by": "campaign"}

    def labels(**options: Any) -> str:
        return "".join(row.label for row in performance(**asked, **options))

    assert labels(order_by="clicks") == "cba"
    assert labels(order_by="clicks", descending=False) == "abc"
    assert labels(order_by="cpc") == "bca", "what cannot be divided comes last"
    assert labels(order_by="cpc", descending=False) == "cba"
    assert labels(order_by="label") == "abc"
    assert labels(order_by="label", descending=True) == "cba"
    assert labels(order_by="clicks", limit=1) == "c"
    for name in METRICS:
        assert sorted(labels(order_by=name)) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="Unknown order “colour”; choose one of key, label, impressions"):
        labels(order_by="colour")
    with pytest.raises(ValueError, match="galaxy"):
        performance(ad_accounts=EVERYONE, period=WEEK, group_by="galaxy")


@pytest.mark.django_db
def test_one_question_is_three_statements():
    """The ad accounts the asker may see, which days they have stored, then their figures."""
    make_campaign_day(date=MONDAY)
    with CaptureQueriesContext(
        connection,
    ) as statements:
        performance(ad_accounts=EVERYONE, period=WEEK, group_by="campaign")
    assert len(statements) == 3


# --- weeks and months at the border ---


@pytest.mark.django_db
def test_weeks_and_months_cut_by_the_period_say_so():
    campaign = make_campaign()
    period = Period(date(2026, 9, 30), date(2026, 11, 1))
    for day in (date(2026, 9, 29), date(2026, 9, 30), date(2026, 10, 5), date(2026, 11, 1), date(2026, 11, 2)):
        make_campaign_day(campaign=campaign, date=day, clicks=1)
    cover_every_ad_account()
    months = performance(ad_accounts=EVERYONE, period=period, group_by="month")
    assert [(row.label, row.first_day, row.last_day, row.is_partial, row.value("clicks")) for row in months] == [
        ("2026-09", date(2026, 9, 30), date(2026, 9, 30), True, 1),
        ("2026-10", date(2026, 10, 1), date(2026, 10, 31), False, 1),
        ("2026-11", date(2026, 11, 1), date(2026, 11, 1), True, 1),
    ]
    weeks = trend(ad_accounts=EVERYONE, period=period, group_by="week")
    assert [row.label for row in weeks] == ["2026-W40", "2026-W41", "2026-W42", "2026-W43", "2026-W44"]
    assert [row.key for row in weeks] == ["2026-09-28", "2026-10-05", "2026-10-12", "2026-10-19", "2026-10-26"]
    assert [row.value("clicks") for row in weeks] == [1, 1, 0, 0, 1]
    assert [row.is_partial for row in weeks] == [True, False, False, False, False]
    assert weeks[0].first_day == date(2026, 9, 30)
    assert [row.value("clicks") for row in trend(ad_accounts=EVERYONE, period=Period(MONDAY, MONDAY))] == []


@pytest.mark.django_db
def test_the_first_days_of_january_may_belong_to_last_year_s_week():
    make_campaign_day(date=date(2027, 1, 2))
    [row] = performance(ad_accounts=EVERYONE, period=Period(date(2027, 1, 1), date(2027, 1, 31)), group_by="week")
    assert (row.label, row.key, row.first_day, row.is_partial) == (
        "2026-W53", "2026-12-28", date(2027, 1, 1), True,
    )  # fmt: skip


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.dates(date(2025, 1, 1), date(2026, 12, 31)), days=st.integers(0, 70))
def test_buckets_cover_the_period_without_overlap(db, first: date, days: int):
    CampaignDailyMetric.objects.all().delete()
    period = Period(first, first + timedelta(days=days))
    make_campaign_day(date=period.last_day)
    for group_by, bucket_of in ((GroupBy.WEEK, week_of), (GroupBy.MONTH, month_of)):
        rows = trend(ad_accounts=EVERYONE, period=period, group_by=group_by)
        covered = [day for row in rows for day in Period(row.first_day, row.last_day).each_day()]
        assert covered == list(period.each_day())
        for row in rows:
            assert row.is_partial == (bucket_of(row.first_day) != (row.first_day, row.last_day))


# --- beside another period ---


@pytest.mark.django_db
def test_entities_are_compared_by_key():
    account = make_ad_account()
    stays, is_new, was = (make_campaign(account=account) for _ in range(3))
    last_week = MONDAY - timedelta(days=7)
    for campaign, day, clicks, spend in (
        (stays, MONDAY, 30, 3),
        (stays, last_week, 20, 3),
        (is_new, MONDAY, 5, 2),
        (was, last_week, 8, 1),
    ):
        make_campaign_day(campaign=campaign, date=day, clicks=clicks, spend=Decimal(spend))
    cover_every_ad_account()
    asked: Any = {"ad_accounts": EVERYONE, "period": WEEK, "group_by": "campaign"}
    rows = compared_performance(**asked)
    assert [(one.now.key, one.now.value("clicks"), one.before and one.before.value("clicks")) for one in rows] == [
        (str(stays.pk), 30, 20),
        (str(is_new.pk), 5, 0),
        (str(was.pk), 0, 8),
    ]
    assert [one.change_percent("clicks") for one in rows] == [50, None, -100]
    assert [one.now.key for one in compared_performance(**asked, limit=1)] == [str(stays.pk)]
    [total] = compared_totals(ad_accounts=EVERYONE, period=WEEK)
    assert (total.now.value("clicks"), total.before.value("clicks"), total.change_percent("clicks")) == (35, 28, 25)


@pytest.mark.django_db
def test_days_are_compared_by_their_place():
    campaign = make_campaign()
    for offset in (0, 2, -7, -6, -8):
        make_campaign_day(campaign=campaign, date=MONDAY + timedelta(days=offset), clicks=offset + 100)
    cover_every_ad_account()
    rows = compared_performance(ad_accounts=EVERYONE, period=WEEK, group_by="day")
    assert [(one.now.value("clicks"), one.before and one.before.value("clicks")) for one in rows] == [
        (100, 93), (0, 94), (102, 0), (0, 0), (0, 0), (0, 0), (0, 0),
    ]  # fmt: skip
    assert [one.before and one.before.key for one in rows][:2] == ["2026-11-09", "2026-11-10"]


@pytest.mark.django_db
def test_a_shorter_period_to_compare_with_leaves_nothing_out():
    make_campaign_day(date=MONDAY + timedelta(days=6), clicks=4)
    before = Period(MONDAY - timedelta(days=2), MONDAY - timedelta(days=1))
    rows = compared_performance(ad_accounts=EVERYONE, period=WEEK, before=before, group_by="day")
    assert len(rows) == 7
    assert rows[6].now.value("clicks") == 4
    assert rows[6].before is None
    assert rows[6].change_percent("clicks") is None
    assert rows[1].before is not None


@pytest.mark.django_db
def test_a_currency_that_only_the_other_period_knows():
    make_campaign_day(campaign=make_campaign(account=make_ad_account(currency="USD")), date=MONDAY)
    euros = make_campaign(account=make_ad_account(currency="EUR"))
    make_campaign_day(campaign=euros, date=MONDAY - timedelta(days=3), spend=Decimal(12))
    cover_every_ad_account()
    found = compared_totals(ad_accounts=EVERYONE, period=WEEK)
    assert [(one.now.currency, one.now.value("spend"), one.before.value("spend")) for one in found] == [
        ("USD", 50, 0),
        ("EUR", 0, 12),
    ]
    assert [one.change_percent("spend") for one in found] == [None, -100]


# --- what figures rest on ---

LAST_WEEK = WEEK.previous()
SIDES = {"now": WEEK, "before": LAST_WEEK}
PLACES = {"first": 0, "middle": 3, "last": 6}


def leave_out(day: date, account: Any) -> None:
    """Every day of 2026 is stored but this one."""
    asked_at = datetime(2027, 1, 1, tzinfo=UTC)
    for first, last in ((date(2026, 1, 1), day - DAY), (day + DAY, date(2026, 12, 31))):
        make_covered_days(account=account, first_day=first, last_day=last, asked_at=asked_at)


@pytest.fixture
def busy(db: None) -> Any:
    """A creative with figures on every day of both weeks."""
    creative = make_creative()
    for period in SIDES.values():
        for day in period.each_day():
            make_campaign_day(campaign=creative.campaign, date=day)
            make_creative_day(creative=creative, date=day)
    return creative


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("group_by", GroupBy)
def test_a_day_missing_on_either_side_leaves_no_change(busy: Any, group_by: GroupBy, side: str, place: str):
    """Of days, weeks and months only for the one that it is in."""
    gap = SIDES[side].first_day + PLACES[place] * DAY
    leave_out(gap, busy.account)
    asked: Any = {"ad_accounts": EVERYONE, "period": WEEK}
    rows = compared_performance(**asked, group_by=group_by)
    lacking = {
        "now": [row for row in rows if not row.now.is_whole],
        "before": [row for row in rows if row.before and not row.before.is_whole],
    }
    assert [row.now if side == "now" else row.before for row in lacking[side]] == [
        one
        for row in rows
        if (one := row.now if side == "now" else row.before) and one.first_day <= gap <= one.last_day
    ]
    assert lacking[side]
    assert not lacking["before" if side == "now" else "now"]
    assert [row.change_percent("clicks") is None for row in rows] == [row in lacking[side] for row in rows]
    [total] = compared_totals(**asked)
    assert total.change_percent("clicks") is None
    assert (total.now.is_whole, total.before.is_whole) == (side != "now", side != "before")


@pytest.mark.parametrize("group_by", GroupBy)
def test_a_period_that_is_whole_has_changes(busy: Any, group_by: GroupBy):
    cover_every_ad_account()
    rows = compared_performance(ad_accounts=EVERYONE, period=WEEK, group_by=group_by)
    assert {row.change_percent("clicks") for row in rows} == {0}
    [total] = compared_totals(ad_accounts=EVERYONE, period=WEEK)
    assert total.change_percent("clicks") == 0


@pytest.mark.django_db
def test_a_day_is_zero_only_if_it_was_fetched():
    campaign = make_campaign()
    make_campaign_day(campaign=campaign, date=MONDAY, clicks=4)
    today = MONDAY + 4 * DAY
    make_covered_days(
        account=campaign.account_id or 0, first_day=MONDAY - 7 * DAY, last_day=MONDAY + DAY, asked_at=NOW - 3 * DAY
    )
    make_covered_days(account=campaign.account_id or 0, first_day=MONDAY + 3 * DAY, last_day=today, asked_at=NOW)
    rows = trend(ad_accounts=EVERYONE, period=WEEK)
    assert [row.value("clicks") for row in rows] == [4, 0, None, 0, 0, None, None]
    # Tuesday was fetched on Tuesday, today is under way, and what comes later has not been.
    assert [row.is_whole for row in rows] == [True, False, False, True, False, False, False]
    [week] = trend(ad_accounts=EVERYONE, period=WEEK, group_by="week")
    assert (week.value("clicks"), week.is_whole) == (4, False)
    two_weeks = Period(MONDAY - 7 * DAY, WEEK.last_day)
    earlier, _ = trend(ad_accounts=EVERYONE, period=two_weeks, group_by="week")
    assert (earlier.value("clicks"), earlier.is_whole) == (0, True)


@pytest.mark.django_db
@pytest.mark.parametrize("group_by", GroupBy)
def test_what_has_no_rows_in_a_period_that_was_never_fetched_has_no_zeros(group_by: GroupBy):
    creative = make_creative()
    make_campaign_day(campaign=creative.campaign, date=MONDAY)
    make_creative_day(creative=creative, date=MONDAY)
    make_covered_days(
        account=creative.account_id or 0, first_day=MONDAY, last_day=WEEK.last_day, asked_at=NOW + 9 * DAY
    )
    first = compared_performance(ad_accounts=EVERYONE, period=WEEK, group_by=group_by)[0]
    assert first.before is not None
    assert set(first.before.sums.values()) == {None}
    [total] = compared_totals(ad_accounts=EVERYONE, period=WEEK)
    assert set(total.before.sums.values()) == {None}


@pytest.mark.django_db
def test_rows_rest_on_their_own_ad_account_and_sums_on_all_of_their_currency():
    """An ad account that is not whole takes the change from its own rows, and from the sums that it is in."""
    whole, lacking = make_ad_account(currency="EUR"), make_ad_account(currency="EUR")
    dollars = make_ad_account(currency="USD")
    for account in (whole, lacking, dollars):
        creative = make_creative(campaign=make_campaign(account=account))
        for day in (MONDAY, MONDAY - 7 * DAY):
            make_campaign_day(campaign=creative.campaign, date=day)
            make_creative_day(creative=creative, date=day)
    stored: Any = {"first_day": LAST_WEEK.first_day, "last_day": WEEK.last_day, "asked_at": NOW + 9 * DAY}
    make_covered_days(account=whole, **stored)
    make_covered_days(account=dollars, **stored)
    for group_by in GroupBy:
        rows = compared_performance(ad_accounts=EVERYONE, period=WEEK, group_by=group_by)
        changed = {row.now.currency for row in rows if row.change_percent("clicks") is not None}
        assert changed == ({"USD"} if group_by.is_calendar else {"EUR", "USD"}), group_by
        if not group_by.is_calendar:
            assert {row.now.ad_account_id for row in rows if row.change_percent("clicks") is None} == {lacking.pk}
    sums = compared_totals(ad_accounts=EVERYONE, period=WEEK)
    assert {one.now.currency: one.change_percent("clicks") for one in sums} == {"EUR": None, "USD": 0}
    assert (sums.coverage.lacking(), sums.before and sums.before.lacking()) == ([lacking.pk], [lacking.pk])


@pytest.mark.django_db
def test_creatives_of_an_unknown_campaign_rest_on_all_ad_accounts():
    whole, lacking = make_ad_account(), make_ad_account()
    stubs = [make_creative(campaign=None, account=account) for account in (whole, lacking)]
    for stub in stubs:
        make_creative_day(creative=stub, date=MONDAY)
    make_covered_days(account=whole, first_day=MONDAY, last_day=WEEK.last_day, asked_at=NOW + 9 * DAY)
    asked: Any = {"ad_accounts": EVERYONE, "period": WEEK, "group_by": "campaign"}
    [both] = performance(**asked, creative_ids=[one.pk for one in stubs])
    [one] = performance(**asked, creative_ids=[stubs[0].pk])
    assert (both.ad_account_id, both.is_whole) == (None, False)
    assert (one.ad_account_id, one.is_whole) == (whole.pk, True)
