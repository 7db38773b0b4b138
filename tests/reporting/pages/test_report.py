"""The visual report: its sections tell what the questions answer, its address says everything, its access holds."""

import csv
import io
import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from django.utils import timezone

from accounts.access import visible_ad_accounts
from accounts.models import AdAccount, AuditEvent
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.truth import truth
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import IncompleteDay
from reporting.pages.report.answers import Block
from reporting.pages.report.filters import ReportFilters, ReportSelection, read, step_of
from reporting.pages.report.sections import NAMES, section
from reporting.periods import Period
from reporting.queries.audience import audiences
from reporting.queries.budgets import budget_use, spend_distribution
from reporting.queries.grouping import GroupBy
from reporting.queries.journey import engagement, funnel, top_creatives
from reporting.queries.performance import compared_totals, performance, totals, trend
from tests.builders import (
    NOW,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_covered_days,
    make_creative,
    make_creative_day,
    make_segment,
    make_sync_run,
)
from tests.ingestion.simulated import simulated_linkedin

EVERYTHING = AdAccount.objects.all()
DAY = date(2026, 11, 16)
TODAY = date(2026, 11, 20)
DAYS = {"period": "custom", "first_day": "2026-11-01", "last_day": "2026-11-16"}
PERIOD = Period(date(2026, 11, 1), DAY)


def asked(address: str = "", ad_accounts: Any = EVERYTHING) -> ReportFilters:
    return read(QueryDict(address), visible=ad_accounts, today=TODAY)


def select(address: str = "") -> ReportSelection:
    given = QueryDict("period=custom&first_day=2026-11-01&last_day=2026-11-16").dict() | QueryDict(address).dict()
    filters = asked(urlencode(given))
    assert filters.selection, filters.errors
    return filters.selection


def blocks(name: str, address: str = "") -> tuple[Block, ...]:
    return section(name, select(address)).blocks


@pytest.fixture
def two_currencies(db: None) -> None:
    """Two campaigns in euros and one in dollars, with creatives and audiences; the second euro one ran before too."""
    for currency, spends in (("EUR", (90, 30)), ("USD", (70,))):
        account = make_ad_account(currency=currency)
        make_covered_days(account=account, first_day=DAY - timedelta(days=89), last_day=DAY)
        make_segment(account=account, pivot_type="seniority", segment_name="Manager", impressions=300)
        for number, spend in enumerate(spends):
            campaign = make_campaign(account=account, name=f"{currency} {number}", daily_budget=50)
            figures = {"date": DAY, "spend": spend, "impressions": 1000 * spend, "clicks": spend, "likes": spend}
            make_campaign_day(campaign=campaign, **figures)
            make_campaign_day(campaign=campaign, date=DAY - timedelta(days=21), spend=spend * 2, clicks=1)
            make_creative_day(creative=make_creative(campaign=campaign), **figures)


# --- Sections equal the questions ---


def test_key_figures_are_the_totals_beside_those_before(two_currencies):
    found = blocks("key-figures")
    assert [block.currency for block in found] == ["EUR", "USD"]
    for block in found:
        [pair] = [
            one for one in compared_totals(ad_accounts=EVERYTHING, period=PERIOD) if one.now.currency == block.currency
        ]
        assert block.table.rows[0] == (
            "Spend",
            pair.now.value("spend"),
            pair.before.value("spend"),
            pair.change_percent("spend"),
        )
        assert (block.table.row_units[0], block.table.row_better[0]) == ("money", "neither")
        better = dict(zip(block.table.column("metric"), block.table.row_better, strict=True))
        assert {better[name] for name in ("CPC", "CPM", "Cost per conversion", "Cost per lead")} == {"less"}
        assert {better[name] for name in ("Clicks", "CTR", "Conversions", "Engagement rate")} == {"more"}
    assert found[0].table.rows[0] == ("Spend", Decimal(120), Decimal(240), Decimal(-50))


