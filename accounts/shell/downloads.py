"""Rows as files: CSV is sent while it is read, XLSX is made on disk first.

No cell of either is a formula to a spreadsheet. Neither keeps more than a few thousand rows in memory.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Final, Protocol, TypeVar

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
# The most rows that are sent while somebody waits; more are written by a worker, as an export.
MAX_DIRECT_ROWS: Final = 50_000
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


class Sink(Protocol):
    """Where a file is written to, from its first byte to its last."""

    def write(self, data: bytes, /) -> object: ...

    def flush(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is spelt."""

    separator: str = ","
    has_byte_order_mark: bool = False
    decimal_comma: bool = False

    @property
    def start(self) -> bytes:
        return b"\xef\xbb\xbf" if self.has_byte_order_mark else b""


PLAIN: Final = Dialect()
# Without the byte order mark Excel takes UTF-8 for the system's own encoding. It splits at the separator of the
# system's language, semicolons where decimals have a comma; a line `sep=;` would make it ignore the mark.
DIALECTS: Final[Mapping[str, Dialect]] = {
    "excel": Dialect(";", has_byte_order_mark=True, decimal_comma=True),
    "excel-comma": Dialect(",", has_byte_order_mark=True),
}


def download(
    file_format: str, name: str, header: Sequence[str], rows: Rows, *, dialect: Dialect = PLAIN
) -> StreamingHttpResponse:
    """A file `name`.csv or `name`.xlsx."""
    if file_format == "xlsx":
        return _xlsx_download(name, header, rows)
    return sent_as(f"{name}.csv", f"{MEDIA_TYPES['csv']}; charset=utf-8", csv_pieces(header, rows, dialect))


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


def csv_pieces(header: Sequence[str], rows: Rows, dialect: Dialect = PLAIN) -> Iterator[bytes]:
    """The header at once, so that a download begins before its first rows are read."""
    lines: list[str] = []
    cell = _cell_with_comma if dialect.decimal_comma else safe_cell
    writer = csv.writer(_Lines(lines), delimiter=dialect.separator)
    writer.writerow(header)
    yield dialect.start + lines.pop().encode()
    for row in rows:
        writer.writerow([value if type(value) in _NEEDS_NOTHING else cell(value) for value in row])
        if len(lines) >= _ROWS_AT_ONCE:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


def _cell_with_comma(value: object) -> object:
    cell = safe_cell(value)
    return str(cell).replace(".", ",") if isinstance(value, Decimal | float) else cell


class _Lines:
    """A file that is a list of lines."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


# --- XLSX ---


def _xlsx_download(name: str, header: Sequence[str], rows: Rows) -> FileResponse:
    """A spreadsheet is a zip archive and ends with its table of contents: nothing of it can be sent before."""
    file = TemporaryFile()  # noqa: SIM115 (the response closes it)
    try:
        write_workbook(file, header, rows)
        file.seek(0)
        response = FileResponse(file, as_attachment=True, filename=f"{name}.xlsx", content_type=MEDIA_TYPES["xlsx"])
    except BaseException:
        file.close()
        raise
    response["Cache-Control"] = "no-store"
    return response


def write_workbook(file: Sink, header: Sequence[str], rows: Rows, *, temporary_folder: str | None = None) -> None:
    """A spreadsheet; its sheets are first written to files in `temporary_folder`, many times as large as the result."""
    with TemporaryDirectory(dir=temporary_folder) as folder:
        book = Workbook(file, {"constant_memory": True, "use_zip64": True, "tmpdir": folder})
        try:
            _write_sheets(book, header, rows)
        except BaseException:
            # Closing the book would pack what there is.
            for sheet in book.worksheets():
                sheet._opt_close()
            raise
        book.close()


def _write_sheets(book: Workbook, header: Sequence[str], rows: Rows) -> None:
    formats = {kind: book.add_format({"num_format": text}) for kind, text in _FORMATS.items()}
    bold = book.add_format({"bold": True})
    ids = frozenset(column for column, name in enumerate(header) if _names_something(name))
    sheet = _Sheet(book, header, bold)
    for row in rows:
        if sheet.is_full:
            sheet.end()
            sheet = _Sheet(book, header, bold)
        sheet.add(row, ids, formats)
    sheet.end()


def _names_something(column: str) -> bool:
    """Whether its numbers name rows: to a spreadsheet they are text, which it neither rounds, adds up nor groups."""
    return column in {"id", "key"} or column.endswith("_id")


class _Sheet:
    """One sheet of a workbook; its columns become as wide as what is in them."""

    def __init__(self, book: Workbook, header: Sequence[str], bold: Format) -> None:
        self._sheet: Worksheet = book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        # Without it, every cell of an id has a warning.
        self._sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{_ROWS_PER_SHEET}"})
        self._widths = {at: min(max(len(name) + 2, _NARROWEST), _WIDEST) for at, name in enumerate(header)}
        self._rows = 1
        for column, name in enumerate(header):
            self._sheet.write_string(0, column, name, bold)

    @property
    def is_full(self) -> bool:
        return self._rows >= _ROWS_PER_SHEET

    def add(self, row: Sequence[object], ids: frozenset[int], formats: Mapping[type[date], Format]) -> None:
        for column, value in enumerate(row):
            if column in ids and isinstance(value, int):
                value = str(value)
            _write_cell(self._sheet, self._rows, column, value, formats)
            if value is not None and (self._rows < _ROWS_MEASURED or isinstance(value, date)):
                self._widths[column] = max(self._widths.get(column, _NARROWEST), _width(value))
        self._rows += 1

    def end(self) -> None:
        for column, width in self._widths.items():
            self._sheet.set_column(column, column, width)


_FORMATS: Final[Mapping[type[date], str]] = {date: "yyyy-mm-dd", datetime: "yyyy-mm-dd hh:mm:ss"}
# Columns, in characters: days and instants need theirs, or Excel shows ######.
_NARROWEST, _WIDEST, _ROWS_MEASURED = 8, 60, 200


def _width(value: object) -> int:
    if isinstance(value, datetime):
        return 20
    if isinstance(value, date):
        return 12
    return min(len(str(_as_text(value))) + 2, _WIDEST)


def _write_cell(sheet: Worksheet, row: int, column: int, value: object, formats: Mapping[type[date], Format]) -> None:
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
