"""Rows as files: no formulas, bounded memory, begun at once, given up when nobody reads on."""

import csv
import io
import re
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zipfile import ZipFile

import pytest
from django.db import connection

from accounts.models import AdAccount
from accounts.shell import downloads
from accounts.shell.downloads import download, safe_cell
from tests.builders import make_ad_account

# Closing an answer looks whether an open connection to the database is still of use.
pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 19)


def text_of(rows: list[list[Any]]) -> list[list[str]]:
    """The cells of a CSV file below its header."""
    response = download("csv", "some", ["one"], rows)
    return list(csv.reader(io.StringIO(response.getvalue().decode(), newline="")))[1:]


def sheets_of(header: list[str], rows: list[list[Any]]) -> list[str]:
    with closing(download("xlsx", "some", header, rows)) as response:
        content = io.BytesIO(response.getvalue())
    with ZipFile(content) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith("xl/worksheets/sheet"))
        return [archive.read(name).decode() for name in names]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t1", "\r1", "\n1", "＝1"])
def test_a_cell_that_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ('x;=HYPERLINK("http://evil")', 'x;\'=HYPERLINK("http://evil")'),
        ('x;"=1', "x;'\"=1"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("x|=1,-1\n@1", "x|'=1,'-1\n'@1"),
        ("Berlin, -20 %; a = b", "Berlin, -20 %; a = b"),
    ],
)
def test_nor_is_what_another_separator_would_make_a_cell(text: str, cell: str) -> None:
    assert safe_cell(text) == cell


@pytest.mark.parametrize("value", ["plain", "a=b", "", " =1", -5, None])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert safe_cell(value) == value


def test_every_kind_of_value_has_one_spelling_in_csv() -> None:
    values = [
        7,
        Decimal("0E-10"),
        DAY,
        datetime(2026, 11, 19, 12, 0, 5, 7, tzinfo=UTC),
        True,
        False,
        None,
        ["A", "B"],
        [],
        {"ö": [1]},
        "=1",
        'a "b", c\nd',
    ]
    assert text_of([values]) == [
        [
            "7",
            "0.0000000000",
            "2026-11-19",
            "2026-11-19T12:00:05Z",
            "true",
            "false",
            "",
            "A, B",
            "",
            '{"ö": [1]}',
            "'=1",
            'a "b", c\nd',
        ],
    ]


def test_a_spreadsheet_tells_numbers_days_and_instants_from_text() -> None:
    noon_in_utc = datetime(2026, 11, 19, 14, tzinfo=timezone(timedelta(hours=2)))
    [sheet] = sheets_of(
        ["a"], [[7, Decimal("2.50"), DAY, noon_in_utc, True, 10**15, "=1+1", "https://x.example", None]]
    )
    serial = DAY.toordinal() - 693594
    for cell in ("<v>7</v>", "<v>2.5</v>", f"<v>{serial}</v>", f"<v>{serial}.5</v>", ">1000000000000000<", ">=1+1<"):
        assert cell in sheet
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


def test_ids_are_text_and_columns_show_what_is_in_them() -> None:
    """Numbers that are ids would be added up and rounded, and days in narrow columns are ######."""
    header = ["id", "campaign_id", "key", "clicks", "date", "fetched_at", "name"]
    late = [[1, 600000001, 7, 8, None, None, "x" * 90]] * 250
    [sheet] = sheets_of(header, [*late, [2, 3, "a", 4, DAY, datetime(2026, 11, 19, 12, tzinfo=UTC), None]])
    for cell in (">600000001</t>", ">7</t>", "<v>8</v>", "<v>4</v>"):
        assert cell in sheet
    assert "<v>600000001</v>" not in sheet
    assert 'numberStoredAsText="1"' in sheet
    widths = [float(width) for width in re.findall(r'<col min="\d+" max="\d+" width="([\d.]+)"', sheet)]
    assert len(widths) >= 4
    assert widths[-3] >= 11
    assert widths[-2] >= 19
    assert widths[-1] <= 62


def test_a_workbook_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    def rows() -> Iterator[list[Any]]:
        yield [1]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        downloads.write_workbook(io.BytesIO(), ["id"], rows(), temporary_folder=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_more_rows_than_a_sheet_holds_go_on_in_the_next_one() -> None:
    with patch.object(downloads, "_ROWS_PER_SHEET", 3):
        sheets = sheets_of(["number"], [[number] for number in range(5)])
    assert [sheet.count("<row ") for sheet in sheets] == [3, 3, 2]
    assert all("number" in sheet for sheet in sheets)


def test_a_spreadsheet_without_rows_has_its_header() -> None:
    [sheet] = sheets_of(["number"], [])
    assert sheet.count("<row ") == 1


def test_csv_begins_before_its_first_row_is_read() -> None:
    def rows() -> Iterator[list[Any]]:
        raise AssertionError
        yield []

    response: Any = download("csv", "some", ["id", "name"], rows())
    chunks = iter(response.streaming_content)
    assert next(chunks) == b"id,name\r\n"


def test_rows_are_given_back_when_nobody_reads_on() -> None:
    given_back: list[bool] = []

    def rows() -> Iterator[list[Any]]:
        try:
            while True:
                yield [1]
        finally:
            given_back.append(True)

    response: Any = download("csv", "some", ["id"], rows())
    chunks = iter(response.streaming_content)
    assert next(chunks)
    assert next(chunks)
    assert not given_back
    response.close()
    assert given_back


@pytest.mark.slow
@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_memory_does_not_grow_with_the_rows(file_format: str) -> None:
    """A hundred thousand cells are some 10 MB where they are all kept."""

    def rows() -> Iterator[list[Any]]:
        for number in range(20_000):
            yield [number, f"Campaign {number}", DAY, None, True]

    tracemalloc.start()
    response: Any = download(file_format, "many", ["id", "name", "day", "nothing", "is_so"], rows())
    with closing(response):
        size = sum(len(chunk) for chunk in response.streaming_content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 300_000
    assert peak < 4_000_000


@pytest.mark.django_db
def test_rows_come_through_a_cursor_of_the_server() -> None:
    """And through one that ends with its transaction: a holdable one would copy the result first."""
    make_ad_account()
    make_ad_account()
    rows: Any = downloads.in_pieces(AdAccount.objects.order_by("pk"))
    with patch.object(downloads, "_ROWS_AT_ONCE", 1), connection.cursor() as cursor:
        assert next(rows)
        cursor.execute("SELECT count(*) FILTER (WHERE NOT is_holdable), count(*) FROM pg_cursors")
        assert cursor.fetchone() == (1, 1)
        rows.close()
        cursor.execute("SELECT count(*) FROM pg_cursors")
        assert cursor.fetchone() == (0,)