def test_without_comparison_nothing_speaks_of_before(two_currencies):
    for name in NAMES:
        for block in blocks(name, "compare=none"):
            assert not [column.label for column in block.table.columns if column.is_before]
    assert blocks("key-figures", "compare=none")[0].table.rows[0] == ("Spend", Decimal(120))


@pytest.mark.parametrize("step", ["day", "week", "month"])
def test_the_trend_is_that_of_the_queries(two_currencies, step):
    [euros, _] = blocks("trend", f"by={step}")
    rows = [row for row in trend(ad_accounts=EVERYTHING, period=PERIOD, group_by=step) if row.currency == "EUR"]
    assert euros.table.column("when") == tuple(row.label for row in rows)
    assert euros.table.column("spend") == tuple(row.value("spend") for row in rows)
    assert euros.table.column("cpc") == tuple(row.value("cpc") for row in rows)
    assert sum(spend or 0 for spend in euros.table.column("spend_before")) == 240
    assert ("Incomplete" in euros.note) == (step != "day")


def test_campaigns_are_sorted_by_the_chosen_figure(two_currencies):
    make_campaign_day(campaign=make_campaign(name="Dear clicks", account=EVERYTHING[0]), date=DAY, spend=9, clicks=1)
    found = section("campaigns", select("campaign_metric=cpc"))
    assert found.blocks[0].table.column("campaign")[0] == "Dear clicks"
    assert found.blocks[0].chart.series == ("cpc",)
    assert found.choice
    assert found.choice.value == "cpc"
    wanted = performance(
        ad_accounts=EVERYTHING.filter(currency="EUR"), period=PERIOD, group_by=GroupBy.CAMPAIGN, order_by="cpc"
    )
    assert found.blocks[0].table.column("cpc") == tuple(row.value("cpc") for row in wanted)


def test_spend_funnel_engagement_and_budgets_are_those_of_the_queries(two_currencies):
    wanted: Any = {"ad_accounts": EVERYTHING, "period": PERIOD}
    for block, one in zip(blocks("spend"), spend_distribution(**wanted), strict=True):
        assert block.table.rows == tuple((part.label, part.spend.amount, part.share_percent) for part in one.parts)
    [steps] = blocks("funnel")
    assert steps.table.column("count") == tuple(step.count for step in funnel(**wanted))
    [engaged] = blocks("engagement")
    assert engaged.table.column("likes") == tuple(row.value("likes") for row in engagement(**wanted)) == (90, 70, 30)
    budgets = blocks("budgets")
    uses = budget_use(ad_accounts=EVERYTHING.filter(currency="EUR"), period=PERIOD)
    assert budgets[0].table.column("spent") == tuple(use.spend and use.spend.amount for use in uses)


def test_overspend_is_shown_separately(two_currencies):
    [euros, _] = blocks("budgets")
    # 90 spent on one day of 50, then 30 of 50.
    assert euros.table.column("within") == (50, 30)
    assert euros.table.column("beyond") == (40, 0)
    assert euros.table.column("left") == (0, 20)
    assert euros.note == "1 of 2 campaigns is over budget."


def test_daily_and_lifetime_budgets_have_charts_of_their_own(db):
    """Their amounts are of other days: one axis for both compares what cannot be compared."""
    account = make_ad_account(currency="EUR")
    make_covered_days(account=account, first_day=date(2026, 1, 1), last_day=DAY)
    budgets: dict[str, Any] = {
        "daily": {"daily_budget": 50},
        "lifetime": {"total_budget": 90_000, "total_budget_currency": "EUR"},
    }
    for name, has in (*budgets.items(), ("both", budgets["daily"] | budgets["lifetime"]), ("neither", {})):
        changes: Any = {"daily_budget": None, "run_schedule_start_at": NOW - timedelta(days=30)} | has
        campaign = make_campaign(account=account, name=name, **changes)
        make_campaign_day(campaign=campaign, date=DAY)
    found = {block.title: block.table.column("campaign") for block in blocks("budgets")}
    assert {title: set(names) for title, names in found.items()} == {
        "Daily budgets, EUR": {"daily", "both"},
        "Lifetime budgets, EUR": {"lifetime", "both"},
        "Campaigns without a budget to compare, EUR": {"neither"},
    }
    assert len({block.key for block in blocks("budgets")}) == 3


