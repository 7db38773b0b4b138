"""From the page of a row to what belongs to it, in whichever room that is.

Each room provides the links that lead into it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class RowLink:
    """One way to go; `count` only where counting is cheap."""

    title: str
    address: str
    count: int | None = None


Row = TypeVar("Row", bound=Model)
_providers: dict[type[Model], list[Callable[[Any, HttpRequest], Iterable[RowLink]]]] = {}


def provide(model: type[Row], provider: Callable[[Row, HttpRequest], Iterable[RowLink]]) -> None:
    """Show these links on the page of each row of this table."""
    _providers.setdefault(model, []).append(provider)


def links_of(row: Model, request: HttpRequest) -> list[RowLink]:
    return [one for provider in _providers.get(type(row), []) for one in provider(row, request)]


def to_list(title: str, model: type[Model], *, count: int | None = None, **narrowed: object) -> RowLink:
    """To the list of a table, narrowed by its filters."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return RowLink(title, f"{address}?{urlencode(narrowed)}", count)


def to_row(title: str, row: Model) -> RowLink:
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[quote(row.pk)])
    return RowLink(title, address)
