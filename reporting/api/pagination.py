"""Pages of a list: by number, or from a place in an index that stays right however deep one reads."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from django.core.exceptions import ValidationError as InvalidValue
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import F, Field, ForeignKey, Model, Q
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import BasePagination, PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from accounts.shell.request_values import MAX_PAGE_NUMBER, BadValue, whole_number
from reporting.queries.stored_columns import as_rows, named

PAGE_SIZE, MAX_PAGE_SIZE = 100, 1000
_SIZE_PARAMETER = {
    "name": "page_size",
    "in": "query",
    "required": False,
    "description": f"Rows per page: {PAGE_SIZE} by default, {MAX_PAGE_SIZE} at most.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE},
}
_PAGE_PARAMETER = {
    "name": "page",
    "in": "query",
    "required": False,
    "description": "Which page, from 1 on; one past the last is not found.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_NUMBER, "default": 1},
}
_AS_OF = {
    "data_as_of": {
        "type": ["string", "null"],
        "format": "date-time",
        "example": "2026-11-20T11:59:00Z",
        "description": "When the oldest last successful sync of the requested ad accounts began, UTC.",
    },
    "complete_through": {
        "type": ["string", "null"],
        "format": "date",
        "example": "2026-11-19",
        "description": "The last day through which all stored days match LinkedIn's own totals.",
    },
}
_STORED = {"first_day": "2026-11-01", "last_day": "2026-11-19"}
_COVERAGE = {
    **_STORED,
    "is_whole": True,
    "is_complete": True,
    "stored_since": "2026-08-22",
    "stored": [_STORED],
    "missing": [],
    "complete": [_STORED],
}


@dataclass(frozen=True, slots=True)
class Order:
    """Columns that an index holds in this order and that tell every row from every other."""

    columns: tuple[str, ...]
    descending: bool = False

    @property
    def order_by(self) -> list[str]:
        return [f"-{column}" if self.descending else column for column in self.columns]


class CursorView(Protocol):
    """What a view says about its list: the order asked for, by name, and which columns are shown."""

    columns: dict[str, str]
    skips_entities: bool

    def order_asked_for(self) -> tuple[str, Order]: ...


class _NoSuchPage(NotFound):
    default_detail = "There is no such page; the list ends before it."
    remedy = "Start again from page 1, and follow `next` until it is null."
    field = "page"


class PageNumbers(PageNumberPagination):
    """`page` and `page_size`."""

    page_size = PAGE_SIZE
    max_page_size = MAX_PAGE_SIZE
    page_size_query_param = "page_size"

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except NotFound:
            raise _NoSuchPage from None

    def get_page_size(self, request: Request) -> int | None:
        return page_size(request)

    def get_page_number(self, request: Request, paginator: object) -> int:
        return _whole_number(request, "page", default=1, at_most=MAX_PAGE_NUMBER)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, object]]:
        return [_PAGE_PARAMETER, _SIZE_PARAMETER]


class Cursors(BasePagination):
    """`cursor`, taken from the `next` of the page before, and `page_size`.

    The cursor names the last row that was sent, not a distance from the first: rows that come or go between two
    pages neither repeat nor hide another, and page 10,000 costs what page 1 does.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """The rows as dictionaries, in the `Order` that the view names."""
        asked = cast("CursorView", view)
        name, order = asked.order_asked_for()
        size = page_size(request)
        after = request.query_params.get("cursor")
        if after:
            values = _decoded(after, name, order, queryset.model)
            queryset = queryset.filter(rows_after(order, values, skips=asked.skips_entities))
        columns = asked.columns
        places = {f"cursor {column}": column for column in order.columns}
        rows = list(as_rows(queryset, columns | places).order_by(*order.order_by)[: size + 1])
        self._next = None
        if len(rows) > size:
            last = list(rows[size - 1][len(columns) :])
            self._next = replace_query_param(request.build_absolute_uri(), "cursor", _encoded(name, last))
        return named(columns, (row[: len(columns)] for row in rows[:size]))

    def get_paginated_response(self, data: object) -> Response:
        return Response({"next": self._next, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, object]) -> dict[str, object]:
        return {
            "type": "object",
            "required": ["next", "data_as_of", "complete_through", "results"],
            "properties": {
                "next": {
                    "type": ["string", "null"],
                    "format": "uri",
                    "example": "https://ads.example.com/api/v1/campaign-metrics?cursor=WyJkYXRlIiwuLi5d",
                    "description": "Address of the next page; null on the last one.",
                },
                **_AS_OF,
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, object]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "Where the previous page ended; follow `next` instead of building one.",
                "schema": {"type": "string"},
            },
            _SIZE_PARAMETER,
        ]


