"""A day that was never fetched, on either side of a comparison: no page shows a change, zero or completeness for it.

Every other day of both periods has the same activity, without a zero in it, so whatever is empty or zero in an answer
is so because of the day.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AdAccount
from ingestion.models import CampaignDailyMetric, CreativeDailyMetric
from reporting.pages.report.sections import NAMES
from reporting.periods import Period, last_days, week_of
from tests.builders import make_ad_account, make_campaign, make_covered_days, make_creative, make_segment

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon(time_machine: Any) -> None:
    """No test runs through midnight."""
    time_machine.move_to(timezone.now().replace(hour=12, minute=0))


DAY = timedelta(days=1)
FIGURES = {
    "impressions": 1000, "clicks": 20, "spend": 60, "conversions": 3, "leads": 2, "likes": 4, "comments": 3,
    "shares": 2, "follows": 1, "landing_page_clicks": 10, "fetched_at": timezone.now(),
}  # fmt: skip
# Zero where all of the budget is spent, and budgets have no zeros for days.
MAY_BE_ZERO = {"left", "within", "beyond"}


@dataclass(frozen=True)
class Missing:
    """The day, the side it is on, and whether another ad account of the same currency has it."""

    day: date | None
    period: Period
    before: Period

    @property
    def is_now(self) -> bool:
        return self.day is not None and self.day >= self.period.first_day


def days_ago(side: str, place: str, period: Period) -> date | None:
    """The first, the middle or the last day of a side; None on neither."""
    if side == "neither":
        return None
    chosen = period if side == "now" else period.previous()
    return {"first": chosen.first_day, "middle": chosen.first_day + 14 * DAY, "last": chosen.last_day}[place]


def store(ad_account: AdAccount, days: list[date], *, gap: date | None) -> None:
    """Activity on each of these days except the missing one, and what a sync would say of them."""
    campaign = make_campaign(account=ad_account, name=ad_account.name, run_schedule_start_at=timezone.now() - 100 * DAY)
    creative = make_creative(campaign=campaign)
    stored = [day for day in days if day != gap]
    CampaignDailyMetric.objects.bulk_create(
        CampaignDailyMetric(campaign=campaign, date=day, **FIGURES) for day in stored
    )
    CreativeDailyMetric.objects.bulk_create(
        CreativeDailyMetric(creative=creative, date=day, **FIGURES) for day in stored
    )
    first, now = days[0], timezone.now()
    stretches = [(first, now.date())] if gap is None else [(first, gap - DAY), (gap + DAY, now.date())]
    for first_day, last_day in stretches:
        make_covered_days(account=ad_account, first_day=first_day, last_day=last_day, asked_at=now)
    of_segment = {name: FIGURES[name] for name in ("conversions", "leads")}
    make_segment(account=ad_account, date_start=now.date().replace(day=1), date_end=now.date(), **of_segment)


@pytest.fixture(params=["of the only ad account", "of one of two ad accounts"])
def lacks(request: pytest.FixtureRequest, side: str, place: str, db: None) -> Missing:
    today = timezone.now().date()
    period = last_days(30, today=today)
    day = days_ago(side, place, period)
    days = [today - number * DAY for number in range(100, 0, -1)]
    store(make_ad_account(name="Lacks a day"), days, gap=day)
    if request.param == "of one of two ad accounts":
        store(make_ad_account(name="Lacks nothing"), days, gap=None)
    return Missing(day, period, period.previous())


ON_EITHER_SIDE = pytest.mark.parametrize(
    ("side", "place"), [(side, place) for side in ("now", "before") for place in ("first", "middle", "last")]
)
EVERYWHERE = pytest.mark.parametrize(
    ("side", "place"),
    [("neither", ""), *((side, place) for side in ("now", "before") for place in ("first", "middle", "last"))],
)


def rows(block: dict[str, Any]) -> list[dict[str, Any]]:
    names = [column["name"] for column in block["table"]["columns"]]
    return [dict(zip(names, row, strict=True)) for row in block["table"]["rows"]]


def sections(browser: Client, **query: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows of each section of the report by its name; each has some."""
    for name in NAMES:
        found = browser.get(f"/report/sections/{name}/", query).json()
        assert found["blocks"], name
        yield name, [row for block in found["blocks"] for row in rows(block)]


@pytest.mark.slow
@EVERYWHERE
def test_no_section_shows_a_change_or_a_zero(as_alice: Client, lacks: Missing) -> None:
    found = dict(sections(as_alice))
    is_whole = lacks.day is None
    assert {row["change"] is not None for row in found["key-figures"]} == {is_whole}
    assert {row["before"] is not None for row in found["key-figures"]} == {is_whole or lacks.is_now}
    for row in found["campaigns"]:
        lacks_it_before = not is_whole and not lacks.is_now and row["campaign"] == "Lacks a day"
        assert (row["spend_before"] is None) is lacks_it_before
    assert {row["share"] is not None for row in found["spend"]} == {not lacks.is_now}
    for row in found["budgets"]:
        assert (row["used"] is None) is (lacks.is_now and row["campaign"] == "Lacks a day")
    for name, of_section in found.items():
        zeros = {key for row in of_section for key, value in row.items() if is_zero(value)} - MAY_BE_ZERO
        assert zeros == ({"change"} if is_whole and name == "key-figures" else set()), name
    for row in found["trend"]:
        counterpart = lacks.before.first_day + (date.fromisoformat(row["when"]) - lacks.period.first_day)
        for key in ("spend", "clicks", "ctr_percent"):
            assert (row[key] is None) is (row["when"] == str(lacks.day)), row["when"]
            assert (row[f"{key}_before"] is None) is (counterpart == lacks.day), row["when"]


