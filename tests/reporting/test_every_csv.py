"""Every CSV that can be downloaded: its numbers parse, and no spreadsheet takes one of its cells for a formula."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from accounts.shell.downloads import safe_cell
from reporting.exports.contents import REPORTS, TABLES
from reporting.pages.report.sections import NAMES
from tests import builders
from tests.builders import DAY
from tests.reporting.exports.exporting import content_of, export

pytestmark = pytest.mark.django_db

HOSTILE = 'x;=HYPERLINK("http://evil")|"=1\t=2\n@SUM(A1)\r-3,+4;"=5'
FIRST = f"={HOSTILE}"
DAYS = {"first_day": "2026-11-18", "last_day": "2026-11-19"}
# A cell that a spreadsheet would run, unless it is a number.
FORMULA = re.compile(r"[\t\r\n]*[-=+@＝＋－＠]")
NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


@pytest.fixture
def world(alice: User) -> None:
    """Hostile text wherever LinkedIn or a person may write it, and figures that fall from one period to the next."""
    account = builders.make_ad_account(name=FIRST)
    campaign = builders.make_campaign(
        account=account, name=FIRST, type=HOSTILE, objective=HOSTILE, serving_statuses=[FIRST, HOSTILE]
    )
    creative = builders.make_creative(
        campaign=campaign, content_name=HOSTILE, review_status=FIRST, serving_hold_reasons=[HOSTILE]
    )
    for day, spend in ((DAY, "50"), (DAY - timedelta(days=1), "-0.000002"), *_before("150")):
        builders.make_campaign_day(campaign=campaign, date=day, spend=Decimal(spend), impressions=int(day > DAY) + 1)
        builders.make_creative_day(creative=creative, date=day, spend=Decimal(spend))
    builders.make_account_day(account=account)
    for pivot in ("seniority", "company"):
        builders.make_segment(account=account, segment_name=FIRST, segment=HOSTILE, pivot_type=pivot)
    run = builders.make_sync_run(account=account, errors=FIRST)
    builders.make_rejected_record(run=run, payload={FIRST: [HOSTILE, -1]}, reason=HOSTILE, endpoint=HOSTILE)
    builders.make_finding(
        campaign=campaign, sentence=FIRST, evidence=[{"label": HOSTILE, "value": FIRST, "unit": "text"}],
        state="accepted", accepted_reason=FIRST, accepted_weight=1, assigned_to=alice,
    )  # fmt: skip
    builders.make_urn_name(name=FIRST)


def _before(spend: str) -> list[tuple[Any, str]]:
    """Three to nine days before: within every period that these days are compared with."""
    return [(DAY - timedelta(days=number), spend) for number in range(2, 10)]


def addresses() -> Iterator[str]:
    yield from (reverse("reporting:report_section", args=[name]) for name in NAMES)
    yield reverse("reporting:actions_csv")
    described = yaml.safe_load(Path(settings.BASE_DIR, "docs/openapi.yaml").read_text())["paths"]
    for address, methods in described.items():
        if "{" not in address and "text/csv" in methods.get("get", {}).get("responses", {}).get("200", {}).get(
            "content", {}
        ):
            yield address
    for model, one in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}_export"
        if any(pattern.name == name for pattern in one.get_urls()):
            yield reverse(f"admin:{name}", args=["csv"])


def parameters(address: str) -> dict[str, str]:
    if "/actions/" in address:
        return {"state": "all"}
    asked = {} if "/admin/" in address else {"format": "csv"}
    if "/reports/performance" in address:
        asked |= {"group_by": "campaign", "compare": "previous"}
    return asked | (DAYS if "report" in address else {})


def body_of(browser: Client, address: str) -> str:
    answer: Any = browser.get(address, parameters(address))
    assert answer.status_code == 200, (address, answer.getvalue())
    return answer.getvalue().decode()


def test_there_are_many_of_them() -> None:
    assert len(set(addresses())) > 25


def as_spreadsheets_split(body: str, separator: str) -> Iterator[str]:
    """Cells as Excel reads them: a quotation mark counts at the start of a cell only."""
    yield from (cell for row in csv.reader(io.StringIO(body, newline=""), delimiter=separator) for cell in row)


@pytest.mark.parametrize("address", list(addresses()))
def test_no_cell_is_a_formula_and_every_number_is_one(world: None, as_alice: Client, address: str) -> None:
    body = body_of(as_alice, address)
    for separator in ",;|\t":
        for cell in as_spreadsheets_split(body, separator):
            assert not FORMULA.match(cell) or NUMBER.match(cell), (separator, cell)
    for cell in as_spreadsheets_split(body, ","):
        assert not NUMBER.fullmatch(cell.removeprefix("'")) or not cell.startswith("'"), cell


@pytest.mark.parametrize("dialect", ["", "excel", "excel-comma"])
@pytest.mark.parametrize("of", [*TABLES, *REPORTS])
def test_nor_is_one_of_an_export(world: None, alice: User, export_folder: Path, of: str, dialect: str) -> None:
    days = {name: [day] for name, day in DAYS.items()} if of in REPORTS else {}
    body = content_of(export(alice, of, "csv", parameters=days, dialect=dialect)).decode("utf-8-sig")
    for separator in ",;|\t":
        for cell in as_spreadsheets_split(body, separator):
            assert not FORMULA.match(cell) or NUMBER.match(cell), (separator, cell)


def test_a_fall_is_a_number(world: None, as_alice: Client) -> None:
    body = body_of(as_alice, reverse("reporting:report_section", args=["key-figures"]))
    spend = next(row for row in csv.DictReader(io.StringIO(body)) if "Spend" in row.values())
    assert any(value.startswith("-") and Decimal(value) < -50 for value in spend.values()), spend


@given(st.lists(st.text("a ='\"@+-;,|\t\r\n＝1", max_size=8), min_size=1, max_size=4))
def test_no_text_becomes_a_formula_whatever_separates_the_cells(texts: list[str]) -> None:
    lines = io.StringIO(newline="")
    csv.writer(lines).writerow([7, *map(safe_cell, texts)])
    for separator in ",;|\t":
        assert not any(map(FORMULA.match, as_spreadsheets_split(lines.getvalue(), separator)))


@given(st.decimals(allow_nan=False, allow_infinity=False) | st.integers() | st.floats(allow_nan=False))
def test_a_number_stays_a_number(number: Any) -> None:
    if not isinstance(number, float) or abs(number) != float("inf"):
        assert type(number)(str(safe_cell(number))) == number