class CursorsOfDays(Cursors):
    """The same, of rows that are days: each page says which of them are stored."""

    def get_paginated_response_schema(self, schema: dict[str, object]) -> dict[str, object]:
        page: dict[str, Any] = super().get_paginated_response_schema(schema)
        results = page["properties"].pop("results")
        coverage = {
            "allOf": [{"$ref": "#/components/schemas/Coverage"}],
            "description": "Which days are stored, from date_from, or the oldest stored day, to date_to, or today; of"
            " more than ten years the last ten.",
            "example": _COVERAGE,
        }
        return {
            **page,
            "required": ["next", "data_as_of", "complete_through", "coverage", "results"],
            "properties": {**page["properties"], "coverage": coverage, "results": results},
        }


def rows_after(order: Order, values: Sequence[object], *, skips: bool) -> TupleGreaterThan | TupleLessThan | Q:
    """What comes after a row: one comparison of all columns, which PostgreSQL looks up in an index over them.

    PostgreSQL 18 skips an entity without rows in a range of days in one step, unless the columns are compared as one:
    then it reads all their rows. So `skips` makes the first column a condition of its own.
    """
    if not skips or len(order.columns) != 2:
        compare = TupleLessThan if order.descending else TupleGreaterThan
        return compare(Tuple(*map(F, order.columns)), tuple(values))
    (first, second), (entity, day) = order.columns, values
    bound, passed = ("lte", "gte") if order.descending else ("gte", "lte")
    return Q(**{f"{first}__{bound}": entity}) & ~Q(**{first: entity, f"{second}__{passed}": day})


def page_size(request: Request) -> int:
    """Raises ValidationError for what is no size."""
    return _whole_number(request, "page_size", default=PAGE_SIZE, at_most=MAX_PAGE_SIZE)


def _whole_number(request: Request, name: str, *, default: int, at_most: int) -> int:
    try:
        return whole_number(request.query_params.get(name, str(default)), at_least=1, at_most=at_most)
    except BadValue as error:
        raise ValidationError({name: [str(error)]}) from None


def _encoded(name: str, values: list[object]) -> str:
    text = json.dumps([name, *values], cls=DjangoJSONEncoder, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(cursor: str, name: str, order: Order, model: type[Model]) -> list[object]:
    try:
        named, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if named != name or len(values) != len(order.columns):
            raise ValueError
        return [_value(model, column, value) for column, value in zip(order.columns, values, strict=True)]
    except (ValueError, TypeError, binascii.Error, InvalidValue, RecursionError):
        message = "This cursor belongs to another list or order; start again without one."
        raise ValidationError({"cursor": [message]}) from None


def _value(model: type[Model], column: str, value: object) -> object:
    """As the column has it; what no row can hold is refused like a broken cursor."""
    field = model._meta.get_field(column)
    field = field.target_field if isinstance(field, ForeignKey) else field
    assert isinstance(field, Field)
    if value is None:
        raise ValueError
    value = field.to_python(value)
    field.run_validators(value)
    if isinstance(value, str) and "\0" in value:
        raise ValueError
    return value
