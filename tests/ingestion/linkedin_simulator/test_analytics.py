"""adAnalytics: fields, facets, ranges, sums, limits and the rules of MEMBER pivots."""

import json
import resource
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from ingestion.linkedin_simulator import WorldSize
from ingestion.linkedin_simulator.analytics_rows import AnalyticsQuery, rows
from ingestion.linkedin_simulator.figures import money

from .conftest import ACCOUNT, ACCOUNTS_FACET, METRICS, Caller, analytics_target, day, make_simulator

FIRST, LAST = "2026-10-20", "2026-11-21"
COUNTS = [name for name in METRICS.split(",") if name != "costInLocalCurrency"]


def sums(elements: list[Any]) -> dict[str, Decimal]:
    return {name: sum((Decimal(str(each[name])) for each in elements), Decimal()) for name in METRICS.split(",")}


def by_day(elements: list[Any]) -> dict[str, list[Any]]:
    days: dict[str, list[Any]] = {}
    for each in elements:
        days.setdefault(json.dumps(each["dateRange"]["start"]), []).append(each)
    return days


def test_shape_of_an_answer(caller: Caller):
    answer = caller.get(analytics_target("CAMPAIGN", "DAILY", LAST, LAST))
    assert answer["paging"] == {"count": 10, "links": [], "start": 0}
    element = answer["elements"][0]
    assert set(element) == {"pivotValues", "dateRange", *METRICS.split(",")}
    assert element["dateRange"]["start"] == element["dateRange"]["end"] == {"year": 2026, "month": 11, "day": 21}
    assert element["pivotValues"][0].startswith("urn:li:sponsoredCampaign:")
    assert isinstance(element["costInLocalCurrency"], str)
    assert all(isinstance(element[name], int) for name in COUNTS)


@pytest.mark.parametrize("granularity", ["DAILY", "MONTHLY", "YEARLY", "ALL"])
def test_creatives_campaigns_groups_and_account_add_up_exactly(caller: Caller, granularity: str):
    found = {
        pivot: caller.analytics(pivot, granularity, FIRST, LAST)
        for pivot in ("CREATIVE", "CAMPAIGN", "CAMPAIGN_GROUP", "ACCOUNT")
    }
    whole = sums(found["ACCOUNT"])
    assert whole["impressions"] > 0
    assert all(sums(elements) == whole for elements in found.values())
    for start, elements in by_day(found["CREATIVE"]).items():
        assert sums(elements) == sums(by_day(found["ACCOUNT"])[start])


def test_granularities_tell_the_same_sums(caller: Caller):
    daily = caller.analytics("CAMPAIGN", "DAILY", FIRST, LAST)
    monthly = caller.analytics("CAMPAIGN", "MONTHLY", FIRST, LAST)
    assert sums(daily) == sums(monthly)
    ranges = {json.dumps(each["dateRange"]) for each in monthly}
    assert len(ranges) == 2
    assert {each["dateRange"]["start"]["day"] for each in monthly} == {20, 1}
    assert {each["dateRange"]["end"]["day"] for each in monthly} == {31, 21}


def test_rows_come_by_date_then_entity_and_stop_today(caller: Caller):
    found = caller.analytics("CREATIVE", "DAILY", "2026-11-10", "2026-12-31")
    keys = [(date(**each["dateRange"]["start"]), int(each["pivotValues"][0].rpartition(":")[2])) for each in found]
    assert keys == sorted(keys)
    assert keys[-1][0] == date(2026, 11, 21)


def test_open_end_is_today(caller: Caller):
    closed = caller.get(analytics_target("ACCOUNT", "ALL", "2026-11-01", LAST))
    target = analytics_target("ACCOUNT", "ALL", "2026-11-01", LAST).replace(f",end:{day(LAST)}", "")
    assert caller.get(target) == closed


def test_default_fields(caller: Caller):
    found = caller.analytics("CAMPAIGN", "DAILY", LAST, LAST, fields="")
    assert set(found[0]) == {"impressions", "clicks", "dateRange", "pivotValues"}
    as_list = caller.analytics("CAMPAIGN", "DAILY", LAST, LAST, fields="List(costInLocalCurrency)")
    assert as_list == found


