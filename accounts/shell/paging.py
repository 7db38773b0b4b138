"""One page of a list whose length nobody counts: a row more than is shown tells that more follow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

from accounts.shell.request_values import NotThere

Row = TypeVar("Row", bound=Model)
Line = TypeVar("Line")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class ListPage(Generic[Line]):
    """Some lines of a list, the number of their page from 1 on, and whether more follow."""

    lines: Sequence[Line]
    number: int
    has_next: bool

    def convert(self, to_line: Callable[[Line], Other]) -> "ListPage[Other]":
        """The same page with each of its lines made into another."""
        return ListPage(list(map(to_line, self.lines)), self.number, self.has_next)


def list_page(rows: QuerySet[Row], *, number: int, per_page: int) -> ListPage[Row]:
    """Raises NotThere for a page after the last one."""
    start = (number - 1) * per_page
    found = list(rows[start : start + per_page + 1])
    if number > 1 and not found:
        raise NotThere(f"There is no page {number}; the list ends before it.")
    return ListPage(found[:per_page], number, has_next=len(found) > per_page)
