"""Pages of long lists: lengths that do not scan tables, and rows joined only where they are shown."""

import json
from collections.abc import Sequence
from typing import TypeVar, cast

from django.core.paginator import Page, Paginator
from django.db import connection as database
from django.db import models
from django.db.models import Model, QuerySet
from django.db.models.sql.where import WhereNode
from django.utils.functional import cached_property

Row = TypeVar("Row", bound=Model)
# Up to this many rows, an exact count is cheap enough to prefer it to an estimate.
_WORTH_COUNTING = 100_000


class ShownCount(int):
    """How many rows there are; shown with thousands separated, wherever a template of Unfold shows it."""

    def __str__(self) -> str:
        return f"{int(self):,}"


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]  # Django has no generic one at run time
    """Takes PostgreSQL's own estimate for the length of a long list, and finds a page by its keys alone."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return super().count
        if not rows.query.where:
            estimate = _estimated_rows(rows.model._meta.db_table)
            if estimate > _WORTH_COUNTING:
                return estimate
        # By key: what a list adds to its rows is not worked out to count them.
        counted: int = rows.order_by().values("pk")[: _WORTH_COUNTING + 1].count()
        return counted if counted <= _WORTH_COUNTING else max(_planned_rows(rows), counted)

    def page(self, number: int | str) -> Page[Model]:
        """What a list joins is joined for the rows of the page, not for all those before it."""
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return super().page(number)
        number = self.validate_number(number)
        keys = self._keys(rows, (number - 1) * self.per_page) if self.count else []
        return Page(_of_keys(rows, keys), number, self)

    def _keys(self, rows: QuerySet[Row], first: int) -> list[object]:
        """The far half of a long list is reached from its end."""
        # Our lists are ordered by names alone.
        order = cast("Sequence[str]", rows.query.order_by or rows.model._meta.ordering)
        left = self.count - first - self.per_page
        if first > _WORTH_COUNTING and first > left:
            return _keys_at(rows, _reversed(order), max(left, 0), left + self.per_page)
        return _keys_at(rows, order, first, first + self.per_page)


def _keys_at(rows: QuerySet[Row], order: Sequence[str], start: int, stop: int) -> list[object]:
    """The keys from `start` to `stop` in this order.

    Deep in a whole table that is listed by day, the index of days alone finds the day on which the page begins, and
    how many rows stand before that day; rows are read and sorted from there on.
    """
    if start > _WORTH_COUNTING and not rows.query.where and _is_by_day(rows, order):
        day, is_descending = order[0].removeprefix("-"), order[0].startswith("-")
        [begins_on] = rows.order_by(order[0]).values_list(day, flat=True)[start : start + 1]
        before = rows.order_by().filter(**{f"{day}__{'gt' if is_descending else 'lt'}": begins_on}).count()
        rows = rows.filter(**{f"{day}__{'lte' if is_descending else 'gte'}": begins_on})
        start, stop = start - before, stop - before
    return list(rows.order_by(*order).values_list("pk", flat=True)[start:stop])


def _is_by_day(rows: QuerySet[Row], order: Sequence[str]) -> bool:
    """Whether days, or instants, that every row has come first in the order."""
    fields = {field.name: field for field in rows.model._meta.concrete_fields if not field.null}
    return isinstance(fields.get(order[0].removeprefix("-")), models.DateField)


def _reversed(order: Sequence[str]) -> list[str]:
    return [name.removeprefix("-") if name.startswith("-") else f"-{name}" for name in order]


def _of_keys(rows: QuerySet[Row], keys: list[object]) -> QuerySet[Row]:
    """These rows, joined and ordered as before; the filters have done their work."""
    chosen = rows.all()
    chosen.query.where = WhereNode()
    return chosen.filter(pk__in=keys)


def _estimated_rows(table: str) -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _planned_rows(rows: QuerySet[Row]) -> int:
    """What the planner expects."""
    plan = json.loads(rows.order_by().values("pk").explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])
