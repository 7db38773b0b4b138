from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ingestion import catalogue
from ingestion.linkedin.records import (
    AccountDayRecord,
    CalendarDay,
    CampaignDayRecord,
    CampaignRecord,
    ContentRecord,
    CreativeDayRecord,
    CreativeRecord,
    DateRange,
    DemographicMonthRecord,
    MoneyRecord,
)
from ingestion.sync import load
from ingestion.sync.rows import (
    account_day_row,
    campaign_day_row,
    campaign_row,
    creative_day_row,
    creative_row,
    keep_latest,
    segment_row,
)

DAY = DateRange(start=CalendarDay(2026, 11, 1), end=CalendarDay(2026, 11, 1))
# Metrics that are not spelt here, where LinkedIn did not send them.
LATER, LATER_OF_SEGMENTS = (
    {one.column: one.absent for one in metrics if one in catalogue.CATALOGUE[catalogue.FIRST_METRICS :]}
    for metrics in (catalogue.DAILY, catalogue.DEMOGRAPHIC)
)
MONTH = DateRange(start=CalendarDay(2026, 11, 1), end=CalendarDay(2026, 11, 20))


def test_keep_latest_keeps_the_later_of_two_rows_with_one_key():
    rows = [(1, "a", 10), (2, "a", 20), (1, "a", 11), (1, "b", 30), (1, "a", 12)]
    kept, repeated = keep_latest(iter(rows), key_columns=2)
    assert kept == [(1, "a", 12), (2, "a", 20), (1, "b", 30)]
    assert repeated == [(1, "a", 10), (1, "a", 11)]


def test_keep_latest_leaves_distinct_keys_alone():
    assert keep_latest([(1, 5), (2, 5)], key_columns=1) == ([(1, 5), (2, 5)], [])
    assert keep_latest([], key_columns=1) == ([], [])


@pytest.mark.parametrize(
    ("record", "row", "key"),
    [
        (CampaignDayRecord(("urn:li:sponsoredCampaign:7",), DAY), campaign_day_row, 7),
        (CreativeDayRecord(("urn:li:sponsoredCreative:8",), DAY), creative_day_row, "urn:li:sponsoredCreative:8"),
        (AccountDayRecord(("urn:li:sponsoredAccount:9",), DAY), account_day_row, 9),
    ],
    ids=["campaign", "creative", "account"],
)
def test_a_metric_that_linkedin_did_not_send_is_zero(record, row, key):
    values = row(record)
    assert values == (key, date(2026, 11, 1), *(metric.absent for metric in catalogue.DAILY))
    assert values[2:14] == (0,) * 12
    assert isinstance(values[load.CAMPAIGN_DAYS.columns.index("spend")], Decimal)


def test_every_metric_lands_in_the_column_of_its_name():
    """All different, so that two columns changed places would show."""
    sent: dict[str, Any] = {
        "impressions": 1, "clicks": 2, "cost_in_local_currency": Decimal("3.5"), "landing_page_clicks": 4,
        "external_website_conversions": 5, "likes": 6, "comments": 7, "shares": 8, "follows": 9,
        "one_click_leads": 10, "opens": 11, "sends": 12,
    }  # fmt: skip
    record = CampaignDayRecord(("urn:li:sponsoredCampaign:7",), DAY, **sent)
    assert dict(zip(load.CAMPAIGN_DAYS.columns, campaign_day_row(record), strict=True)) == {
        "campaign_id": 7, "date": date(2026, 11, 1), "impressions": 1, "clicks": 2, "spend": Decimal("3.5"),
        "landing_page_clicks": 4, "conversions": 5, "likes": 6, "comments": 7, "shares": 8, "follows": 9,
        "leads": 10, "opens": 11, "sends": 12,
    } | LATER  # fmt: skip


def test_a_segment_without_figures_is_zero_and_may_have_no_name():
    record = DemographicMonthRecord(("urn:li:title:1",), MONTH)
    row = segment_row(record, ad_account_id=5, pivot_type="job_title", segment_name=None)
    assert dict(zip(load.SEGMENTS.columns[:-1], row, strict=True)) == {
        "account_id": 5, "pivot_type": "job_title", "segment": "urn:li:title:1", "date_start": date(2026, 11, 1),
        "segment_name": None, "date_end": date(2026, 11, 20), "impressions": 0, "clicks": 0, "spend": 0,
        "conversions": 0, "leads": 0,
    } | LATER_OF_SEGMENTS  # fmt: skip


def test_what_linkedin_did_not_say_of_a_campaign_is_none():
    row = dict(zip(load.CAMPAIGNS.columns, campaign_row(CampaignRecord(id=7), ad_account_id=5), strict=True))
    assert (row.pop("id"), row.pop("account_id")) == (7, 5)
    assert set(row.values()) == {None}


def test_a_budget_is_kept_with_its_currency():
    record = CampaignRecord(id=7, daily_budget=MoneyRecord(Decimal("12.5"), "EUR"))
    row = dict(zip(load.CAMPAIGNS.columns, campaign_row(record, ad_account_id=5), strict=True))
    assert (row["daily_budget"], row["daily_budget_currency"]) == (Decimal("12.5"), "EUR")
    assert (row["total_budget"], row["total_budget_currency"]) == (None, None)


@pytest.mark.parametrize(
    ("name", "posts", "shown"),
    [
        ("Own", {"urn:li:share:1": "Post"}, "Own"),
        (None, {"urn:li:share:1": "Post"}, "Post"),
        (None, {}, "Headline"),
    ],
)
def test_a_creative_is_called_by_its_own_name_then_its_posts_then_its_headline(name, posts, shown):
    record = CreativeRecord(
        id="urn:li:sponsoredCreative:8",
        campaign="urn:li:sponsoredCampaign:7",
        name=name,
        content=ContentRecord(reference="urn:li:share:1", headline="Headline"),
    )
    row = dict(zip(load.CREATIVES.columns, creative_row(record, ad_account_id=5, post_names=posts), strict=True))
    assert (row["campaign_id"], row["content_name"]) == (7, shown)
