"""Pages of long lists: lengths that do not scan tables, and rows joined only where they are shown."""

import json
from typing import Any

from django.core.paginator import Page, Paginator
from django.db import connection as database
from django.db.models import QuerySet
from django.db.models.sql.where import WhereNode
from django.utils.functional import cached_property

# Up to so many rows counting them costs less than being wrong.
_WORTH_COUNTING = 100_000


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
        counted: int = rows.order_by()[: _WORTH_COUNTING + 1].count()
        return counted if counted <= _WORTH_COUNTING else max(_planned_rows(rows), counted)

    def page(self, number: Any) -> Page[Any]:
        """What a list joins is joined for the rows of the page, not for all those before it."""
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return super().page(number)
        number = self.validate_number(number)
        keys = self._keys(rows.values_list("pk", flat=True), (number - 1) * self.per_page) if self.count else []
        return Page(_of_keys(rows, keys), number, self)

    def _keys(self, keys: QuerySet[Any, Any], first: int) -> list[Any]:
        """The far half of a long list is reached from its end."""
        left = self.count - first - self.per_page
        if first > _WORTH_COUNTING and first > left:
            return list(keys.reverse()[max(left, 0) : left + self.per_page])
        return list(keys[first : first + self.per_page])


def _of_keys(rows: QuerySet[Any], keys: list[Any]) -> QuerySet[Any]:
    """These rows, joined and ordered as before; the filters have done their work."""
    chosen = rows.all()
    chosen.query.where = WhereNode()
    return chosen.filter(pk__in=keys)


def _estimated_rows(table: str) -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _planned_rows(rows: QuerySet[Any]) -> int:
    """What the planner expects."""
    plan = json.loads(rows.order_by().values("pk").explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])
