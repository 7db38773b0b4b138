"""The catalogue of metrics: what LinkedIn calls each, what we call it, and that both ends know it."""

from collections import Counter
from dataclasses import fields
from decimal import Decimal

import pytest
from pydantic.alias_generators import to_camel

from ingestion import catalogue
from ingestion.catalogue import CATALOGUE, AskedFor, Better, Type, Unit
from ingestion.linkedin.endpoints import DAY_FIELDS
from ingestion.linkedin.records import CampaignDayRecord, DemographicMonthRecord
from ingestion.linkedin_simulator.analytics import MAX_FIELDS
from ingestion.linkedin_simulator.analytics import METRICS as KNOWN_TO_LINKEDIN
from ingestion.models import AccountDailyTotal, AudienceDemographic, CampaignDailyMetric, CreativeDailyMetric
from ingestion.sync import load
from ingestion.sync.reconciliation import METRICS as RECONCILED

# Spelt once more: an entry that goes, or two columns that change places, are to be noticed.
FIRST = {
    "impressions": "impressions",
    "clicks": "clicks",
    "costInLocalCurrency": "spend",
    "landingPageClicks": "landing_page_clicks",
    "externalWebsiteConversions": "conversions",
    "likes": "likes",
    "comments": "comments",
    "shares": "shares",
    "follows": "follows",
    "oneClickLeads": "leads",
    "opens": "opens",
    "sends": "sends",
}
OF_SEGMENTS = {"impressions", "clicks", "spend", "conversions", "leads"}


def test_the_first_metrics_are_there_under_their_names():
    columns = {metric.field: metric.column for metric in CATALOGUE}
    assert {field: columns.get(field) for field in FIRST} == FIRST
    assert list(columns)[: len(FIRST)] == list(FIRST), "new ones go to the end"
    assert {metric.column for metric in catalogue.DEMOGRAPHIC} >= OF_SEGMENTS


def test_spend_alone_is_money_of_the_first_and_neither_good_nor_bad():
    first = [metric for metric in CATALOGUE if metric.field in FIRST]
    assert {(one.column, one.type, one.better) for one in first if one.unit is Unit.MONEY} == {
        ("spend", Type.DECIMAL, Better.NEITHER)
    }
    assert not any(metric.is_nullable for metric in first)


def test_no_name_comes_twice():
    for names in (
        [one.field for one in CATALOGUE],
        [one.column for one in CATALOGUE],
        [one.label for one in CATALOGUE],
    ):
        assert max(Counter(names).values()) == 1


def test_linkedin_knows_every_field_by_the_name_that_records_read():
    for metric in CATALOGUE:
        assert metric.field in KNOWN_TO_LINKEDIN
        assert to_camel(metric.attribute) == metric.field


def test_one_request_asks_for_all_metrics_of_days():
    assert len(DAY_FIELDS) == len(catalogue.DAILY) + 2
    assert len(catalogue.DAILY) <= catalogue.MAX_DAILY_METRICS == MAX_FIELDS - 2


def test_every_metric_is_asked_for_somewhere_and_says_what_it_is():
    for metric in CATALOGUE:
        assert metric.asked_for & AskedFor.EVERYWHERE
        assert metric.label[0].isupper()
        assert not metric.description.endswith(".")


@pytest.mark.parametrize("model", [CampaignDailyMetric, CreativeDailyMetric, AccountDailyTotal])
def test_daily_tables_hold_the_metrics_of_the_catalogue(model):
    beside = {"id", "campaign_id", "creative_id", "account_id", "date", "ctr", "cpc", "fetched_at"}
    columns = [field.column for field in model._meta.concrete_fields if field.column not in beside]
    assert columns == [metric.column for metric in catalogue.DAILY]


def test_demographics_hold_the_metrics_of_the_catalogue():
    columns = {field.column for field in AudienceDemographic._meta.concrete_fields}
    assert columns >= {metric.column for metric in catalogue.DEMOGRAPHIC}
    assert "likes" not in columns


def test_records_and_rows_hold_the_metrics_of_the_catalogue():
    kept = {"pivot_values", "date_range"}
    assert {one.name for one in fields(CampaignDayRecord)} - kept == {metric.attribute for metric in catalogue.DAILY}
    assert {one.name for one in fields(DemographicMonthRecord)} - kept == {
        metric.attribute for metric in catalogue.DEMOGRAPHIC
    }
    daily = tuple(metric.column for metric in catalogue.DAILY)
    for target in (load.CAMPAIGN_DAYS, load.CREATIVE_DAYS, load.ACCOUNT_DAYS):
        assert target.values == daily
    assert set(load.SEGMENTS.values) == {"segment_name", "date_end", "share_pct"} | {
        metric.column for metric in catalogue.DEMOGRAPHIC
    }


def test_what_is_compared_with_linkedins_totals_adds_up():
    by_column = {metric.column: metric for metric in catalogue.DAILY}
    assert all(by_column[name].is_additive and not by_column[name].is_nullable for name in RECONCILED)


def test_a_metric_that_linkedin_did_not_send_is_zero_of_its_type():
    assert {metric.column: metric.absent for metric in CATALOGUE if metric.type is Type.COUNT}["clicks"] == 0
    assert isinstance({metric.column: metric.absent for metric in CATALOGUE}["spend"], Decimal)
