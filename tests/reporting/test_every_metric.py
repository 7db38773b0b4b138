"""Every metric from LinkedIn's answer to every answer of ours, each with a value that no other one has.

LinkedIn's names and ours are spelt here once more: where an entry of the catalogue went, or two columns changed
places, a value would turn up under a wrong name, or not at all.
"""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from ingestion import catalogue
from ingestion.catalogue import Metric, Type
from ingestion.linkedin import endpoints
from ingestion.linkedin.client import LinkedInClient
from ingestion.models import Creative
from ingestion.sync import load
from ingestion.sync.rows import (
    account_day_row,
    campaign_day_row,
    copy_line,
    creative_day_row,
    keep_latest,
    segment_row,
)
from reporting.periods import Period
from reporting.queries.snapshot import days_of_campaigns
from tests.builders import DAY, NOW, make_ad_account, make_campaign, make_creative
from tests.conftest import signed_in
from tests.ingestion.linkedin.loopback import Clock, Script, as_json, make_client, serving
from tests.reporting.api.asking import get

pytestmark = pytest.mark.django_db

# LinkedIn's name, ours, and what is sent.
SPELT: dict[str, tuple[str, Any]] = {
    "impressions": ("impressions", 5000),
    "clicks": ("clicks", 202),
    "costInLocalCurrency": ("spend", "303.25"),
    "landingPageClicks": ("landing_page_clicks", 104),
    "externalWebsiteConversions": ("conversions", 15),
    "likes": ("likes", 26),
    "comments": ("comments", 37),
    "shares": ("shares", 48),
    "follows": ("follows", 59),
    "oneClickLeads": ("leads", 61),
    "opens": ("opens", 72),
    "sends": ("sends", 83),
}
OF_SEGMENTS = ("impressions", "clicks", "spend", "conversions", "leads")


def sent_value(number: int, metric: Metric) -> Any:
    return 7000 + number if metric.type is Type.COUNT else f"{8000 + number}.5"


# Those that came later too, under the catalogue's names.
SENT = SPELT | {
    metric.field: (metric.column, sent_value(number, metric))
    for number, metric in enumerate(catalogue.CATALOGUE)
    if metric.field not in SPELT
}
EXPECTED = {column: Decimal(str(value)) for column, value in SENT.values()}
DAILY = {metric.column: EXPECTED[metric.column] for metric in catalogue.DAILY}
DEMOGRAPHIC = {metric.column: EXPECTED[metric.column] for metric in catalogue.DEMOGRAPHIC}


def numbers(row: dict[str, Any], names: Any = DAILY) -> dict[str, Decimal]:
    return {name: Decimal(str(row[name])) for name in names}


@pytest.fixture
def client() -> Iterator[Callable[[str, date, date], LinkedInClient]]:
    """LinkedIn answers with one row that holds every metric it is asked for, and nothing else."""
    script = Script()

    def answering(pivot: str, first_day: date, last_day: date) -> LinkedInClient:
        def reply(request: Any) -> Any:
            asked = request.target.partition("fields=")[2].split("&")[0].split(",")
            days = {
                "start": {"year": first_day.year, "month": first_day.month, "day": first_day.day},
                "end": {"year": last_day.year, "month": last_day.month, "day": last_day.day},
            }
            held = {"pivotValues": [pivot], "dateRange": days} | {field: value for field, (_, value) in SENT.items()}
            return as_json({"elements": [{name: held[name] for name in asked}]})

        script.replies = [reply]
        return make_client(url, Clock())

    with serving(script) as url:
        yield answering


