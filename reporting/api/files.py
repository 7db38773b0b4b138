"""Files of the API: whole tables as PostgreSQL writes them, and NDJSON; `accounts/shell/downloads.py` has the rest.

COPY writes CSV and JSON several times as fast as Python, and sends the first row as soon as it has one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import CharField, Expression, F, Func, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.http import StreamingHttpResponse
from rest_framework.utils.encoders import JSONEncoder

from accounts.shell import downloads
from accounts.shell.downloads import FORMULA_START, Rows, in_pieces, sent_as

MEDIA_TYPES: Final = {**downloads.MEDIA_TYPES, "ndjson": "application/x-ndjson"}
_PIECE_BYTES: Final = 65_536
_TO_CSV: Final = "COPY ({rows}) TO STDOUT WITH (FORMAT csv)"
# JSON contains these two characters only as escapes, so using them as delimiter and quote leaves each line as it is.
_TO_NDJSON: Final = (
    "COPY (SELECT row_to_json(line) FROM ({rows}) AS line ({names}))"
    r" TO STDOUT WITH (FORMAT csv, DELIMITER E'\x02', QUOTE E'\x01')"
)
# What `_defused` does, at half the price: most texts hold none of these characters, and then nothing is replaced.
_DEFUSED_COLUMN: Final = f"""
CASE WHEN strpos(%(expressions)s, '=') + strpos(%(expressions)s, '+') + strpos(%(expressions)s, '-')
          + strpos(%(expressions)s, '@') > 0
       OR ascii(%(expressions)s) < 32 OR octet_length(%(expressions)s) > length(%(expressions)s)
     THEN regexp_replace(%(expressions)s, '{FORMULA_START}', '''', 'g') ELSE %(expressions)s END
"""
_INSTANT: Final = 'YYYY-MM-DD"T"HH24:MI:SS'


class ExactJSON(JSONEncoder):
    """Decimals as strings with all their places, as the API's serializers write them."""

    def default(self, obj: object) -> object:
        return f"{obj:f}" if isinstance(obj, Decimal) else super().default(obj)


def download(file_format: str, name: str, header: Sequence[str], rows: Rows) -> StreamingHttpResponse:
    """A file of rows that are produced while they are sent."""
    if file_format == "ndjson":
        return _sent(file_format, name, _ndjson(header, rows))
    return downloads.download(file_format, name, header, rows)


def download_table(
    file_format: str, name: str, columns: Mapping[str, str], queryset: QuerySet[models.Model]
) -> StreamingHttpResponse:
    """A file of a query's rows; `columns` maps each name in the file to what is selected for it."""
    if file_format == "xlsx":
        rows = in_pieces(queryset.values_list(*columns.values()))
        return downloads.download(file_format, name, list(columns), rows)
    copied = {"csv": _copied_csv, "ndjson": _copied_ndjson}[file_format]
    return _sent(file_format, name, copied(columns, queryset))


def _sent(file_format: str, name: str, chunks: Iterator[bytes]) -> StreamingHttpResponse:
    return sent_as(f"{name}.{file_format}", f"{MEDIA_TYPES[file_format]}; charset=utf-8", chunks)


def _ndjson(header: Sequence[str], rows: Rows) -> Iterator[bytes]:
    encode = ExactJSON(ensure_ascii=False, separators=(",", ":")).encode
    lines = (f"{encode(dict(zip(header, row, strict=True)))}\n".encode() for row in rows)
    yield from _joined(lines)


# --- by PostgreSQL ---


def _copied_csv(columns: Mapping[str, str], queryset: QuerySet[models.Model]) -> Iterator[bytes]:
    yield f"{','.join(columns)}\n".encode()
    yield from _copied(_TO_CSV, columns, queryset, _as_csv)


def _copied_ndjson(columns: Mapping[str, str], queryset: QuerySet[models.Model]) -> Iterator[bytes]:
    return _copied(_TO_NDJSON, columns, queryset, _as_json)


def _copied(
    statement: str,
    columns: Mapping[str, str],
    queryset: QuerySet[models.Model],
    expression: Callable[[type[models.Model], str], str | Expression],
) -> Iterator[bytes]:
    expressions = [expression(queryset.model, source) for source in columns.values()]
    try:
        rows, params = queryset.values_list(*expressions).query.sql_with_params()
    except EmptyResultSet:
        return
    names = ", ".join(map(connection.ops.quote_name, columns))
    # psycopg's own cursor: Django's wrapper for DEBUG takes no parameters here.
    with connection.cursor() as cursor, cursor.cursor.copy(statement.format(rows=rows, names=names), params) as lines:
        yield from _joined(lines)


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Fewer, larger pieces."""
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= _PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


# --- how columns are written ---


def _as_csv(model: type[models.Model], source: str) -> str | Expression:
    """As `downloads` writes them."""
    field = _field(model, source)
    if isinstance(field, models.DateTimeField):
        return _to_char(source, f"'{_INSTANT}\"Z\"'")
    if isinstance(field, models.BooleanField):
        return Cast(source, TextField())
    if field.get_internal_type() == "ArrayField":
        return _defused(Func(F(source), Value(", "), function="array_to_string", output_field=TextField()))
    if isinstance(field, models.JSONField):
        return _defused(Cast(source, TextField()))
    if isinstance(field, TextField | CharField) and not field.choices:
        return Func(F(source), template=_DEFUSED_COLUMN, output_field=TextField())
    return source


def _as_json(model: type[models.Model], source: str) -> str | Expression:
    """As `ExactJSON` writes them: times with microseconds where they have any."""
    field = _field(model, source)
    if isinstance(field, models.DateTimeField):
        is_whole = "date_trunc('second', %(expressions)s) = %(expressions)s"
        return _to_char(source, f"CASE WHEN {is_whole} THEN '{_INSTANT}\"Z\"' ELSE '{_INSTANT}.US\"Z\"' END")
    return Cast(source, TextField()) if isinstance(field, models.DecimalField) else source


def _field(model: type[models.Model], source: str) -> "models.Field[object, object]":
    """The field at the end of a path; for a generated one, the field of its values."""
    *path, name = source.split("__")
    for step in path:
        model = model._meta.get_field(step).related_model  # type: ignore[assignment]
    field = model._meta.get_field(name)
    if isinstance(field, models.ForeignKey):
        field = field.target_field
    assert isinstance(field, models.Field)
    return (field.output_field or field) if isinstance(field, models.GeneratedField) else field


def _to_char(source: str, pattern: str) -> Func:
    template = f"to_char(%(expressions)s AT TIME ZONE 'UTC', {pattern})"
    return Func(F(source), template=template, output_field=TextField())


def _defused(value: str | Expression | F) -> Func:
    """What `safe_cell` does, in SQL."""
    arguments = (Cast(value, TextField()), Value(FORMULA_START), Value("'"), Value("g"))
    return Func(*arguments, function="regexp_replace", output_field=TextField())
