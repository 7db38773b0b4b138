"""Rows as files to download, however many there are: CSV is sent while it is read, XLSX is made on disk first.

No cell of either is a formula to a spreadsheet. Neither keeps more than a few thousand rows in memory.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import IO, Final, TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import FileResponse, StreamingHttpResponse
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

MEDIA_TYPES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# Where text needs an apostrophe so that no spreadsheet takes a cell for a formula: at its start, and after each
# character that may separate cells where it is opened, since a quotation mark inside a cell protects nothing there.
# Python and PostgreSQL read this pattern alike. Source: OWASP, "CSV Injection", read 2026-11-21.
FORMULA_START: Final = r'^(?=[-=+@＝＋－＠\t\r\n])|(?<=[,;|\t\r\n])(?="*[-=+@＝＋－＠])'
_FORMULA_START: Final = re.compile(FORMULA_START)
_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"
_ROWS_AT_ONCE: Final = 2000
# The most that a sheet can hold; the next one takes further rows. Source: Microsoft, "Excel specifications and limits".
_ROWS_PER_SHEET: Final = 1_048_576
# Spreadsheets keep 15 digits: what names something must keep all of its own.
_TOO_LONG_FOR_A_NUMBER: Final = 10**15
_MAX_TEXT_LENGTH: Final = 32_767
# Most cells are these, which CSV takes as they are.
_NEEDS_NOTHING: Final = {int, date, type(None)}

Rows = Iterable[Sequence[object]]
Item = TypeVar("Item")


def download(file_format: str, name: str, header: Sequence[str], rows: Rows) -> StreamingHttpResponse:
    """A file `name`.csv or `name`.xlsx."""
    if file_format == "xlsx":
        return _xlsx_download(name, header, rows)
    return sent_as(f"{name}.csv", f"{MEDIA_TYPES['csv']}; charset=utf-8", _csv(header, rows))


def sent_as(file_name: str, content_type: str, chunks: Iterator[bytes]) -> StreamingHttpResponse:
    """A file that is sent while it is made; closing the response closes what makes it."""
    response = StreamingHttpResponse(chunks, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response["Cache-Control"] = "no-store"
    return response


def in_pieces(rows: QuerySet[Model, Item]) -> Iterator[Item]:
    """Rows through a cursor of PostgreSQL's: inside a transaction it need not keep them all first."""
    with transaction.atomic():
        yield from rows.iterator(chunk_size=_ROWS_AT_ONCE)


def safe_cell(value: object) -> object:
    """A value as CSV has it: no text in it is a formula to a spreadsheet, and every number is one."""
    as_text = _as_text(value)
    # Only what people write can be a formula: a number that is below 0 is none.
    return _FORMULA_START.sub("'", str(as_text)) if isinstance(value, str | list | dict) else as_text


def _as_text(value: object) -> object:
    """A value as text where a file has no kind of its own for it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime(_INSTANT)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


# --- CSV ---


def _csv(header: Sequence[str], rows: Rows) -> Iterator[bytes]:
    """The header at once, so that a download begins before its first rows are read."""
    lines: list[str] = []
    writer = csv.writer(_Lines(lines))
    writer.writerow(header)
    yield lines.pop().encode()
    for row in rows:
        writer.writerow([value if type(value) in _NEEDS_NOTHING else safe_cell(value) for value in row])
        if len(lines) >= _ROWS_AT_ONCE:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


class _Lines:
    """A file that is a list of lines."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


# --- XLSX ---


def _xlsx_download(name: str, header: Sequence[str], rows: Rows) -> FileResponse:
    """A spreadsheet is a zip archive and ends with its table of contents: nothing of it can be sent before."""
    file = TemporaryFile()  # noqa: SIM115 (the response closes it)
    try:
        _write_workbook(file, header, rows)
        file.seek(0)
        response = FileResponse(file, as_attachment=True, filename=f"{name}.xlsx", content_type=MEDIA_TYPES["xlsx"])
    except BaseException:
        file.close()
        raise
    response["Cache-Control"] = "no-store"
    return response


def _write_workbook(file: IO[bytes], header: Sequence[str], rows: Rows) -> None:
    with Workbook(file, {"constant_memory": True}) as book:
        formats = {kind: book.add_format({"num_format": text}) for kind, text in _FORMATS.items()}
        bold = book.add_format({"bold": True})
        sheet, number = _sheet(book, header, bold), 1
        for row in rows:
            if number >= _ROWS_PER_SHEET:
                sheet, number = _sheet(book, header, bold), 1
            for column, value in enumerate(row):
                _write_cell(sheet, number, column, value, formats)
            number += 1


def _sheet(book: Workbook, header: Sequence[str], bold: Format) -> Worksheet:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(header):
        sheet.write_string(0, column, name, bold)
    return sheet


_FORMATS: Final = {date: "yyyy-mm-dd", datetime: "yyyy-mm-dd hh:mm:ss"}


def _write_cell(sheet: Worksheet, row: int, column: int, value: object, formats: dict[type[date], Format]) -> None:
    """Text is written as text, so none of it is a formula or a link."""
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | Decimal) and -_TOO_LONG_FOR_A_NUMBER < value < _TOO_LONG_FOR_A_NUMBER:
        sheet.write_number(row, column, float(value))
    elif isinstance(value, datetime):
        sheet.write_datetime(row, column, value.astimezone(UTC).replace(tzinfo=None), formats[datetime])
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, formats[date])
    else:
        sheet.write_string(row, column, str(_as_text(value))[:_MAX_TEXT_LENGTH])