def test_budgets_of_days_that_were_never_fetched_are_no_table_of_dashes(db):
    account = make_ad_account(currency="EUR")
    make_covered_days(account=account, first_day=date(2026, 1, 1), last_day=date(2026, 1, 31))
    make_campaign(account=account, daily_budget=50, status="ACTIVE")
    found = section("budgets", select())
    assert (found.blocks, found.empty) == ((), "Nothing is stored for this period.")


def test_a_campaign_without_a_comparable_budget_has_no_bar_and_says_so(db):
    account = make_ad_account(currency="EUR")
    make_covered_days(account=account, first_day=PERIOD.first_day, last_day=DAY)
    for daily, currency in ((None, None), (50, "USD")):
        campaign = make_campaign(account=account, daily_budget=daily, daily_budget_currency=currency)
        make_campaign_day(campaign=campaign, date=DAY)
    [block] = blocks("budgets")
    assert sorted(block.table.column("basis")) == ["Budget in another currency", "No budget"]
    assert block.table.column("budget") == (None, None)


def test_creatives_say_what_the_review_says(two_currencies):
    held = make_creative(
        campaign=make_campaign(account=EVERYTHING.get(currency="EUR")),
        review_status="REJECTED",
        is_serving=False,
        serving_hold_reasons=["UNDER_REVIEW"],
        content_name=None,
    )
    make_creative_day(creative=held, date=DAY, spend=500)
    first = blocks("creatives")[0]
    assert first.table.column("creative")[0] == held.pk.replace("urn:li:sponsoredCreative:", "Creative ")
    assert first.table.column("state")[0] == "Rejected, not serving (in review)"
    wanted = top_creatives(ad_accounts=EVERYTHING.filter(currency="EUR"), period=PERIOD)
    assert first.table.column("spend") == tuple(one.figures.value("spend") for one in wanted)


def test_demographics_say_their_months_and_their_coverage(two_currencies):
    found = section("demographics", select())
    [block] = found.blocks
    pivot = next(one for one in audiences(ad_accounts=EVERYTHING, period=PERIOD).pivots if one.segments)
    assert block.title == "Seniority"
    assert block.table.column("share") == tuple(one.share_percent for one in pivot.segments)
    assert block.note.startswith("The segments cover 0% of all impressions")
    assert found.notes == ("LinkedIn counts audiences by calendar month, so whole months are shown: November 2026.",)
    campaign = make_campaign(account=EVERYTHING[0])
    longer = section("demographics", select(f"first_day=2026-09-05&campaign={campaign.pk}")).notes
    assert longer[0].endswith("September 2026 to November 2026.")
    assert longer[1] == "No figures are stored for September 2026, October 2026."
    assert "the campaign filter does not apply" in longer[2]


def test_charts_point_at_columns_of_their_tables(two_currencies):
    for name in NAMES:
        found = section(name, select())
        assert found.blocks, name
        for block in found.blocks:
            names = {column.name for column in block.table.columns}
            assert {block.chart.labels, *block.chart.series} <= names, name
            assert {len(row) for row in block.table.rows} == {len(names)}, name


