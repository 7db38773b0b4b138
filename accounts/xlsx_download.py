"""Rows as a spreadsheet, written row by row to a temporary file that is gone once it is sent."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import Any, Final

import xlsxwriter
from django.http import FileResponse

_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Writing takes about ten seconds for so many rows, while somebody waits; CSV has no such end.
MOST_ROWS: Final = 100_000


def xlsx_download(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> FileResponse:
    """A file to download. Text is written as text, so none of it is a formula or a link."""
    file = TemporaryFile()  # noqa: SIM115 (the response closes it)
    try:
        _write(file, header, rows)
        file.seek(0)
        response = FileResponse(file, as_attachment=True, filename=name, content_type=_TYPE)
    except BaseException:
        file.close()
        raise
    response["Cache-Control"] = "no-store"
    return response


def _write(file: Any, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        formats = {kind: book.add_format({"num_format": text}) for kind, text in _FORMATS.items()}
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, header, book.add_format({"bold": True}))
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                _write_cell(sheet, number, column, value, formats)


_FORMATS: Final = {date: "yyyy-mm-dd", datetime: "yyyy-mm-dd hh:mm:ss"}


def _write_cell(sheet: Any, row: int, column: int, value: Any, formats: dict[type[date], Any]) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    # Spreadsheets keep 15 digits: what names something must keep all of its own.
    elif isinstance(value, int | Decimal) and -(10**15) < value < 10**15:
        sheet.write_number(row, column, float(value))
    elif isinstance(value, datetime):
        sheet.write_datetime(row, column, value.astimezone(UTC).replace(tzinfo=None), formats[datetime])
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, formats[date])
    else:
        sheet.write_string(row, column, str(value)[:32_767])