def test_twenty_fields_at_most_keys_included(caller: Caller):
    names = [
        "impressions", "clicks", "likes", "comments", "shares", "follows", "opens", "sends", "reactions", "videoViews",
        "costInUsd", "totalEngagements", "oneClickLeads", "landingPageClicks", "costInLocalCurrency", "actionClicks",
        "externalWebsiteConversions", "conversionValueInLocalCurrency", "dateRange", "pivotValues",
    ]  # fmt: skip
    assert caller.analytics("CAMPAIGN", "DAILY", LAST, LAST, fields=",".join(names))
    target = analytics_target("CAMPAIGN", "DAILY", LAST, LAST, fields=",".join([*names, "videoStarts"]))
    assert caller.error(target)[0] == 400


@pytest.mark.parametrize(
    "target",
    [
        analytics_target("CAMPAIGN", "DAILY", LAST, LAST, fields="impressions,spend"),
        analytics_target("SIDEWAYS", "DAILY", LAST, LAST),
        analytics_target("MEMBER_COUNTRY", "DAILY", LAST, LAST),
        analytics_target("CAMPAIGN", "HOURLY", LAST, LAST),
        analytics_target("CAMPAIGN", "DAILY", LAST, FIRST),
        analytics_target("CAMPAIGN", "DAILY", LAST, LAST).replace("day:21", "day:31"),
        analytics_target("CAMPAIGN", "DAILY", LAST, LAST, facet="accounts=List(500000001)"),
        analytics_target("CAMPAIGN", "DAILY", LAST, LAST, facet="accounts=urn%3Ali%3AsponsoredAccount%3A500000001"),
        analytics_target("CAMPAIGN", "DAILY", LAST, LAST).replace(f"&{ACCOUNTS_FACET}", ""),
        analytics_target("CAMPAIGN", "DAILY", LAST, LAST) + "&sortBy=(field:IMPRESSIONS)",
        analytics_target("CAMPAIGN", "DAILY", LAST, LAST) + "&projection=(elements)",
        analytics_target("CAMPAIGN", "DAILY", LAST, LAST).replace("q=analytics", "q=statistics"),
        analytics_target("MEMBER_JOB_TITLE", "ALL", LAST, LAST, fields="approximateMemberReach"),
        analytics_target("MEMBER_JOB_TITLE", "ALL", LAST, LAST, fields="conversionValueInLocalCurrency"),
    ],
)
def test_wrong_questions_are_400(caller: Caller, target: str):
    status, body = caller.error(target)
    assert (status, body["status"]) == (400, 400)


def test_statistics_takes_pivots_but_no_members(caller: Caller):
    base = f"/rest/adAnalytics?q=statistics&timeGranularity=ALL&dateRange=(start:{day(FIRST)})&{ACCOUNTS_FACET}"
    found = caller.get(f"{base}&pivots=List(CAMPAIGN,CREATIVE)&fields=pivotValues,{METRICS}")["elements"]
    assert [urn.split(":")[2] for urn in found[0]["pivotValues"]] == ["sponsoredCampaign", "sponsoredCreative"]
    assert sums(found) == sums(caller.analytics("ACCOUNT", "ALL", FIRST, LAST))
    status, body = caller.error(f"{base}&pivots=List(MEMBER_SENIORITY)")
    assert (status, body["errorDetails"]["inputErrors"][0]["code"]) == (400, "FIELD_INVALID")


