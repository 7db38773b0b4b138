"""Who saw the ads: whole months, shares of the pivot, and how much of the impressions the segments explain."""

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from accounts.access import visible_ad_accounts
from accounts.models import AdAccount
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.truth import truth
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import CoveredDays
from ingestion.sync.coverage import record, segments
from reporting.periods import Period
from reporting.queries.audience import audiences
from reporting.queries.money import Money
from reporting.ratios import percent_of
from tests.builders import (
    NOW,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_covered_days,
    make_segment,
    make_sync_run,
)
from tests.ingestion.simulated import simulated_linkedin

EVERYONE = AdAccount.objects.all()
COUNTED = ("impressions", "clicks", "conversions", "leads")
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
AUTUMN = Period(date(2026, 10, 30), date(2026, 11, 2))


@pytest.mark.django_db(transaction=True)
def test_every_pivot_equals_the_truth_of_the_simulator(settings):
    settings.BACKFILL_DAYS = 60
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    size = WorldSize(ad_accounts=1, campaigns_per_account=4, creatives_per_campaign=2)
    with simulated_linkedin(settings, Options(now=now, frozen=True, size=size)) as linkedin:
        linkedin.connect()
        assert linkedin.sync().status == "success"
        true = truth(linkedin.simulator, linkedin.ad_account_ids[0], OCTOBER, now.date())
    found = audiences(ad_accounts=EVERYONE, period=AUTUMN, top=1000)
    assert (found.first_day, found.last_day) == (OCTOBER, date(2026, 11, 30))
    assert found.months == (OCTOBER, NOVEMBER)
    of_all = sum(row["impressions"] for row in true["campaign_daily_metrics"])
    for pivot in found.pivots:
        expected: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 5)
        for row in true["audience_demographics"]:
            if row["pivot_type"] == pivot.pivot_type:
                counted = [row[name] for name in (*COUNTED, "spend")]
                expected[row["segment"]] = [a + b for a, b in zip(expected[row["segment"]], counted, strict=True)]
        together = sum(int(figures[0]) for figures in expected.values())
        assert {
            one.segment: [*(one.value(name) for name in COUNTED), one.amounts["spend"][0].amount]
            for one in pivot.segments
        } == expected
        assert (pivot.impressions, pivot.segment_count, pivot.rest) == (together, len(expected), None)
        assert pivot.coverage_percent == percent_of(together, of_all)
        assert [one.value("impressions") for one in pivot.segments] == sorted(
            (int(x[0]) for x in expected.values()), reverse=True
        )
        assert (
            sum((one.share_percent or Decimal(0) for one in pivot.segments), Decimal(0)).quantize(Decimal("0.001"))
            == 100
        )


@pytest.mark.django_db
def test_segments_are_summed_over_months_and_the_rest_is_one():
    account = make_ad_account()
    for month in (OCTOBER, NOVEMBER, date(2026, 9, 1)):
        for number, impressions in enumerate((50, 30, 15, 5)):
            make_segment(account=account, segment=f"s{number}", segment_name=None if number else "First",
                         date_start=month, impressions=impressions, clicks=number)  # fmt: skip
    make_campaign_day(campaign=make_campaign(account=account), date=OCTOBER, impressions=250)
    make_covered_days(account=account, first_day=date(2026, 9, 1), last_day=date(2026, 11, 19))
    [pivot] = audiences(ad_accounts=EVERYONE, period=AUTUMN, pivot_types=["job_title"], top=2).pivots
    assert [(one.name, one.value("impressions"), one.share_percent) for one in pivot.segments] == [
        ("First", 100, 50),
        ("s1", 60, 30),
    ]
    assert pivot.rest is not None
    assert (pivot.rest.name, pivot.rest.value("impressions"), pivot.rest.share_percent) == ("2 other segments", 40, 20)
    assert (pivot.rest.value("clicks"), pivot.rest.ctr_percent) == (10, 25)
    assert pivot.rest.amounts["spend"] == (Money(Decimal(20), "EUR"),)
    assert (pivot.label, pivot.segment_count, pivot.impressions, pivot.coverage_percent) == ("Job title", 4, 200, 80)


@pytest.mark.django_db
def test_money_of_a_segment_stays_apart_by_currency():
    for currency, spend in (("USD", 3), ("EUR", 4), ("EUR", 5)):
        make_segment(account=make_ad_account(currency=currency), segment="same", spend=Decimal(spend))
    [pivot] = audiences(ad_accounts=EVERYONE, period=AUTUMN, pivot_types=["job_title"]).pivots
    [segment] = pivot.segments
    assert segment.amounts["spend"] == (Money(Decimal(9), "EUR"), Money(Decimal(3), "USD"))
    assert (segment.value("impressions"), pivot.coverage_percent) == (300, None)


def test_only_what_the_asker_may_see(bob, bobs_ad_account):
    make_segment(account=bobs_ad_account, impressions=10)
    foreign = make_segment(impressions=1000)
    make_campaign_day(campaign=make_campaign(account=foreign.account), date=NOVEMBER)
    make_campaign_day(campaign=make_campaign(account=bobs_ad_account), date=NOVEMBER, impressions=40)
    make_covered_days(account=bobs_ad_account, first_day=date(2026, 9, 1), last_day=date(2026, 11, 19))
    found = audiences(ad_accounts=visible_ad_accounts(bob), period=AUTUMN, pivot_types=["job_title"])
    assert [one.value("impressions") for one in found.pivots[0].segments] == [10]
    assert found.pivots[0].coverage_percent == 25


