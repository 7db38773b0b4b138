"""Rows as plain values: a model object for each would take most of the time."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet


def as_rows(rows: "QuerySet[Any]", columns: Mapping[str, str]) -> "QuerySet[Any, tuple[Any, ...]]":
    """Only these columns, in their order. `named` names them: in a query, a name must not be that of another column."""
    return rows.values_list(*columns.values())


def named(columns: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in rows]
