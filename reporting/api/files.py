"""Files of the API: whole tables as PostgreSQL writes them, and NDJSON; `accounts/shell/downloads.py` has the rest.

COPY writes CSV and JSON several times as fast as Python, and sends the first row as soon as it has one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import chain
from typing import Final, Literal

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import CharField, Expression, F, Func, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.http import StreamingHttpResponse
from rest_framework.utils.encoders import JSONEncoder

from accounts.shell import downloads
from accounts.shell.downloads import FORMULA_START, PLAIN, Dialect, Rows, in_pieces, sent_as

MEDIA_TYPES: Final = {**downloads.MEDIA_TYPES, "ndjson": "application/x-ndjson"}
_PIECE_BYTES: Final = 65_536
_TO_CSV: Final = "COPY ({rows}) TO STDOUT WITH (FORMAT csv, DELIMITER '{separator}')"
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


Kind = Literal["integer", "decimal", "day", "instant", "flag", "text", "list"]


@dataclass(frozen=True, slots=True)
class Table:
    """What a file of a list holds: for each name in the file what is selected for it, and the rows.

    `headers` say how recent and complete the figures are.
    """

    name: str
    columns: Mapping[str, str]
    queryset: QuerySet[models.Model]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lines:
    """What a file holds whose rows Python makes: `kinds` says of each column what its values are, where it is known."""

    name: str
    header: Sequence[str]
    rows: Rows
    headers: dict[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)


def download(file_format: str, contents: Table | Lines, *, dialect: Dialect = PLAIN) -> StreamingHttpResponse:
    """A file whose rows are read while they are sent."""
    response = _download(file_format, contents, dialect)
    for name, value in contents.headers.items():
        response[name] = value
    return response


def _download(file_format: str, contents: Table | Lines, dialect: Dialect) -> StreamingHttpResponse:
    if file_format == "xlsx" or (file_format == "csv" and isinstance(contents, Lines)):
        header, rows = header_and_rows(contents)
        return downloads.download(file_format, contents.name, header, rows, dialect=dialect)
    if file_format == "csv" and isinstance(contents, Table):
        # The header at once, so that a download begins before its first rows are read.
        pieces: Iterator[bytes] = chain([csv_header(contents, dialect)], joined(csv_lines(contents, dialect)))
    else:
        pieces = joined(ndjson_lines(contents))
    return sent_as(f"{contents.name}.{file_format}", f"{MEDIA_TYPES[file_format]}; charset=utf-8", pieces)


def header_and_rows(contents: Table | Lines) -> tuple[Sequence[str], Rows]:
    """As values of Python."""
    if isinstance(contents, Lines):
        return contents.header, contents.rows
    return list(contents.columns), in_pieces(contents.queryset.values_list(*contents.columns.values()))


def csv_header(contents: Table, dialect: Dialect = PLAIN) -> bytes:
    return dialect.start + f"{dialect.separator.join(contents.columns)}\n".encode()


def csv_lines(contents: Table, dialect: Dialect = PLAIN) -> Iterator[bytes]:
    """One line per row, as PostgreSQL writes them."""
    expression = partial(_as_csv, decimal_comma=dialect.decimal_comma)
    return _copied(_TO_CSV, contents, expression, separator=dialect.separator)


def ndjson_lines(contents: Table | Lines, *, is_flat: bool = False) -> Iterator[bytes]:
    """One line per row; flat ones have stored JSON as text."""
    if isinstance(contents, Table):
        return _copied(_TO_NDJSON, contents, partial(_as_json, is_flat=is_flat))
    encode = ExactJSON(ensure_ascii=False, separators=(",", ":")).encode
    return (f"{encode(dict(zip(contents.header, row, strict=True)))}\n".encode() for row in contents.rows)


def joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Fewer, larger pieces."""
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= _PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def kinds_of(contents: Table | Lines) -> dict[str, Kind]:
    """What the values of each column are, in their order."""
    if isinstance(contents, Lines):
        return {name: contents.kinds.get(name, "text") for name in contents.header}
    return {name: _kind(contents.queryset.model, source) for name, source in contents.columns.items()}


# --- by PostgreSQL ---


def _copied(
    statement: str,
    contents: Table,
    expression: Callable[[type[models.Model], str], str | Expression],
    *,
    separator: str = "",
) -> Iterator[bytes]:
    """One row at a time."""
    queryset = contents.queryset
    expressions = [expression(queryset.model, source) for source in contents.columns.values()]
    try:
        rows, params = queryset.values_list(*expressions).query.sql_with_params()
    except EmptyResultSet:
        return
    names = ", ".join(map(connection.ops.quote_name, contents.columns))
    copy = statement.format(rows=rows, names=names, separator=separator)
    # psycopg's own cursor: Django's wrapper for DEBUG takes no parameters here.
    with connection.cursor() as cursor, cursor.cursor.copy(copy, params) as lines:
        yield from map(bytes, lines)


# --- how columns are written ---


def _as_csv(model: type[models.Model], source: str, *, decimal_comma: bool) -> str | Expression:
    """As `downloads` writes them."""
    field = _field(model, source)
    if decimal_comma and isinstance(field, models.DecimalField):
        return _with_comma(F(source))
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


def _as_json(model: type[models.Model], source: str, *, is_flat: bool) -> str | Expression:
    """As `ExactJSON` writes them: times with microseconds where they have any."""
    field = _field(model, source)
    if is_flat and isinstance(field, models.JSONField):
        return Cast(source, TextField())
    if isinstance(field, models.DateTimeField):
        is_whole = "date_trunc('second', %(expressions)s) = %(expressions)s"
        return _to_char(source, f"CASE WHEN {is_whole} THEN '{_INSTANT}\"Z\"' ELSE '{_INSTANT}.US\"Z\"' END")
    return Cast(source, TextField()) if isinstance(field, models.DecimalField) else source


def _with_comma(value: Expression | F) -> Func:
    return Func(Cast(value, TextField()), Value("."), Value(","), function="replace", output_field=TextField())


_KINDS: Final[Mapping[type["models.Field[object, object]"], Kind]] = {
    models.DateTimeField: "instant",
    models.DateField: "day",
    models.BooleanField: "flag",
    models.DecimalField: "decimal",
    models.IntegerField: "integer",
    ArrayField: "list",
}


def _kind(model: type[models.Model], source: str) -> Kind:
    found = _field(model, source)
    return next((kind for of, kind in _KINDS.items() if isinstance(found, of)), "text")


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