def test_facets_narrow_together(caller: Caller):
    campaign = "campaigns=List(urn%3Ali%3AsponsoredCampaign%3A250000001)"
    everything = caller.analytics("CREATIVE", "DAILY", FIRST, LAST)
    both = caller.analytics("CREATIVE", "DAILY", FIRST, LAST, facet=f"{ACCOUNTS_FACET}&{campaign}")
    one = caller.analytics("CREATIVE", "DAILY", FIRST, LAST, facet=campaign)
    other = caller.analytics(
        "CREATIVE", "DAILY", FIRST, LAST, facet=f"{ACCOUNTS_FACET.replace('001)', '002)')}&{campaign}"
    )
    assert both == one
    assert 0 < len(one) < len(everything)
    assert other == []
    creative = one[0]["pivotValues"][0]
    facet = f"creatives=List({creative.replace(':', '%3A')})"
    alone = caller.analytics("CREATIVE", "DAILY", FIRST, LAST, facet=facet)
    assert alone == [each for each in everything if each["pivotValues"] == [creative]]


def test_start_and_count_are_ignored(caller: Caller):
    target = analytics_target("CREATIVE", "DAILY", FIRST, LAST)
    assert caller.get(f"{target}&start=50&count=3")["elements"] == caller.get(target)["elements"]


def test_sort_by(caller: Caller):
    target = analytics_target("CREATIVE", "DAILY", FIRST, LAST) + "&sortBy=(field:IMPRESSIONS,order:DESCENDING)"
    impressions = [each["impressions"] for each in caller.get(target)["elements"]]
    assert impressions == sorted(impressions, reverse=True)


def test_rows_where_every_asked_metric_is_zero_are_left_out(caller: Caller):
    leads = caller.analytics("CREATIVE", "DAILY", FIRST, LAST, fields="pivotValues,dateRange,oneClickLeads")
    keys = caller.analytics("CREATIVE", "DAILY", FIRST, LAST, fields="pivotValues,dateRange")
    assert all(each["oneClickLeads"] for each in leads)
    assert 0 < len(leads) < len(keys) == len(caller.analytics("CREATIVE", "DAILY", FIRST, LAST))


def test_money_is_odd_as_linkedins(caller: Caller):
    simulator = make_simulator(size=WorldSize(ad_accounts=1, campaigns_per_account=24))
    found = Caller(simulator).analytics("CREATIVE", "DAILY", "2026-06-01", LAST)
    printed = {each["costInLocalCurrency"] for each in found}
    assert "0.0" in printed
    assert "-2E-18" in printed
    places = {len(text.partition(".")[2]) for text in printed if "." in text}
    assert max(places) == 20
    assert min(places) < 6
    assert all(str(Decimal(text)) for text in printed)


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (0, "0.0"), (10**20, "1.0"), (15 * 10**19, "1.5"), (-200, "-2E-18"), (1, "1E-20"), (-(10**20), "-1.0"),
        (10**14, "0.000001"), (9_999_999_999_999_996 * 10**6, "99.99999999999996"),
    ],
)  # fmt: skip
def test_money(units: int, text: str):
    assert Decimal(money(units)) == Decimal(units).scaleb(-20)
    assert money(units) == text


def test_silent_cut_at_fifteen_thousand():
    size = WorldSize(ad_accounts=1, campaigns_per_account=100, creatives_per_campaign=6, activity=1.0, dense=True)
    caller = Caller(make_simulator(size=size))
    found = caller.analytics(
        "CREATIVE", "DAILY", "2026-10-20", "2026-11-21", fields="impressions,pivotValues,dateRange"
    )
    assert len(found) == 15_000
    starts = [each["dateRange"]["start"] for each in found]
    assert (starts[0], starts[-1]) == ({"year": 2026, "month": 10, "day": 20}, {"year": 2026, "month": 11, "day": 13})
    assert len(caller.analytics("CREATIVE", "DAILY", "2026-11-01", "2026-11-10", fields="impressions")) == 6_000


def test_full_activity_is_one_row_per_creative_and_day_from_its_creation():
    simulator = make_simulator(size=WorldSize(ad_accounts=1, activity=1.0))
    account = simulator.world.account(0)
    plans = list(simulator.present.account_creatives(account))
    question = AnalyticsQuery(("CREATIVE",), date(2024, 1, 1), date(2026, 11, 21), "DAILY")
    found = list(rows(simulator.present, simulator.office.totals, question, [account]))
    today = date(2026, 11, 21).toordinal()
    assert len(found) == sum(today - plan.first_day + 1 for plan in plans)