@pytest.mark.django_db
def test_a_month_that_is_not_wholly_fetched_is_left_out_of_the_coverage():
    """LinkedIn tells whole months of segments, also of a month in whose middle the first sync began."""
    old, young = make_ad_account(), make_ad_account()
    make_sync_run(account=old, first_day=date(2026, 9, 1), last_day=date(2026, 10, 31))
    make_sync_run(account=old, first_day=date(2026, 10, 20), last_day=date(2026, 11, 10))
    make_sync_run(account=young, first_day=date(2026, 10, 15), last_day=date(2026, 11, 10))
    for account in (old, young):
        for month in (OCTOBER, NOVEMBER):
            make_segment(account=account, date_start=month, impressions=90)
            make_campaign_day(
                campaign=make_campaign(account=account),
                date=month.replace(day=20 if month == OCTOBER else 9),
                impressions=10 if (account, month) == (young, OCTOBER) else 100,
            )
    found = audiences(ad_accounts=EVERYONE, period=AUTUMN, pivot_types=["job_title"])
    assert (found.months, found.partly_fetched_months) == ((OCTOBER, NOVEMBER), (OCTOBER,))
    [pivot] = found.pivots
    # Everything is shown; 270 of 300 are explained where both are known.
    assert (pivot.impressions, pivot.coverage_percent) == (360, 90)
    alone = audiences(ad_accounts=EVERYONE.filter(pk=old.pk), period=AUTUMN, pivot_types=["job_title"])
    assert (alone.partly_fetched_months, alone.pivots[0].coverage_percent) == ((), 90)


@pytest.mark.django_db
def test_a_gap_between_fetched_days_is_noticed():
    account = make_ad_account()
    for first_day, last_day in ((OCTOBER, date(2026, 10, 10)), (date(2026, 10, 12), date(2026, 11, 10))):
        make_sync_run(account=account, first_day=first_day, last_day=last_day)
    make_segment(account=account, date_start=OCTOBER)
    make_campaign_day(campaign=make_campaign(account=account), date=OCTOBER)
    found = audiences(ad_accounts=EVERYONE, period=AUTUMN, pivot_types=["job_title"])
    assert (found.partly_fetched_months, found.pivots[0].coverage_percent) == ((OCTOBER,), None)


@pytest.mark.django_db
def test_nothing_stored():
    found = audiences(ad_accounts=EVERYONE, period=AUTUMN)
    assert (found.months, len(found.pivots)) == ((), 8)
    for pivot in found.pivots:
        assert (pivot.segments, pivot.rest, pivot.impressions, pivot.coverage_percent) == ((), None, 0, None)


@pytest.mark.django_db
@pytest.mark.parametrize("lacking", ["a month", "an ad account", "a pivot", "rows that were cut"])
def test_there_are_no_shares_where_a_month_is_missing(lacking: str):
    account, other = make_ad_account(), make_ad_account()
    make_segment(account=account, date_start=OCTOBER)
    make_campaign_day(campaign=make_campaign(account=account), date=OCTOBER)
    make_covered_days(
        account=account, first_day=NOVEMBER if lacking == "a month" else OCTOBER, last_day=date(2026, 11, 19)
    )
    if lacking != "an ad account":
        make_covered_days(account=other, first_day=OCTOBER, last_day=date(2026, 11, 19))
    titles = segments("job_title")
    if lacking == "a pivot":
        CoveredDays.objects.filter(account=account, pivot_type="job_title").delete()
    if lacking == "rows that were cut":
        record(titles, (OCTOBER, date(2026, 10, 31)), ad_account_id=account.pk, asked_at=NOW, is_whole=False)
    found = audiences(ad_accounts=EVERYONE, period=AUTUMN, pivot_types=["job_title", "industry"])
    job_titles, industries = found.pivots
    [segment] = job_titles.segments
    assert (segment.value("impressions"), segment.share_percent, job_titles.coverage_percent) == (100, None, None)
    expected = (OCTOBER,) if lacking in {"a month", "rows that were cut"} else (OCTOBER, NOVEMBER)
    assert job_titles.missing_months == found.missing_months == expected
    assert industries.missing_months == (() if lacking in {"a pivot", "rows that were cut"} else expected)


@pytest.mark.django_db
def test_a_month_under_way_and_an_ad_account_without_segments_are_not_missing():
    account, quiet = make_ad_account(), make_ad_account()
    make_segment(account=account, date_start=NOVEMBER)
    for one in (account, quiet):
        make_covered_days(account=one, first_day=date(2026, 10, 20), last_day=date(2026, 11, 19))
    found = audiences(ad_accounts=EVERYONE, period=AUTUMN, pivot_types=["job_title"])
    assert found.missing_months == ()
    assert [one.share_percent for one in found.pivots[0].segments] == [100]
