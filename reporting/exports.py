"""Rows as files: CSV, XLSX and NDJSON, sent while they are read, so that memory does not grow with them.

No cell of a CSV or XLSX file is a formula to a spreadsheet.
"""

import csv
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection, models, transaction
from django.db.models import Case, CharField, F, Func, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Concat
from django.http import StreamingHttpResponse
from rest_framework.utils.encoders import JSONEncoder
from xlsxwriter import Workbook

from accounts.csv_download import safe_cell

MEDIA_TYPES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ndjson": "application/x-ndjson",
}
_CHUNK: Final = 65_536
_ROWS_AT_ONCE: Final = 2000
# A sheet ends there; the rows go on in the next one. Source: Microsoft, "Excel specifications and limits".
_ROWS_PER_SHEET: Final = 1_048_576
_STARTS_A_FORMULA: Final = r"^[=+\-@\t\r]"
_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"

Rows = Iterable[Sequence[Any]]


class ExactJSON(JSONEncoder):
    """Decimals as strings with every place they have, as the API's serializers write them."""

    def default(self, obj: Any) -> Any:
        return f"{obj:f}" if isinstance(obj, Decimal) else super().default(obj)


def download(file_format: str, name: str, header: Sequence[str], rows: Rows) -> StreamingHttpResponse:
    """A file of rows that are made while they are sent."""
    return _response(file_format, name, _WRITERS[file_format](header, rows))


def download_table(
    file_format: str, name: str, columns: dict[str, str], queryset: QuerySet[Any]
) -> StreamingHttpResponse:
    """A file of a query's rows; `columns` are the names in the file and what to select for each.

    CSV comes from PostgreSQL as it is; the others pass through here, a few thousand rows at a time.
    """
    if file_format == "csv":
        return _response("csv", name, _copied(columns, queryset))
    return download(file_format, name, list(columns), _streamed(columns, queryset))


def _response(file_format: str, name: str, chunks: Iterator[bytes]) -> StreamingHttpResponse:
    content_type = MEDIA_TYPES[file_format]
    if file_format != "xlsx":
        content_type += "; charset=utf-8"
    response = StreamingHttpResponse(chunks, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.{file_format}"'
    response["Cache-Control"] = "no-store"
    return response


# --- from the database ---


def _streamed(columns: dict[str, str], queryset: QuerySet[Any]) -> Iterator[tuple[Any, ...]]:
    """Through a cursor of the server; in a transaction, else PostgreSQL would first put the whole result aside."""
    with transaction.atomic():
        yield from queryset.values_list(*columns.values()).iterator(chunk_size=_ROWS_AT_ONCE)


def _copied(columns: dict[str, str], queryset: QuerySet[Any]) -> Iterator[bytes]:
    """COPY writes CSV several times as fast as Python does."""
    yield f"{','.join(columns)}\r\n".encode()
    expressions = [_as_text(queryset.model, source) for source in columns.values()]
    try:
        sql, params = queryset.values_list(*expressions).query.sql_with_params()
    except EmptyResultSet:
        return
    chunk = bytearray()
    statement = f"COPY ({sql}) TO STDOUT WITH (FORMAT csv)"
    # psycopg's own cursor: Django's wrapper for DEBUG takes no parameters here.
    with connection.cursor() as cursor, cursor.cursor.copy(statement, params) as copy:
        for row in copy:
            chunk += row
            if len(chunk) >= _CHUNK:
                yield bytes(chunk)
                chunk.clear()
    yield bytes(chunk)


def _as_text(model: type[models.Model], source: str) -> Any:
    """A column as the other formats would write it."""
    field = _field(model, source)
    if isinstance(field, models.DateTimeField):
        return Func(
            F(source),
            template="to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
            output_field=TextField(),
        )
    if isinstance(field, models.BooleanField):
        return Cast(source, TextField())
    if field.get_internal_type() == "ArrayField":
        return _defused(Func(F(source), Value(", "), function="array_to_string", output_field=TextField()))
    if isinstance(field, models.JSONField):
        return _defused(Cast(source, TextField()))
    if isinstance(field, TextField | CharField) and not field.choices:
        return _defused(F(source))
    return source


def _field(model: type[models.Model], source: str) -> Any:
    *path, name = source.split("__")
    for step in path:
        model = model._meta.get_field(step).related_model  # type: ignore[assignment]
    field = model._meta.get_field(name)
    return field.target_field if field.is_relation else field  # type: ignore[union-attr]


class _Matches(models.Lookup):
    """text ~ pattern, for an expression."""

    lookup_name = "matches"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} ~ {right}", [*left_params, *right_params]


def _defused(text: Any) -> Case:
    """What `safe_cell` does, in SQL."""
    text = Cast(text, TextField())
    return Case(
        When(_Matches(text, Value(_STARTS_A_FORMULA)), then=Concat(Value("'"), text, output_field=TextField())),
        default=text,
        output_field=TextField(),
    )


# --- into files ---


def _csv(header: Sequence[str], rows: Rows) -> Iterator[bytes]:
    lines: list[str] = []
    writer = csv.writer(_Lines(lines))
    writer.writerow(header)
    for row in rows:
        writer.writerow([safe_cell(_cell(value)) for value in row])
        if len(lines) >= _ROWS_AT_ONCE:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


class _Lines:
    """A file that is a list of lines."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


def _ndjson(header: Sequence[str], rows: Rows) -> Iterator[bytes]:
    encode = ExactJSON(ensure_ascii=False, separators=(",", ":")).encode
    lines: list[str] = []
    for row in rows:
        lines.append(encode(dict(zip(header, row, strict=True))))
        if len(lines) >= _ROWS_AT_ONCE:
            yield ("\n".join(lines) + "\n").encode()
            lines.clear()
    yield "".join(f"{line}\n" for line in lines).encode()


def _xlsx(header: Sequence[str], rows: Rows) -> Iterator[bytes]:
    """A spreadsheet is a zip archive and ends with its table of contents: it is made on disk, then sent."""
    with tempfile.TemporaryFile() as file:
        workbook = Workbook(
            file,
            {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "remove_timezone": True},
        )
        formats: dict[type, Any] = {
            date: workbook.add_format({"num_format": "yyyy-mm-dd"}),
            datetime: workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        at, sheet = _ROWS_PER_SHEET, None
        for row in rows:
            if at >= _ROWS_PER_SHEET:
                sheet, at = _sheet(workbook, header), 1
            for column, value in enumerate(row):
                _write(sheet, at, column, value, formats)
            at += 1
        if sheet is None:
            _sheet(workbook, header)
        workbook.close()
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


def _sheet(workbook: Any, header: Sequence[str]) -> Any:
    sheet = workbook.add_worksheet()
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, header)
    return sheet


def _write(sheet: Any, row: int, column: int, value: Any, formats: dict[type, Any]) -> None:
    if value is None:
        return
    if isinstance(value, date):
        sheet.write_datetime(row, column, value, formats[type(value)])
    elif isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    # Longer ids than a spreadsheet's numbers can hold would be rounded.
    elif isinstance(value, int | Decimal) and abs(Decimal(value)) < 10**15:
        sheet.write_number(row, column, float(value) if isinstance(value, Decimal) else value)
    else:
        sheet.write_string(row, column, str(_cell(value))[:32_767])


def _cell(value: Any) -> Any:
    """A value as text where CSV has no kind of its own for it."""
    if isinstance(value, datetime):
        return value.strftime(_INSTANT)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


_WRITERS: dict[str, Callable[[Sequence[str], Rows], Iterator[bytes]]] = {"csv": _csv, "xlsx": _xlsx, "ndjson": _ndjson}
