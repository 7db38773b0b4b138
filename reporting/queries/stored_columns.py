"""Columns as rows outside show them: a stored ratio is 0 where its divisor is 0, and there is none."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import Case, DecimalField, F, QuerySet, When
from django.db.models.expressions import Expression

from reporting.metrics import RATIOS

# A path to a column, or an expression over columns.
Selected = str | Expression
_DIVISORS: Final = {ratio.name.removesuffix("_percent"): ratio.divisor for ratio in RATIOS}
_STORED: Final = ("ctr", "cpc")


def _none_without(divisor: str, ratio: str) -> Case:
    places = DecimalField(max_digits=24, decimal_places=10)
    return Case(When(**{divisor: 0}, then=None), default=F(ratio), output_field=places)


_RATIOS: Final = {name: _none_without(_DIVISORS[name], name) for name in _STORED}


def selected(path: str) -> Selected:
    """What to select for a column."""
    return _RATIOS.get(path, path)


def as_rows(rows: "QuerySet[Any]", columns: Mapping[str, Selected]) -> "QuerySet[Any, tuple[Any, ...]]":
    """Only these columns, in their order. `named` names them: in a query, a name must not be that of another column."""
    return rows.values_list(*columns.values())


def named(columns: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in rows]