def test_data_limit_counts_fields_times_records_for_five_minutes():
    simulator = make_simulator(data_limit=3_000)
    caller = Caller(simulator)
    target = analytics_target("CREATIVE", "DAILY", FIRST, LAST)
    assert caller.answer(target).status == 200
    status, body = caller.error(target)
    assert (status, body["code"]) == (429, "TOO_MANY_REQUESTS")
    assert "45 million metric values" in body["message"]
    simulator.clock.advance(seconds=301)
    assert caller.answer(target).status == 200


def test_member_rows_by_month_and_clipped(caller: Caller):
    found = caller.analytics(
        "MEMBER_SENIORITY", "MONTHLY", FIRST, LAST, fields="dateRange,pivotValues,impressions,clicks"
    )
    assert {each["dateRange"]["start"]["day"] for each in found} == {20, 1}
    assert {each["dateRange"]["end"]["day"] for each in found} == {31, 21}
    assert all(each["pivotValues"][0].startswith("urn:li:seniority:") for each in found)
    whole = sums(caller.analytics("ACCOUNT", "ALL", FIRST, LAST))["impressions"]
    assert whole * Decimal("0.99") < sum(each["impressions"] for each in found) <= whole


@pytest.mark.parametrize(
    ("pivot", "start"),
    [
        ("MEMBER_JOB_TITLE", "urn:li:title:"), ("MEMBER_JOB_FUNCTION", "urn:li:function:"),
        ("MEMBER_INDUSTRY", "urn:li:industry:"), ("MEMBER_COMPANY_SIZE", "SIZE_"),
        ("MEMBER_COMPANY", "urn:li:organization:"), ("MEMBER_COUNTRY_V2", "urn:li:geo:"),
        ("MEMBER_REGION_V2", "urn:li:geo:"),
    ],
)  # fmt: skip
def test_member_pivots(caller: Caller, pivot: str, start: str):
    found = caller.analytics(pivot, "MONTHLY", FIRST, LAST)
    assert found
    assert all(each["pivotValues"][0].startswith(start) for each in found)


def test_member_counts_under_three_are_left_out(caller: Caller):
    found = caller.analytics("MEMBER_JOB_TITLE", "DAILY", FIRST, LAST)
    assert all(value >= 3 for each in found for name, value in each.items() if name in COUNTS)
    assert any("likes" not in each for each in found)


def test_member_pivots_give_the_hundred_largest_and_two_years():
    size = WorldSize(ad_accounts=1, segments_per_pivot=150, first_day=date(2023, 1, 1), activity=1.0)
    caller = Caller(make_simulator(size=size))
    assert len(caller.analytics("MEMBER_JOB_TITLE", "ALL", "2026-10-01", "2026-10-31")) == 100
    assert caller.analytics("MEMBER_SENIORITY", "DAILY", "2024-01-01", "2024-11-20") == []
    assert caller.analytics("MEMBER_SENIORITY", "DAILY", "2024-11-21", "2024-11-21")
    assert caller.analytics("ACCOUNT", "DAILY", "2024-01-01", "2024-01-01")


def test_reach_only_up_to_92_days(caller: Caller):
    fields = "impressions,approximateMemberReach"
    short = caller.analytics("CAMPAIGN", "ALL", "2026-08-22", LAST, fields=fields)
    long = caller.analytics("CAMPAIGN", "ALL", "2026-08-21", LAST, fields=fields)
    assert all("approximateMemberReach" in each for each in short)
    assert not any("approximateMemberReach" in each for each in long)


def test_all_widens_old_boundaries_to_whole_months(caller: Caller):
    old = caller.analytics("ACCOUNT", "ALL", "2026-01-10", "2026-01-12")
    assert sums(old) == sums(caller.analytics("ACCOUNT", "ALL", "2026-01-01", "2026-01-31"))
    assert sums(old) != sums(caller.analytics("ACCOUNT", "DAILY", "2026-01-10", "2026-01-12"))


