"""Which days are stored as the rules are told, and that none goes by a window of which a day is missing."""

from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest

from ingestion.models import Campaign, CampaignDailyMetric
from reporting.checks.rules import RULES
from reporting.queries.check_facts import ad_account_facts
from tests.builders import NOW, make_campaign, make_campaign_day, make_covered_days, make_creative

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TODAY = NOW.date()
OF_FIGURES = [rule for rule in RULES.values() if rule.reads_figures]


def cover(campaign: Campaign, *, without: int | None = None) -> None:
    """The last 60 days are stored, but for the one so many days ago."""
    edges = [60, 0] if without is None else [60, without + 1, without - 1, 0]
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if first >= last:
            make_covered_days(
                account=campaign.account_id or 0, first_day=TODAY - first * DAY, last_day=TODAY - last * DAY
            )


@pytest.fixture
def bad(db: None) -> Campaign:
    """It spends too much and gets nothing for it."""
    campaign = make_campaign(
        daily_budget=Decimal(10),
        run_schedule_start_at=NOW - 50 * DAY,
        created_at=NOW - 50 * DAY,
        last_modified_at=NOW - 50 * DAY,
    )
    make_creative(campaign=campaign)
    for days_ago in range(1, 51):
        make_campaign_day(
            campaign=campaign, date=TODAY - days_ago * DAY, impressions=9000, clicks=1, conversions=0, leads=0, spend=50
        )
    return campaign


def problems(campaign: Campaign) -> set[str]:
    facts = ad_account_facts(campaign.account_id or 0)
    assert facts
    return {rule.id for rule in OF_FIGURES if rule.check(facts).problems}


def test_the_rules_find_it_where_every_day_is_stored(bad: Campaign) -> None:
    cover(bad)
    assert problems(bad) == {"low_ctr", "spend_without_conversions", "budget_over_pace"}


@pytest.mark.parametrize("days_ago", [1, 2, 7, 15, 30])
def test_no_rule_goes_by_a_window_of_which_a_day_is_missing(bad: Campaign, days_ago: int) -> None:
    """The pace of a daily budget looks back seven days, the others thirty."""
    cover(bad, without=days_ago)
    assert problems(bad) == ({"budget_over_pace"} if days_ago > 7 else set())
    facts = ad_account_facts(bad.account_id or 0)
    assert facts
    for rule in OF_FIGURES:
        result = rule.check(facts)
        if rule.id in {"low_ctr", "spend_without_conversions"}:
            [one] = result.not_checked
            assert (one.campaign_id, "sync" in one.reason) == (None, True)


def test_a_day_before_the_window_does_not_matter(bad: Campaign) -> None:
    cover(bad, without=31)
    assert problems(bad) == {"low_ctr", "spend_without_conversions", "budget_over_pace"}


@pytest.mark.parametrize("days_ago", [1, 4, 7])
def test_silence_needs_every_day_too(bad: Campaign, days_ago: int) -> None:
    """No impressions in a week of which a day was never fetched say nothing."""
    CampaignDailyMetric.objects.filter(date__gte=TODAY - 7 * DAY).delete()
    cover(bad, without=days_ago)
    assert "no_impressions" not in problems(bad)
    cover(bad)
    assert "no_impressions" in problems(bad)


def test_a_day_that_was_fetched_while_it_was_under_way_is_not_stored(bad: Campaign) -> None:
    asked_at = datetime.combine(TODAY - DAY, time(20), NOW.tzinfo)
    make_covered_days(
        account=bad.account_id or 0,
        first_day=TODAY - 60 * DAY,
        last_day=TODAY - DAY,
        asked_at=asked_at,
    )
    facts = ad_account_facts(bad.account_id or 0)
    assert facts
    assert (facts.figures_from, facts.figures_through) == (TODAY - 60 * DAY, TODAY - 2 * DAY)
    assert facts.yesterday == facts.figures_through


def test_without_a_stored_day_nothing_is_checked(bad: Campaign) -> None:
    make_covered_days(account=bad.account_id or 0, first_day=TODAY, last_day=TODAY)
    facts = ad_account_facts(bad.account_id or 0)
    assert facts
    assert (facts.figures_from, facts.figures_through) == (None, None)
    assert problems(bad) == set()


def test_an_ad_account_that_was_never_synced_has_no_facts(bad: Campaign) -> None:
    assert ad_account_facts(bad.account_id or 0) is None