@pytest.mark.django_db(transaction=True)
def test_a_synced_account_is_told_as_linkedin_has_it(settings):
    size = WorldSize(ad_accounts=1, campaigns_per_account=3, creatives_per_campaign=2)
    with simulated_linkedin(settings, Options(now=NOW, frozen=True, size=size)) as linkedin:
        linkedin.connect()
        assert linkedin.sync().status == "success"
        last_day = linkedin.today - timedelta(days=1)
        first_day = last_day - timedelta(days=29)
        expected = truth(linkedin.simulator, linkedin.ad_account_ids[0], first_day, last_day)
    address = f"period=custom&first_day={first_day}&last_day={last_day}&compare=none"
    selection = read(QueryDict(address), visible=EVERYTHING, today=linkedin.today).selection
    assert selection
    days = expected["campaign_daily_metrics"]
    by_day: dict[str, int] = defaultdict(int)
    for row in days:
        by_day[row["date"].isoformat()] += row["clicks"]
    [tiles] = section("key-figures", selection).blocks
    figures: dict[Any, Any] = {row[0]: row[1] for row in tiles.table.rows}
    assert figures["Spend"] == sum(row["spend"] for row in days) > 0
    assert figures["Impressions"] == sum(row["impressions"] for row in days)
    [line] = section("trend", selection).blocks
    found = dict(zip(line.table.column("when"), line.table.column("clicks"), strict=True))
    assert {day: clicks for day, clicks in found.items() if clicks} == {day: n for day, n in by_day.items() if n}
    [creatives] = section("creatives", selection).blocks
    most = max(
        sum((row["spend"] for row in expected["creative_daily_metrics"] if row["creative_id"] == one), Decimal(0))
        for one in {row["creative_id"] for row in expected["creative_daily_metrics"]}
    )
    assert creatives.table.column("spend")[0] == most


# --- What an address may ask ---


def test_an_empty_address_is_the_last_thirty_days_of_everything(db):
    filters = asked()
    assert filters.errors == ()
    assert filters.selection
    assert filters.selection.period == Period(date(2026, 10, 21), date(2026, 11, 19))
    assert filters.selection.before == Period(date(2026, 9, 16), date(2026, 10, 15))
    assert filters.selection.campaign_ids is None


@pytest.mark.parametrize(("days", "step"), [(1, "day"), (92, "day"), (93, "week"), (366, "week"), (367, "month")])
def test_the_step_suits_the_length(days, step):
    assert step_of(Period(TODAY - timedelta(days=days - 1), TODAY)) == step


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("period=custom&first_day=2026-03-02&last_day=2026-03-01", "swap them"),
        ("first_day=2026-03-02", "The last day is missing"),
        ("period=someday", "Unknown period “someday”"),
        ("period=last_7_days&first_day=2026-03-01", "not both"),
        ("ad_account=x", "not an id of one of the ad accounts"),
        ("campaign=99999999999999999999", "not an id of one of the campaigns"),
        ("ad_account=" + "9" * 5000, "not an id"),
        ("compare=never", "Unknown comparison “never”; choose one of previous, none."),
        ("by=hour", "Unknown trend interval “hour”"),
        ("campaign_metric=drop", "Unknown campaign metric “drop”"),
        ("currency=XXX", "None of these ad accounts uses “XXX”"),
        ("trend=spend,speed", "Unknown trend metric “speed”"),
        ("acount=1", "Unknown parameter “acount”"),
        ("currency=EUR&currency=USD", "Give “currency” once."),
        ("period=custom&first_day=2000-01-01&last_day=2000-02-01", "no previous period to compare with"),
    ],
)
def test_bad_filters_are_explained_and_nothing_is_lost(as_alice, address, sentence):
    answer = as_alice.get(f"/report/?by=week&{address}" if "by=" not in address else f"/report/?{address}")
    assert answer.status_code == 400
    page = answer.content.decode()
    assert sentence in page
    assert 'role="alert"' in page
    assert 'value="2026-03-02"' in page or "first_day=2026-03-02" not in address
    assert '<option value="week" selected' in page or "by=" in address
    told = as_alice.get(f"/report/sections/trend/?{address}")
    assert told.status_code == 400
    assert sentence in told.json()["error"]


# --- Who sees what ---