def test_figures_look_like_a_business(caller: Caller):
    found = caller.analytics("ACCOUNT", "DAILY", "2026-09-01", "2026-11-20")
    week: list[int] = []
    weekend: list[int] = []
    for each in found:
        (weekend if date(**each["dateRange"]["start"]).weekday() > 4 else week).append(each["impressions"])
    assert sum(weekend) / len(weekend) < 0.75 * sum(week) / len(week)
    whole = sums(found)
    assert whole["clicks"] / whole["impressions"] > Decimal("0.001")
    assert whole["externalWebsiteConversions"] > 0
    assert whole["oneClickLeads"] > 0
    campaigns = caller.analytics("CAMPAIGN", "ALL", "2026-09-01", "2026-11-20")
    assert any(
        each["externalWebsiteConversions"] == 0 and Decimal(each["costInLocalCurrency"]) > 100 for each in campaigns
    )


def test_spend_stays_near_the_daily_budget(caller: Caller):
    budgets = {
        f"urn:li:sponsoredCampaign:{each['id']}": Decimal(each["dailyBudget"]["amount"])
        for each in caller.get(f"/rest/adAccounts/{ACCOUNT}/adCampaigns?q=search&pageSize=100")["elements"]
        if "dailyBudget" in each
    }
    spend: dict[str, list[Decimal]] = {}
    for each in caller.analytics("CAMPAIGN", "DAILY", "2026-09-01", LAST):
        spend.setdefault(each["pivotValues"][0], []).append(Decimal(each["costInLocalCurrency"]))
    shares = [sum(days, Decimal()) / len(days) / budgets[urn] for urn, days in spend.items() if urn in budgets]
    assert shares
    assert all(share < Decimal("1.6") for share in shares)


def test_message_ads_have_sends_and_opens():
    caller = Caller(make_simulator(size=WorldSize(ad_accounts=2, campaigns_per_account=36)))
    found = caller.analytics("CREATIVE", "DAILY", FIRST, LAST)
    messages = [each for each in found if each["sends"]]
    assert messages
    assert all(each["sends"] == each["impressions"] >= each["opens"] for each in messages)


def test_same_seed_same_world_other_seed_other_world():
    def asked(seed: int) -> Any:
        size = WorldSize(ad_accounts=1, seed=seed)
        return Caller(make_simulator(size=size)).analytics("CREATIVE", "DAILY", FIRST, LAST)

    assert asked(1) == asked(1) != asked(2)


def test_large_world_starts_at_once_and_stays_small():
    """1,000 ad accounts × 200 campaigns × 365 days; generous bounds for a busy machine."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    size = WorldSize(ad_accounts=1_000, campaigns_per_account=200, dense=True, activity=1.0)
    caller = Caller(make_simulator(size=size))
    assert time.process_time() - started < 1
    for index in range(0, 1_000, 125):
        facet = ACCOUNTS_FACET.replace(str(ACCOUNT), str(ACCOUNT + index))
        assert len(caller.analytics("CREATIVE", "DAILY", LAST, LAST, facet=facet)) == 800
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024


def test_fifteen_thousand_rows_are_cheap():
    size = WorldSize(ad_accounts=1, campaigns_per_account=200, dense=True, activity=1.0)
    caller = Caller(make_simulator(size=size))
    started = time.process_time()
    answer = caller.answer(analytics_target("CREATIVE", "DAILY", "2026-11-01", "2026-11-21"))
    assert time.process_time() - started < 1.5
    assert answer.body.count(b"pivotValues") == 15_000


def test_days_beyond_the_clock_appear_as_it_moves(caller: Caller):
    assert caller.analytics("ACCOUNT", "DAILY", "2026-11-22", "2026-11-23") == []
    before = caller.analytics("CREATIVE", "DAILY", FIRST, LAST)
    caller.simulator.clock.set(datetime(2026, 11, 23, 1, tzinfo=UTC))
    assert len(caller.analytics("ACCOUNT", "DAILY", "2026-11-22", "2026-11-23")) == 2
    assert caller.analytics("CREATIVE", "DAILY", FIRST, LAST) == before