@pytest.fixture
def creative(client: Callable[[str, date, date], LinkedInClient]) -> Creative:
    """Its day, its campaign's, its ad account's and a segment, all as LinkedIn sent them."""
    ad_account = make_ad_account()
    creative = make_creative(campaign=make_campaign(account=ad_account))
    asked: Any = {"ad_account_id": ad_account.pk, "first_day": DAY, "last_day": DAY}
    for urn, ask, row, target in (
        (f"urn:li:sponsoredCampaign:{creative.campaign_id}", endpoints.campaign_days, campaign_day_row,
         load.CAMPAIGN_DAYS),
        (creative.pk, endpoints.creative_days, creative_day_row, load.CREATIVE_DAYS),
        (f"urn:li:sponsoredAccount:{ad_account.pk}", endpoints.account_days, account_day_row, load.ACCOUNT_DAYS),
    ):  # fmt: skip
        page: Any = ask(client(urn, DAY, DAY), **asked)
        rows, _ = keep_latest(map(row, page.records), key_columns=2)
        assert load.upsert(target, b"".join(map(copy_line, rows)), now=NOW) == 1
    month = DAY.replace(day=1)
    segments = endpoints.demographic_months(
        client("urn:li:title:7", month, DAY), ad_account_id=ad_account.pk, pivot="MEMBER_JOB_TITLE", first_day=month,
        last_day=DAY,
    )  # fmt: skip
    load.upsert_segments(
        [
            segment_row(one, ad_account_id=ad_account.pk, pivot_type="job_title", segment_name="Engineer")
            for one in segments.records
        ],
        now=NOW,
    )
    return creative


def test_the_values_differ() -> None:
    assert len(set(EXPECTED.values())) == len(catalogue.CATALOGUE) == len(SENT)
    assert set(DEMOGRAPHIC) >= set(OF_SEGMENTS)


@pytest.mark.parametrize("table", ["campaign_daily_metrics", "creative_daily_metrics", "account_daily_totals"])
def test_tables_of_days_hold_every_metric(creative: Creative, table: str) -> None:
    assert numbers(only_row(table)) == DAILY


def test_demographics_hold_those_that_linkedin_breaks_down(creative: Creative) -> None:
    assert numbers(only_row("audience_demographics"), DEMOGRAPHIC) == DEMOGRAPHIC


@pytest.mark.parametrize("view", ["reporting_campaign_daily", "reporting_creative_daily", "reporting_account_daily"])
def test_views_for_bi_hold_every_metric(creative: Creative, view: str) -> None:
    held = [metric.column for metric in catalogue.DAILY if metric.is_additive or "account" not in view]
    assert numbers(only_row(f"reporting.{view}"), held) == {name: DAILY[name] for name in held}
    assert numbers(only_row("reporting.reporting_demographics_monthly"), DEMOGRAPHIC) == DEMOGRAPHIC


def test_the_api_tells_every_metric(creative: Creative, alice: Any) -> None:
    browser = signed_in(alice)
    for path in ("campaign-metrics", "creative-metrics"):
        [row] = get(browser, path)["results"]
        assert numbers(row) == DAILY, path
        assert numbers(only_line(browser, path)) == DAILY, path
    [segment] = get(browser, "demographics")["results"]
    assert numbers(segment, DEMOGRAPHIC) == DEMOGRAPHIC


def test_reports_and_snapshots_sum_every_metric(creative: Creative, alice: Any) -> None:
    summed = {metric.column: DAILY[metric.column] for metric in catalogue.DAILY if metric.is_additive}
    browser, days = signed_in(alice), {"first_day": DAY, "last_day": DAY}
    report = get(browser, "reports/performance", **days, metrics=",".join(summed), group_by="campaign")
    assert numbers(report["rows"][0]["figures"], summed) == summed
    line = only_line(browser, "reports/performance", **days, metrics=",".join(summed), group_by="creative")
    assert numbers(line, summed) == summed
    [pivot] = get(browser, "reports/demographics", **days, pivot_type="job_title")["pivots"]
    [segment] = pivot["segments"]
    counted = set(DEMOGRAPHIC) - {"spend"}
    assert numbers(segment, counted) == {name: DEMOGRAPHIC[name] for name in counted}
    assert Decimal(segment["spend"][0]["amount"]) == DEMOGRAPHIC["spend"]
    assert creative.account
    [(_, text)] = days_of_campaigns(
        ad_accounts=type(creative.account).objects.all(), period=Period(DAY - timedelta(days=1), DAY)
    )
    assert all(f'"{name}":' in text for name in summed)


def only_row(relation: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {relation}")
        [row] = cursor.fetchall()
        return dict(zip([column.name for column in cursor.description], row, strict=True))


def only_line(browser: Client, path: str, **parameters: Any) -> dict[str, str]:
    response: Any = browser.get(f"/api/v1/{path}", parameters | {"format": "csv"})
    content = b"".join(response.streaming_content).decode()
    [line] = csv.DictReader(io.StringIO(content))
    return line
