"""A period of which one day was never fetched: no door shows a change, a zero or a completeness for it.

The day is the first, a middle or the last one, of the period or of the one that it is compared with. An endpoint with
figures, and every format, must be in the walk.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
import time_machine
from django.db import connection
from django.test import Client

from accounts.models import AdAccount
from ingestion.models import Campaign, Creative
from reporting.api import urls
from reporting.api.files import MEDIA_TYPES
from reporting.periods import Period
from reporting.queries import budgets, journey, performance
from reporting.queries.audience import audiences
from reporting.queries.coverage import CoveredRows
from reporting.queries.data_as_of import overview_spend
from reporting.queries.grouping import GroupBy
from tests.builders import (
    NOW,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_covered_days,
    make_creative,
    make_creative_day,
    make_segment,
)
from tests.reporting.api.asking import get
from tests.reporting.snapshots.reading import written

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TODAY = NOW.date()
# Whole weeks of one month.
PERIOD = Period(date(2026, 11, 9), date(2026, 11, 15))
BEFORE = PERIOD.previous()
SIDES = {"the period": PERIOD, "the period before": BEFORE}
PLACES = {"first": 0, "middle": 3, "last": 6}
EVERYONE = AdAccount.objects.all()


@dataclass(frozen=True, slots=True)
class World:
    """An ad account with figures on every day but one, which was never fetched."""

    account: AdAccount
    gap: date

    @property
    def is_now(self) -> bool:
        return PERIOD.first_day <= self.gap <= PERIOD.last_day

    def holds_gap(self, first_day: date | str, last_day: date | str) -> bool:
        return str(first_day) <= str(self.gap) <= str(last_day)


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture(params=[(side, place) for side in SIDES for place in PLACES], ids=" of ".join)
def world(request: Any, db: None) -> World:
    """A campaign that runs all the time, and one in each period that has no rows in the other."""
    side, place = request.param
    gap = SIDES[side].first_day + PLACES[place] * DAY
    account = make_ad_account(currency="EUR")
    for periods in ((PERIOD, BEFORE), (PERIOD,), (BEFORE,)):
        campaign = make_campaign(account=account)
        creative = make_creative(campaign=campaign)
        for period in periods:
            for day in period.each_day():
                if day != gap:
                    make_campaign_day(campaign=campaign, date=day, conversions=0)
                    make_creative_day(creative=creative, date=day, conversions=0)
    # In the days that the last thirty are compared with.
    make_campaign_day(campaign=campaign, date=date(2026, 9, 20))
    for month in (date(2026, 10, 1), date(2026, 11, 1)):
        make_segment(account=account, date_start=month)
    for first_day, last_day in ((date(2026, 9, 1), gap - DAY), (gap + DAY, TODAY)):
        make_covered_days(account=account, first_day=first_day, last_day=last_day)
    return World(account, gap)


# --- the questions ---

QUESTIONS: dict[str, Any] = {
    **{
        f"performance by {group}": lambda group=group: performance.performance(
            ad_accounts=EVERYONE, period=PERIOD, group_by=group
        )
        for group in GroupBy
    },
    **{
        f"trend by {group}": lambda group=group: performance.trend(ad_accounts=EVERYONE, period=PERIOD, group_by=group)
        for group in GroupBy
        if group.is_calendar
    },
    **{
        f"compared by {group}": lambda group=group: performance.compared_performance(
            ad_accounts=EVERYONE, period=PERIOD, group_by=group
        )
        for group in GroupBy
    },
    "totals": lambda: performance.totals(ad_accounts=EVERYONE, period=PERIOD),
    "compared totals": lambda: performance.compared_totals(ad_accounts=EVERYONE, period=PERIOD),
    "budgets": lambda: budgets.budget_use(ad_accounts=EVERYONE, period=PERIOD),
    "spend": lambda: budgets.spend_distribution(ad_accounts=EVERYONE, period=PERIOD),
    "funnel": lambda: journey.funnel(ad_accounts=EVERYONE, period=PERIOD),
    "engagement": lambda: journey.engagement(ad_accounts=EVERYONE, period=PERIOD),
    "creatives": lambda: journey.top_creatives(ad_accounts=EVERYONE, period=PERIOD),
}


def test_every_question_says_which_day_is_missing(world: World) -> None:
    for name, question in QUESTIONS.items():
        assert_question(world, name, question())


def assert_question(world: World, name: str, found: object) -> None:
    assert isinstance(found, CoveredRows), name
    one = found.coverage.together
    assert (one.period, one.is_whole, one.is_complete) == (PERIOD, not world.is_now, not world.is_now)
    assert one.missing == (((world.gap, world.gap),) if world.is_now else ())
    if found.before:
        compared = found.before.together
        assert (compared.period, compared.is_whole) == (BEFORE, world.is_now)
    if world.is_now:
        shares = [
            *(part.share_percent for row in found if hasattr(row, "parts") for part in row.parts),
            *(row.daily_used_percent for row in found if hasattr(row, "daily_used_percent")),
        ]
        assert set(shares) <= {None}


def test_spend_lately_and_audiences(world: World) -> None:
    [spend] = overview_spend(ad_accounts=EVERYONE, today=PERIOD.last_day + DAY)
    assert spend.change_percent is None
    for place, day in enumerate(spend.coverage.period.each_day()):
        if day == world.gap:
            assert spend.days[place] is None
    found = audiences(ad_accounts=EVERYONE, period=Period(world.gap, world.gap))
    assert [pivot.coverage_percent for pivot in found.pivots if pivot.segments] == [None]


# --- the API, in every format ---

REPORT = {"first_day": str(PERIOD.first_day), "last_day": str(PERIOD.last_day)}
DAYS = {"date_from": str(PERIOD.first_day), "date_to": str(PERIOD.last_day)}
# By class of view, what is asked of it.
ENDPOINTS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "PerformanceReportView": [
        ("reports/performance", {**REPORT, "group_by": group.value, **compare})
        for group in GroupBy
        for compare in ({}, {"compare": "previous"})
    ],
    "DemographicsReportView": [("reports/demographics", REPORT)],
    "CampaignMetrics": [("campaign-metrics", DAYS)],
    "CreativeMetrics": [("creative-metrics", DAYS)],
    "Demographics": [("demographics", {"month_start_from": "2026-11-01", "month_start_to": "2026-11-30"})],
}
ASKED = [question for questions in ENDPOINTS.values() for question in questions]


def test_every_endpoint_with_figures_is_in_the_walk() -> None:
    callbacks = [pattern.callback for pattern in urls.urlpatterns]
    views = [getattr(one, "cls", None) or getattr(one, "view_class", None) for one in callbacks]
    assert {view.__name__ for view in views if view and getattr(view, "has_figures", False)} == ENDPOINTS.keys()


@pytest.mark.slow
def test_the_api_shows_nothing_of_a_missing_day(as_alice: Client, world: World) -> None:
    for path, asked in ASKED:
        assert_reply(world, path, asked, get(as_alice, path, **asked))


def assert_reply(world: World, path: str, asked: dict[str, Any], reply: Any) -> None:
    if "coverage" in reply:
        missing = [{"first_day": str(world.gap), "last_day": str(world.gap)}] if world.is_now else []
        assert reply["coverage"]["missing"] == missing
        assert reply["coverage"]["is_whole"] is reply["coverage"]["is_complete"] is not world.is_now
        assert_not_complete(world, reply["complete_through"])
    assert ("coverage" in reply) == (path not in {"reports/demographics", "demographics"})
    if asked.get("compare"):
        assert reply["compared_coverage"]["is_whole"] is world.is_now
        assert any(set(row["change_percent"].values()) == {None} for row in reply["rows"])
        assert {value for one in reply["totals"] for value in one["change_percent"].values()} == {None}
    for row in reply.get("rows", []):
        assert_row(world, row, is_compared="compare" in asked)
    assert all(row["date"] != str(world.gap) for row in reply.get("results", []) if "date" in row)
    for pivot in reply.get("pivots", []):
        assert_not_complete(world, reply["complete_through"])
        assert pivot["coverage_percent"] is None or not world.is_now


def assert_not_complete(world: World, complete_through: str | None) -> None:
    if world.is_now:
        assert complete_through is None or complete_through < str(world.gap)


def assert_row(world: World, row: dict[str, Any], *, is_compared: bool) -> None:
    assert row["is_whole"] is not world.holds_gap(row["first_day"], row["last_day"])
    if row["first_day"] == row["last_day"] == str(world.gap):
        assert set(row["figures"].values()) == {None}
    if row["label"] and not row["is_whole"]:
        assert 0 not in row["figures"].values() or row["figures"]["impressions"]
    if is_compared:
        if row["before"] and not row["before"]["impressions"]:
            assert set(row["before"].values()) == {None} or world.is_now
        if not (row["is_whole"] and row["before_is_whole"]):
            assert set(row["change_percent"].values()) == {None}


@pytest.mark.slow
@pytest.mark.parametrize("file_format", MEDIA_TYPES)
def test_no_file_shows_anything_of_a_missing_day(as_alice: Client, world: World, file_format: str) -> None:
    for path, asked in ASKED:
        assert_file(as_alice, world, path, asked, file_format)


def assert_file(as_alice: Client, world: World, path: str, asked: dict[str, Any], file_format: str) -> None:
    response: Any = as_alice.get(f"/api/v1/{path}", {**asked, "format": file_format})
    assert response.status_code == 200
    content = response.getvalue()
    if path != "demographics":
        gap = f"{world.gap}/{world.gap}"
        assert response.headers.get("Missing-Days") == (gap if world.is_now else None)
        assert_not_complete(world, response.headers.get("Complete-Through"))
        if asked.get("compare"):
            assert response.headers.get("Compared-Missing-Days") == (None if world.is_now else gap)
    rows = lines(content, file_format)
    assert rows, path
    for row in rows:
        assert row.get("date") != str(world.gap)
        if "is_whole" in row and "before_is_whole" in row:
            whole = str(row["is_whole"]).lower(), str(row["before_is_whole"]).lower()
            changes = {value for name, value in row.items() if name.startswith("change_percent_")}
            assert whole == ("true", "true") or changes <= {"", None}
        if row.get("first_day") == row.get("last_day") == str(world.gap):
            assert {row[name] for name in ("impressions", "clicks", "spend")} <= {"", None}


def lines(content: bytes, file_format: str) -> list[dict[str, Any]]:
    if file_format == "xlsx":
        return list(sheet(content))
    text = content.decode("utf-8-sig")
    if file_format == "ndjson":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text)))


_XLSX: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_DAYS = ("date", "first_day", "last_day", "month_start", "last_day_counted")


def sheet(content: bytes) -> Iterator[dict[str, Any]]:
    """The rows by the names of their columns, with days as in other files; a cell that is empty has no value."""
    with ZipFile(io.BytesIO(content)) as archive:
        root = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
        texts = ElementTree.fromstring(archive.read("xl/sharedStrings.xml")) if _has_texts(archive) else ()
    shared = ["".join(one.itertext()) for one in texts]
    table = [{_place(cell): _value(cell, shared) for cell in row} for row in root.iter(f"{_XLSX}row")]
    header, *rows = table
    for row in rows:
        named = {str(name): row.get(place) for place, name in header.items()}
        yield {name: _day(value) if name in _DAYS else value for name, value in named.items()}


def _has_texts(archive: ZipFile) -> bool:
    return "xl/sharedStrings.xml" in archive.namelist()


def _place(cell: ElementTree.Element) -> str:
    return cell.attrib["r"].rstrip("0123456789")


def _value(cell: ElementTree.Element, shared: list[str]) -> str | None:
    text = "".join(cell.itertext())
    if cell.get("t") == "s":
        return shared[int(text)]
    return {"0": "false", "1": "true"}[text] if cell.get("t") == "b" else text or None


def _day(value: str | None) -> str | None:
    """Spreadsheets count days."""
    return str(date(1899, 12, 30) + timedelta(days=int(value))) if value and value.isdecimal() else value


# --- snapshots and views ---


def test_no_snapshot_shows_anything_of_a_missing_day(world: World) -> None:
    for period in SIDES.values():
        found, _ = written(world.account, period)
        is_missing = period.first_day <= world.gap <= period.last_day
        gap = [{"first_day": str(world.gap), "last_day": str(world.gap)}] if is_missing else []
        assert found["coverage"]["missing"] == gap
        assert found["coverage"]["is_whole"] is found["coverage"]["is_complete"] is not is_missing
        assert all(day["date"] != str(world.gap) for day in found["ad_account"]["daily_metrics"])
        assert len(found["ad_account"]["daily_metrics"]) == 7 - is_missing
        if is_missing:
            through = found["coverage"]["complete_through"]
            assert through is None or through < str(world.gap)
        # The campaign that ran only in the other period.
        idle = [one for one in found["ad_account"]["campaigns"] if not one["daily_metrics"]]
        sums = {one["metrics_summary"]["impressions"] for one in idle}
        assert sums == ({None} if is_missing else {0})


def test_no_view_calls_a_missing_day_complete(world: World) -> None:
    """Even if there are rows of it, as after an answer that was cut."""
    campaign = Campaign.objects.filter(account=world.account).first()
    assert campaign
    make_campaign_day(campaign=campaign, date=world.gap)
    make_creative_day(creative=Creative.objects.get(campaign=campaign), date=world.gap)
    for view in ("reporting_campaign_daily", "reporting_creative_daily", "reporting_account_daily"):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT date, is_complete FROM reporting.{view}")
            rows = cursor.fetchall()
        assert {is_complete for day, is_complete in rows if day == world.gap} == {False}
        assert {is_complete for day, is_complete in rows if day != world.gap} == {True}
