"""Unfold's filters of lists, where they show too much or too little as they come.

None of them loads what there is to choose from: rows are found by typing, days are chosen from a calendar.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateFilter
from unfold.contrib.filters.forms import AutocompleteDropdownForm

from accounts.shell import linkedin_words
from accounts.shell.admin_columns import label_of
from accounts.shell.request_values import BadValue, NotThere, day

if TYPE_CHECKING:
    from django.contrib.admin.filters import _ListFilterChoices

    ForeignKey = models.ForeignKey[Any, Any]
    AnyField = models.Field[object, object]
    AnyAdmin = admin.ModelAdmin[models.Model]
    Rows = models.QuerySet[models.Model]


class VisibleRowsForm(AutocompleteDropdownForm):  # type: ignore[misc]
    """Names the chosen row only to whoever may see it: Unfold's form takes it from among all rows."""

    def __init__(self, request: HttpRequest, name: str, field: "ForeignKey", **options: object) -> None:
        super().__init__(request, name, field=field, **options)
        rows = admin.site.get_model_admin(field.remote_field.model).get_queryset(request)
        self.fields[name].queryset = rows


class RowFilter(AutocompleteSelectFilter):  # type: ignore[misc]
    """Narrows a list to the rows of one other row, such as a campaign, of those that the person may see."""

    form_class = VisibleRowsForm

    def queryset(self, request: HttpRequest, queryset: "Rows") -> "Rows":
        for number in self.used_parameters.get(self.lookup_kwarg) or []:
            require_visible(request, self.field, number)
        rows: Rows = super().queryset(request, queryset)
        return rows


def require_visible(request: HttpRequest, field: "ForeignKey", number: object) -> None:
    """Raises NotThere where the row that a foreign key names does not exist, or is not the person's to see."""
    model = field.remote_field.model
    rows = admin.site.get_model_admin(model).get_queryset(request)
    try:
        is_there = rows.filter(pk=number).exists()
    except (TypeError, ValueError):
        is_there = False
    if not is_there:
        raise NotThere(f"There is no such {model._meta.verbose_name}, or you may not see it.")


class DaysFilter(RangeDateFilter):  # type: ignore[misc]
    """Narrows a list to a range of UTC days, both included. Raises BadValue for what is none.

    Unfold's own range ends with the first instant of its last day.
    """

    def __init__(
        self,
        field: "AnyField",
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[models.Model],
        model_admin: "AnyAdmin",
        field_path: str,
    ) -> None:
        # Unfold's form sends an empty day along with the next one that is chosen, and Unfold takes the first of two.
        self._parameters = (f"{field_path}_from", f"{field_path}_to")
        params.update({name: params[name][-1:] for name in self._parameters if name in params})
        super().__init__(field, request, params, model, model_admin, field_path)
        self.has_times = isinstance(field, models.DateTimeField)
        name = getattr(model_admin, "labels", {}).get(field_path, label_of(field))
        self.title = f"{name} (UTC)" if self.has_times else name

    def queryset(self, request: HttpRequest, queryset: "Rows") -> "Rows":
        first, last = (self._day(name) for name in self._parameters)
        if first and last and last < first:
            raise BadValue(f"The last day of “{self.title}” is before the first; swap them.")
        if first:
            start = datetime.combine(first, time.min, UTC) if self.has_times else first
            queryset = queryset.filter(**{f"{self.field_path}__gte": start})
        if last:
            end = datetime.combine(last, time.max, UTC) if self.has_times else last
            queryset = queryset.filter(**{f"{self.field_path}__lte": end})
        return queryset

    def _day(self, name: str) -> date | None:
        text = self.used_parameters.get(name)
        return day(text) if text else None


class ApiWordFilter(admin.AllValuesFieldListFilter):
    """One of the values that there are, in the words of the list; the address keeps LinkedIn's."""

    def choices(self, changelist: ChangeList) -> "Iterator[_ListFilterChoices]":
        found = list(super().choices(changelist))
        labels = Counter(linkedin_words.label(str(choice["display"])) for choice in found)
        for choice in found:
            word = str(choice["display"])
            label = linkedin_words.label(word)
            # LinkedIn has two words for some things; each narrows the list to its own rows.
            choice["display"] = f"{label} ({word})" if labels[label] > 1 else label
            yield choice