def test_a_link_to_what_is_not_shared_is_refused(as_bob, as_alice, bobs_ad_account):
    """In the same words as one to what does not exist; the figures of other ad accounts would be taken for it."""
    foreign = make_campaign(name="Foreign campaign", account=make_ad_account(name="Foreign brand"))
    own = make_campaign(name="Own campaign", account=bobs_ad_account)
    for campaign in (foreign, own):
        make_campaign_day(campaign=campaign, date=DAY, spend=50)
    for ad_account in AdAccount.objects.all():
        make_covered_days(account=ad_account, first_day=DAY - timedelta(days=89), last_day=DAY)
    for name in NAMES:
        assert "Foreign" not in told_of(as_bob, name)
        for what, foreign_ids in (
            ("ad_account", f"{foreign.account_id},{bobs_ad_account.pk}"),
            ("campaign", foreign.pk),
        ):
            refused, not_there = (
                as_bob.get(f"/report/sections/{name}/", DAYS | {what: one}) for one in (foreign_ids, 404)
            )
            assert refused.status_code == not_there.status_code == 404
            assert refused.content == not_there.content
    assert "Own campaign" in told_of(as_bob, "campaigns")
    assert "Foreign campaign" in told_of(as_alice, "campaigns")
    answer = as_bob.get(f"/report/?ad_account={foreign.account_id}&campaign={foreign.pk}")
    assert answer.status_code == 404
    page = answer.content.decode()
    assert "Foreign" not in page
    assert "There is no such ad account, or it is not shared with you" in page
    assert "There is no such campaign, or its ad account is not shared with you" in page
    assert 'href="/report/">Show all ad accounts that are shared with you' in page


def told_of(browser: Any, name: str) -> str:
    return str(browser.get(f"/report/sections/{name}/", DAYS).content.decode())


def test_a_campaign_of_another_ad_account_than_the_chosen_ones_is_refused(as_alice):
    """Both exist, and contradict each other: the page asks again without it once its list of campaigns has changed."""
    one, other = make_campaign(), make_campaign()
    asked_for = {"ad_account": str(one.account_id), "campaign": f"{one.pk},{other.pk}"}
    answer = as_alice.get("/report/sections/campaigns/", DAYS | asked_for)
    assert answer.status_code == 400
    assert "1 selected campaign does not belong to these ad accounts" in answer.json()["error"]
    assert as_alice.get("/report/", asked_for).status_code == 400


@pytest.mark.parametrize("file_format", ["pdf", "json"])
def test_a_section_has_no_other_format(as_alice, file_format):
    assert as_alice.get("/report/sections/trend/", DAYS | {"format": file_format}).status_code == 400


def test_without_any_ad_account_it_says_whom_to_ask(as_charlie):
    assert "Ask an owner to share one" in as_charlie.get("/report/").content.decode()


def test_an_unknown_section_is_no_page(as_alice):
    assert as_alice.get("/report/sections/weather/").status_code == 404


# --- The page ---


def test_the_page_says_how_far_the_data_goes(as_alice, bobs_ad_account):
    make_sync_run(account=bobs_ad_account)
    make_ad_account()
    yesterday = timezone.now().date() - timedelta(days=1)
    IncompleteDay.objects.create(
        account=bobs_ad_account, date=yesterday, state="differs", differences={}, first_seen_at=NOW, checked_at=NOW
    )
    page = " ".join(as_alice.get("/report/").content.decode().split())
    assert "data as of <time" in page
    text = re.sub("<[^>]*>", "", page)
    assert "1 day in this period does not match LinkedIn" in text
    assert "1 of 2 ad accounts has never been synced" in text
    assert "does not match" not in as_alice.get("/report/", DAYS | {"last_day": "2026-11-02"}).content.decode()


def test_an_empty_period_leads_to_the_days_with_figures(as_alice):
    ad_account = make_ad_account()
    make_covered_days(account=ad_account, first_day=date(2025, 1, 1), last_day=date(2025, 6, 30))
    campaign = make_campaign(account=ad_account)
    for day in (date(2025, 1, 1), date(2025, 6, 30)):
        make_campaign_day(campaign=campaign, date=day)
    page = as_alice.get("/report/", DAYS | {"by": "week"}).content.decode()
    assert "Nothing is stored for this period." in page
    assert "by=week" in page.split("data-stored")[1]
    assert "first_day=2025-06-01&amp;last_day=2025-06-30" in page.split("data-stored")[1]
    within = as_alice.get("/report/", {"period": "custom", "first_day": "2025-06-30", "last_day": "2025-06-30"})
    assert "data-stored" not in within.content.decode()
    for name in NAMES:
        assert as_alice.get(f"/report/sections/{name}/", DAYS).json()["blocks"] == []


