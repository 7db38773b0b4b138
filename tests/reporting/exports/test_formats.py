"""Every format holds the same rows: as the pages of the API have them, exact, typed where the format has types."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from reporting.exports.contents import REPORTS, TABLES
from reporting.models import Export
from tests import builders
from tests.builders import DAY
from tests.conftest import signed_in
from tests.reporting.api.asking import get
from tests.reporting.exports.exporting import (
    content_of,
    csv_rows,
    export,
    json_rows,
    parquet_rows,
    parquet_types,
    sheets,
    unpacked,
)

pytestmark = pytest.mark.django_db

FORMATS = Export.Format.values
NAME = 'Größe, "quoted"; 🎯\nand more'


@pytest.fixture
def world(alice: User) -> None:
    account = builders.make_ad_account(name="=HYPERLINK(1)")
    campaign = builders.make_campaign(account=account, name=NAME, serving_statuses=["A", "B"])
    creative = builders.make_creative(campaign=campaign, content_name="")
    for number in range(3):
        builders.make_campaign_day(campaign=campaign, date=DAY - timedelta(days=number), spend=Decimal("0.1234567891"))
    builders.make_creative_day(creative=creative)
    builders.make_segment(account=account)
    builders.make_finding(campaign=campaign)
    builders.make_rejected_record(run=builders.make_sync_run(account=account), payload={"a": [1, None]})


def records(one: Export) -> list[dict[str, Any]]:
    """The rows of a file as texts."""
    content = content_of(one)
    content = unpacked(content) if one.file_format.endswith(".gz") else content
    if one.file_format.startswith("ndjson"):
        return json_rows(content)
    return csv_rows(content) if one.file_format.startswith("csv") else parquet_rows(one)


@pytest.mark.parametrize("of", TABLES)
def test_every_list_in_every_format(alice: User, world: None, of: str) -> None:
    shown = get(signed_in(alice), of)["results"]
    for file_format in FORMATS:
        one = export(alice, of, file_format)
        assert (one.state, one.trouble) == ("written", "")
        assert (one.rows, one.rows_expected, one.size_bytes) == (len(shown), len(shown), len(content_of(one)))
        if file_format == "xlsx":
            assert sheets(content_of(one))[0].count("<row ") == len(shown) + 1
            continue
        found = records(one)
        assert [list(row) for row in found] == [list(row) for row in shown]
        if file_format.startswith("ndjson"):
            assert sorted(found, key=str) == sorted(shown, key=str)


@pytest.mark.parametrize("of", REPORTS)
@pytest.mark.parametrize("file_format", FORMATS)
def test_every_report_in_every_format(alice: User, world: None, of: str, file_format: str) -> None:
    parameters = {"first_day": ["2026-11-17"], "last_day": ["2026-11-19"]}
    if "performance" in of:
        parameters |= {"metrics": ["impressions,spend,ctr_percent"], "compare": ["previous"], "group_by": ["campaign"]}
    one = export(alice, of, file_format, parameters=parameters)
    assert (one.state, one.trouble) == ("written", "")
    assert one.rows >= 1
    if file_format == "parquet" and "performance" in of:
        [row] = parquet_rows(one)
        assert (row["spend"], row["impressions"]) == (Decimal("0.3703703673"), 3000)
        assert (row["first_day"], row["is_partial"]) == (date(2026, 11, 17), False)


def test_a_parquet_file_has_types(alice: User, world: None) -> None:
    one = export(alice, "campaign-metrics", "parquet")
    kinds = parquet_types(one)
    assert kinds["campaign_id"] == "BIGINT"
    assert (kinds["spend"], kinds["ctr_percent"]) == ("DECIMAL(38,10)", "DECIMAL(38,10)")
    assert (kinds["date"], kinds["fetched_at"]) == ("DATE", "TIMESTAMP WITH TIME ZONE")
    row = parquet_rows(one)[0]
    assert row["spend"] == Decimal("0.1234567891")
    assert row["date"] in {DAY - timedelta(days=number) for number in range(3)}
    assert row["fetched_at"].astimezone(UTC) == datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_text_and_lists_come_whole(alice: User, world: None) -> None:
    [campaign] = parquet_rows(export(alice, "campaigns", "parquet"))
    assert (campaign["name"], campaign["serving_statuses"]) == (NAME, ["A", "B"])
    [creative] = parquet_rows(export(alice, "creatives", "parquet"))
    assert creative["creative_name"] == ""
    [record] = parquet_rows(export(alice, "rejected-records", "parquet"))
    assert record["payload"] == '{"a": [1, null]}'


def test_no_rows_are_a_file_too(alice: User) -> None:
    for file_format in FORMATS:
        one = export(alice, "campaigns", file_format)
        assert (one.state, one.rows, one.rows_expected) == ("written", 0, 0)
    assert parquet_types(export(alice, "campaigns", "parquet"))["id"] == "BIGINT"


@pytest.mark.parametrize(
    ("dialect", "separator", "spend"), [("excel", ";", "0,1234567891"), ("excel-comma", ",", "0.1234567891")]
)
def test_csv_for_excel(alice: User, world: None, dialect: str, separator: str, spend: str) -> None:
    content = content_of(export(alice, "campaign-metrics", "csv", dialect=dialect))
    assert content.startswith(b"\xef\xbb\xbf")
    row = csv_rows(content, separator)[0]
    assert row["spend"] == spend
    [campaign] = csv_rows(content_of(export(alice, "campaigns", "csv", dialect=dialect)), separator)
    assert campaign["name"] == NAME
    report = {"first_day": ["2026-11-17"], "last_day": ["2026-11-19"]}
    [line] = csv_rows(
        content_of(export(alice, "reports/performance", "csv", dialect=dialect, parameters=report)), separator
    )
    assert line["spend"] == ("0,3703703673" if separator == ";" else "0.3703703673")


def test_equal_rows_are_equal_files(alice: User, world: None) -> None:
    """So that a copy can be recognised by its digest."""
    for file_format in ("csv", "csv.gz", "ndjson", "ndjson.gz", "parquet"):
        first, second = (export(alice, "campaigns", file_format) for _ in range(2))
        assert first.digest == second.digest
