"""Stored values as people read them, in a list and on the page of one row.

A column is a function of the row that Django's admin takes in place of a field's name; the type of the field decides
how it is shown.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, runtime_checkable

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from accounts.shell import formatting, linkedin_words

Row = TypeVar("Row", bound=models.Model)
Column = Callable[[models.Model], str | bool]
CurrencyOf = Callable[[Row, str], str | None]
if TYPE_CHECKING:
    AnyField = models.Field[object, object]
# Of a row and the value of its field, which is of whatever type the field has.
_Show = Callable[[Any, Any], Any]

# How old these are says more in a list than when they were.
_AGES: Final = frozenset({"fetched_at", "checked_at", "looked_up_at", "missing_since"})
_PERCENT: Final = frozenset({"ctr", "share_pct"})
# Their values are words of LinkedIn's API.
API_WORDS: Final = frozenset({
    "bid_strategy", "cost_type", "creative_selection", "format", "intended_status", "objective", "review_status",
    "role", "serving_hold_reasons", "serving_statuses", "status", "type",
})  # fmt: skip
# Words of column names as people write them.
_WORDS: Final = {
    "api": "API", "cpc": "CPC", "ctr": "CTR", "id": "ID", "linkedin": "LinkedIn", "pct": "%", "urn": "URN",
}  # fmt: skip


@runtime_checkable
class HasShortName(Protocol):
    """A row whose name in a list is shorter than elsewhere."""

    @property
    def short_name(self) -> str: ...


def columns(
    model: type[Row],
    names: Collection[str],
    *,
    labels: dict[str, str],
    currency_of: CurrencyOf[Row],
    in_list: bool,
) -> dict[str, Column]:
    """A column for each of the model's fields among `names`."""
    fields = {field.name: field for field in model._meta.concrete_fields}
    return {
        name: _column(fields[name], label=labels.get(name), currency_of=currency_of, in_list=in_list)
        for name in names
        if name in fields
    }


def label_of(field: "AnyField") -> str:
    return " ".join(_WORDS.get(word, word) for word in str(field.verbose_name).split())


def link(row: models.Model | None, *, in_list: bool = True) -> str | None:
    """The row's name, leading to its page where everybody who sees the name may open that."""
    if row is None:
        return None
    name = row.short_name if in_list and isinstance(row, HasShortName) else str(row)
    if not getattr(admin.site._registry.get(type(row)), "is_open_to_all_who_see_its_rows", False):
        return name
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[quote(row.pk)])
    return format_html('<a class="link" href="{}" title="{}">{}</a>', address, row, name)


def instant_column(name: str, label: str) -> Column:
    """For admins that show their other fields as Django does: an instant in the viewer's zone."""

    @admin.display(description=label, ordering=name)
    def column(row: models.Model) -> str:
        return formatting.instant(getattr(row, name))

    column.__name__ = name
    return column


def age(value: datetime | None) -> str | None:
    return formatting.age(value, now=timezone.now()) if value else None


def as_number(column: Column) -> Column:
    """Sets the column to the right: its name becomes a class of the cell."""
    column.__name__ = f"{column.__name__} number"
    return column


def _column(field: "AnyField", *, label: str | None, currency_of: CurrencyOf[Row], in_list: bool) -> Column:
    name = field.name
    show = _show(field, currency_of, in_list=in_list)
    is_flag = isinstance(field, models.BooleanField)

    # A ratio that could not be worked out is neither the highest nor in the way of it.
    ordering = F(name).asc(nulls_first=True) if isinstance(field, models.GeneratedField) else name

    @admin.display(description=label or label_of(field), ordering=ordering, boolean=True if is_flag else None)
    def column(row: models.Model) -> Any:
        value = getattr(row, name)
        return None if value is None else show(row, value)

    # The page of a row finds the field's help text by this name.
    column.__name__ = name
    return as_number(column) if in_list and _is_number(field) else column


def _is_number(field: "AnyField") -> bool:
    if isinstance(field, models.GeneratedField):
        return True
    return isinstance(field, models.IntegerField | models.DecimalField) and not _is_key(field)


def _is_key(field: "AnyField") -> bool:
    """Numbers that name something are not counted."""
    return field.primary_key or field.name.endswith("_id")


def _show(field: "AnyField", currency_of: CurrencyOf[Row], *, in_list: bool) -> _Show:
    name = field.name
    if name in _PERCENT:
        return lambda row, value: formatting.percent(value)
    if isinstance(field, models.ForeignKey):
        return lambda row, value: link(value, in_list=in_list)
    if isinstance(field, models.DateTimeField):
        return lambda row, value: age(value) if in_list and name in _AGES else formatting.instant(value)
    if isinstance(field, models.DateField):
        return lambda row, value: formatting.day(value)
    if isinstance(field, models.DecimalField | models.GeneratedField):
        return lambda row, value: formatting.money(value, currency_of(row, name))
    if isinstance(field, models.IntegerField) and not _is_key(field):
        return lambda row, value: formatting.number(value)
    if isinstance(field, ArrayField):
        as_text = linkedin_words.label if name in API_WORDS else str
        return lambda row, value: ", ".join(map(as_text, value))
    if field.choices:
        return lambda row, value: getattr(row, f"get_{name}_display")()
    if name in API_WORDS:
        return lambda row, value: linkedin_words.label(value)
    return lambda row, value: value