def is_zero(value: object) -> bool:
    return value is not None and re.fullmatch(r"-?0*\.?0*", str(value)) is not None and str(value) != ""


@ON_EITHER_SIDE
@pytest.mark.parametrize("step", ["week", "month"])
def test_a_week_or_month_with_the_day_is_a_gap(as_alice: Client, lacks: Missing, step: str) -> None:
    """Six of seven days would look like a fall."""
    found = as_alice.get("/report/sections/trend/", {"by": step}).json()
    assert "never fetched" in found["blocks"][0]["note"]
    assert lacks.day
    [block] = found["blocks"]
    gaps = [row["when"] for row in rows(block) if row["spend"] is None]
    year, week, _ = week_of(lacks.day)[0].isocalendar()
    label = f"{year}-W{week:02}" if step == "week" else f"{lacks.day:%Y-%m}"
    assert gaps == ([label] if lacks.is_now else [])
    assert sum(row["spend_before"] is None for row in rows(block)) == (0 if lacks.is_now else 1)


@pytest.mark.slow
@ON_EITHER_SIDE
def test_the_csv_of_a_section_is_empty_where_its_table_is(as_alice: Client, lacks: Missing) -> None:
    for name in ("key-figures", "trend", "campaigns", "spend"):
        answer: Any = as_alice.get(f"/report/sections/{name}/", {"format": "csv"})
        header, *lines = csv.reader(io.StringIO(answer.getvalue().decode()))
        note = header.index("note")
        table = [row for block in as_alice.get(f"/report/sections/{name}/").json()["blocks"] for row in rows(block)]
        assert len(lines) == len(table) > 0
        for line, row in zip(lines, table, strict=True):
            assert [cell == "" for cell in line[2:note]] == [value in (None, "") for value in row.values()], name
        assert {line[note - 1] for line in lines} == {""} or name != "key-figures"
        # What is on the page above the sections is in each row of the file.
        assert header[note + 1 :] == ["missing_days", "missing_days_before"]
        missing = f"{lacks.day}/{lacks.day}"
        assert {tuple(line[note + 1 :]) for line in lines} == {(missing, "") if lacks.is_now else ("", missing)}
        assert all(line[note] for line in lines) or name != "key-figures"


@EVERYWHERE
def test_the_head_of_the_report_says_so_and_claims_no_more(as_alice: Client, lacks: Missing) -> None:
    head = as_alice.get("/report/", headers={"HX-Request": "true"}).content.decode()
    claimed = re.search(r'complete through <time class="day" datetime="([\d-]+)"', head)
    if lacks.day is None:
        assert claimed
        assert date.fromisoformat(claimed[1]) == lacks.period.last_day
        assert "never fetched" not in head
        return
    assert "No changes are shown." in head
    side = "this period" if lacks.is_now else "the period before"
    assert f"1 of 30 days of {side} was never fetched" in " ".join(re.sub("<[^>]*>", "", head).split())
    assert f'datetime="{lacks.day}"' in head
    if lacks.is_now:
        assert not claimed or date.fromisoformat(claimed[1]) < lacks.day


@EVERYWHERE
def test_the_overview_shows_neither_a_change_nor_a_line_through_it(as_alice: Client, lacks: Missing) -> None:
    page = as_alice.get("/admin/").content.decode()
    assert ('data-unit="change"' in page) is (lacks.day is None)
    points = [line.split() for line in re.findall(r'<polyline points="([^"]+)"', page)]
    assert len(points) == (2 if lacks.is_now and lacks.day == lacks.period.first_day + 14 * DAY else 1)
    assert sum(map(len, points)) == (29 if lacks.is_now else 30)
    assert not any(point.endswith(",40.0") for line in points for point in line)
    tile = page.split("Data complete through")[1].split("</div>")[0]
    if not lacks.is_now:
        assert f'datetime="{lacks.period.last_day}"' in tile
        return
    assert lacks.day
    cells = [tile, *re.findall(r'data-label="Complete through">(.*?)</td>', page)[:1]]
    for cell in cells:
        through = re.search(r'datetime="([\d-]+)"', cell)
        assert not through or date.fromisoformat(through[1]) < lacks.day


@ON_EITHER_SIDE
def test_the_action_center_shows_no_change(as_alice: Client, lacks: Missing) -> None:
    for ad_account in AdAccount.objects.all():
        as_alice.post("/actions/check-now/", {"back": f"ad_account={ad_account.pk}"})
    page = as_alice.get("/actions/").content.decode()
    assert 'data-unit="change"' not in page
    assert "complete through" not in page.lower()
