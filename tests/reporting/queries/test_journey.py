"""From being seen to being acted on."""

from datetime import date
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.access import visible_ad_accounts
from accounts.models import AdAccount
from reporting.periods import Period
from reporting.queries.coverage import Coverage, CoveredRows, SelectionCoverage
from reporting.queries.journey import _STEPS, engagement, funnel, top_creatives
from reporting.queries.performance import Totals
from tests.builders import (
    NOW,
    cover_every_ad_account,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_creative,
    make_creative_day,
)

EVERYONE = AdAccount.objects.all()
DAY = date(2026, 11, 16)
PERIOD = Period(DAY, DAY)
NOWHERE = SelectionCoverage(Coverage(period=PERIOD), {}, {})


@pytest.mark.django_db
def test_the_funnel_counts_over_currencies():
    for currency in ("EUR", "USD"):
        campaign = make_campaign(account=make_ad_account(currency=currency))
        make_campaign_day(
            campaign=campaign, date=DAY, impressions=1000, clicks=50, landing_page_clicks=40, conversions=0, leads=2
        )
    steps = funnel(ad_accounts=EVERYONE, period=PERIOD)
    assert [(one.label, one.count, one.previous, one.percent_of_previous, one.percent_of_first) for one in steps] == [
        ("Impressions", 2000, None, None, 100),
        ("Clicks", 100, "impressions", 5, 5),
        ("Landing-page clicks", 80, "clicks", 80, 4),
        ("Conversions", 0, "clicks", 0, 0),
        ("Leads", 4, "clicks", 4, Decimal("0.2")),
    ]


@pytest.mark.django_db
def test_conversions_and_leads_are_two_ends():
    make_campaign_day(date=DAY, impressions=9000, clicks=300, landing_page_clicks=120, conversions=93, leads=167)
    *_, conversions, leads = funnel(ad_accounts=EVERYONE, period=PERIOD)
    assert (conversions.previous, conversions.percent_of_previous) == ("clicks", 31)
    assert (leads.previous, round(leads.percent_of_previous or 0, 2)) == ("clicks", Decimal("55.67"))


@given(st.fixed_dictionaries(dict.fromkeys(_STEPS, st.integers(0, 2000))))
def test_no_share_is_above_a_hundred(counts: dict[str, int]):
    """Whatever LinkedIn counts: conversions after mere views, messages without impressions."""
    of_one_currency = Totals(currency="EUR", days=1, is_whole=True, sums=counts)
    with patch("reporting.queries.journey.totals", return_value=CoveredRows([of_one_currency], NOWHERE)):
        steps = funnel(ad_accounts=EVERYONE, period=PERIOD)
    assert {one.name: one.count for one in steps} == counts
    for one in steps:
        assert all(0 <= share <= 100 for share in (one.percent_of_previous, one.percent_of_first) if share is not None)


@pytest.mark.django_db
def test_an_empty_funnel_has_every_step():
    make_ad_account()
    steps = funnel(ad_accounts=EVERYONE, period=PERIOD)
    assert [one.count for one in steps] == [None] * 5, "never fetched is not zero"
    cover_every_ad_account()
    steps = funnel(ad_accounts=EVERYONE, period=PERIOD)
    assert [(one.count, one.percent_of_previous, one.percent_of_first) for one in steps] == [(0, None, None)] * 5
    assert steps.coverage.together.is_whole


@pytest.mark.django_db
def test_the_campaigns_with_most_engagement():
    account = make_ad_account()
    for number, (likes, follows) in enumerate([(1, 0), (5, 5), (7, 1), (0, 0)]):
        campaign = make_campaign(account=account, name=f"c{number}")
        make_campaign_day(campaign=campaign, date=DAY, likes=likes, comments=1 if likes else 0, follows=follows)
    found = engagement(ad_accounts=EVERYONE, period=PERIOD)
    assert [(row.label, row.value("engagements")) for row in found] == [("c1", 11), ("c2", 9), ("c0", 2)]
    assert len(engagement(ad_accounts=EVERYONE, period=PERIOD, top=1)) == 1


@pytest.mark.django_db
def test_creatives_come_with_what_linkedin_says_of_them():
    campaign = make_campaign(name="Autumn")
    held = make_creative(
        campaign=campaign, is_serving=False, review_status="REJECTED", serving_hold_reasons=["REVIEW_REJECTED"]
    )
    stub = make_creative(
        campaign=None, account=campaign.account, review_status=None, is_serving=None, missing_since=NOW
    )
    make_creative_day(creative=held, date=DAY, spend=5, clicks=1)
    make_creative_day(creative=stub, date=DAY, spend=4, clicks=2)
    first, second = top_creatives(ad_accounts=EVERYONE, period=PERIOD)
    assert (first.figures.key, first.campaign_name, first.review_status, first.is_serving) == (
        held.pk, "Autumn", "REJECTED", False,
    )  # fmt: skip
    assert (first.serving_hold_reasons, first.is_missing) == (("REVIEW_REJECTED",), False)
    assert (second.campaign_id, second.campaign_name, second.is_missing) == (None, None, True)
    [most_clicked] = top_creatives(ad_accounts=EVERYONE, period=PERIOD, order_by="clicks", top=1)
    assert most_clicked.figures.key == stub.pk


def test_only_what_the_asker_may_see(bob, bobs_ad_account):
    foreign = make_creative_day(date=DAY).creative
    make_campaign_day(campaign=foreign.campaign, date=DAY, likes=9)
    seen: Any = {"ad_accounts": visible_ad_accounts(bob), "period": PERIOD}
    assert not top_creatives(**seen)
    assert not engagement(**seen)
    cover_every_ad_account()
    assert funnel(**seen)[0].count == 0
    mine = make_creative(campaign=make_campaign(account=bobs_ad_account))
    make_creative_day(creative=mine, date=DAY)
    assert [one.figures.key for one in top_creatives(**seen)] == [mine.pk]
