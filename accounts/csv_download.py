"""Rows as a CSV file that is sent while it is read, however many there are."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.http import StreamingHttpResponse

# A spreadsheet takes a cell that begins so for a formula. Source: OWASP, "CSV Injection", read 2026-11-21.
_STARTS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_download(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """A file to download; no cell of it is a formula to a spreadsheet."""
    response = StreamingHttpResponse(_lines(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def _lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run gets an apostrophe in front; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS_A_FORMULA) else value


class _Echo:
    """Gives back what a writer writes, instead of keeping it."""

    def write(self, line: str) -> str:
        return line