def test_five_hundred_campaigns_take_no_more_queries_than_one(as_alice, django_assert_max_num_queries):
    account = make_ad_account()
    make_covered_days(account=account, first_day=DAY - timedelta(days=89), last_day=DAY)
    for _ in range(500):
        make_campaign_day(campaign=make_campaign(account=account), date=DAY)
    with django_assert_max_num_queries(25):
        page = as_alice.get("/report/", DAYS).content.decode()
    assert page.count('name="campaign"') == 500
    with django_assert_max_num_queries(15):
        found = as_alice.get("/report/sections/campaigns/", DAYS).json()
    assert len(found["blocks"][0]["table"]["rows"]) == 20
    spend = as_alice.get("/report/sections/spend/", DAYS).json()["blocks"][0]["table"]["rows"]
    assert spend[7][0] == "493 more"


def test_the_head_names_what_is_chosen_and_nothing_else(as_alice):
    """It named all ad accounts, and warned about those that were never synced."""
    chosen, other = (make_ad_account(name=name, currency=currency) for name, currency in (("A", "EUR"), ("B", "USD")))
    make_ad_account(name="C")
    for account in (chosen, other):
        make_covered_days(account=account, first_day=date(2026, 1, 1), last_day=DAY)
    campaign = make_campaign(account=chosen, name="Autumn")
    make_campaign_day(campaign=campaign, date=DAY)
    page = as_alice.get("/report/", DAYS | {"campaign": campaign.pk}, headers={"HX-Request": "true"}).content.decode()
    heading = page.split('<div id="report-campaigns">')[0]
    assert '<span class="strong">A</span>: campaign <span class="strong">Autumn</span>' in " ".join(heading.split())
    assert "USD" not in heading
    assert "never been synced" not in heading


def test_currencies_have_one_order_in_all_sections(db):
    """By code, and last what LinkedIn sent none for, however much is spent in each."""
    for currency, spend in ((None, 500), ("USD", 900), ("EUR", 1), ("CHF", 50)):
        account = make_ad_account(currency=currency)
        make_covered_days(account=account, first_day=date(2026, 1, 1), last_day=DAY)
        campaign = make_campaign(account=account, daily_budget=50, daily_budget_currency=currency)
        make_campaign_day(campaign=campaign, date=DAY, spend=spend)
        make_creative_day(creative=make_creative(campaign=campaign), date=DAY, spend=spend)
    for name in ("key-figures", "trend", "campaigns", "spend", "creatives", "budgets"):
        assert list(dict.fromkeys(block.currency for block in blocks(name))) == ["CHF", "EUR", "USD", None], name


# --- The file of a section ---


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_what_its_figures_rest_on(as_alice, name):
    """Whoever opens it does not see the head of the page."""
    account = make_ad_account(currency="EUR")
    make_covered_days(account=account, first_day=date(2026, 10, 15), last_day=date(2026, 11, 9))
    make_covered_days(account=account, first_day=date(2026, 11, 11), last_day=date(2026, 11, 30))
    campaign = make_campaign(account=account, daily_budget=50)
    make_campaign_day(campaign=campaign, date=DAY, likes=1)
    make_creative_day(creative=make_creative(campaign=campaign), date=DAY)
    make_segment(account=account, date_start=date(2026, 11, 1))
    body = as_alice.get(f"/report/sections/{name}/", DAYS | {"format": "csv"}).getvalue().decode()
    rows = list(csv.DictReader(io.StringIO(body)))
    assert rows
    for row in rows:
        assert row["missing_days"] == "2026-11-10/2026-11-10"
        assert row["missing_days_before"] == "2026-10-11/2026-10-14"
    if name == "key-figures":
        assert "Not every day of both periods is over and stored." in rows[0]["note"]
        assert not rows[0]["Percent change"]


def test_a_file_without_figures_says_why(as_alice):
    make_ad_account()
    body = as_alice.get("/report/sections/spend/", DAYS | {"format": "csv", "compare": "none"}).getvalue().decode()
    assert list(csv.reader(io.StringIO(body))) == [
        ["part", "currency", "note", "missing_days"],
        ["Spend distribution", "", "Nothing is stored for this period.", "2026-11-01/2026-11-16"],
    ]


def test_figures_of_a_file_have_no_zeros_at_the_end(as_alice, two_currencies):
    body = as_alice.get("/report/sections/spend/", DAYS | {"format": "csv"}).getvalue().decode()
    assert {row["Spend"] for row in csv.DictReader(io.StringIO(body))} >= {"90", "30"}


# --- What has no name ---


def test_what_has_no_name_is_called_by_what_it_is(db):
    account = make_ad_account(currency="EUR")
    make_covered_days(account=account, first_day=date(2026, 1, 1), last_day=DAY)
    creative = make_creative(campaign=make_campaign(account=account), content_name=None)
    make_creative_day(creative=creative, date=DAY)
    make_segment(account=account, date_start=date(2026, 11, 1), pivot_type="job_title", segment="urn:li:title:9",
                 segment_name=None)  # fmt: skip
    [block] = blocks("creatives")
    assert block.table.column("creative") == (f"Creative {creative.pk.rpartition(':')[2]}",)
    titles = {block.key: block.table.column("segment") for block in blocks("demographics")}
    assert titles["job_title"] == ("Job title 9",)


def test_one_currency_alone(as_alice, two_currencies):
    found = as_alice.get("/report/sections/campaigns/", DAYS | {"currency": "USD"}).json()
    assert [block["currency"] for block in found["blocks"]] == ["USD"]


def test_only_the_changing_part_is_sent_to_a_page_that_asks_for_it(as_alice):
    part = as_alice.get("/report/", headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<div id="report-head">')
    assert "<html" not in part


# --- CSV ---


def test_the_csv_holds_the_same_figures_and_no_formula(as_alice, two_currencies, alice):
    make_campaign_day(
        campaign=make_campaign(name="=HYPERLINK(1)", account=EVERYTHING.get(currency="USD")), date=DAY, spend=1
    )
    answer = as_alice.get("/report/sections/campaigns/", DAYS | {"format": "csv", "compare": "none"})
    assert answer["Content-Disposition"] == 'attachment; filename="campaigns-2026-11-01-2026-11-16.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [(row["currency"], row["Campaign"], Decimal(row["Spend"])) for row in rows] == [
        ("EUR", "EUR 0", 90),
        ("EUR", "EUR 1", 30),
        ("USD", "USD 0", 70),
        ("USD", "'=HYPERLINK(1)", 1),
    ]
    event = AuditEvent.objects.get(kind="exported")
    assert event.actor_email == alice.email
    assert "Campaign comparison" in event.detail["what"]


def test_every_section_has_a_csv_even_when_empty(as_alice):
    for name in NAMES:
        answer = as_alice.get(f"/report/sections/{name}/", DAYS | {"format": "csv"})
        assert answer.status_code == 200
        assert answer.getvalue().decode().startswith("part,currency")


def test_totals_of_a_report_are_within_what_the_asker_sees(bob, bobs_ad_account):
    for campaign, spend in ((make_campaign(), 50), (make_campaign(account=bobs_ad_account), 7)):
        make_sync_run(account=campaign.account)
        make_campaign_day(campaign=campaign, date=DAY, spend=spend)
    selection = read(QueryDict(""), visible=visible_ad_accounts(bob), today=TODAY).selection
    assert selection
    [one] = totals(ad_accounts=selection.ad_accounts, period=selection.period)
    assert section("key-figures", selection).blocks[0].table.rows[0][1] == one.value("spend") == 7
