"""Filters that narrow a list without loading what there is to choose from."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import models
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.shell import formatting

_DAY_INPUT = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", **UnfoldAdminTextInputWidget().attrs})


class FormFilter(admin.ListFilter):
    """A filter that is a small form; `parameters` are its fields' names in the address of the list."""

    template = "admin/filters/form.html"
    parameters: ClassVar[tuple[str, ...]] = ()

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.request = request
        self.model_admin = model_admin
        for name in self.parameters:
            value = params.pop(name, [""])[-1].strip()
            if value:
                self.used_parameters[name] = value

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.parameters)

    def choices(self, changelist: Any) -> Iterator[Any]:
        yield {"form": self.form()}

    def form(self) -> forms.Form:
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        raise NotImplementedError


class SelectForm(forms.Form):
    """One choice among rows; its scripts are those of the admin's own search-as-you-type."""

    class Media:
        js = (
            "admin/js/vendor/jquery/jquery.min.js",
            "admin/js/vendor/select2/select2.full.js",
            "admin/js/jquery.init.js",
            "unfold/js/select2.init.js",
        )
        css: ClassVar[dict[str, tuple[str, ...]]] = {
            "screen": ("admin/css/vendor/select2/select2.css", "admin/css/autocomplete.css")
        }


class RowFilter(FormFilter):
    """Narrows a list to the rows of one other row, such as a campaign; its name comes from the address.

    `searched` is a foreign key to the table of those rows: Django's search-as-you-type asks by one, and only among
    the rows that the person may see.
    """

    form_class = SelectForm
    path = ""
    searched: ClassVar["models.ForeignKey[Any, Any]"]

    @property
    def value(self) -> str:
        (name,) = self.parameters
        return str(self.used_parameters.get(name, ""))

    def key(self) -> Any:
        """The primary key that is asked for; None for what can be none."""
        if not isinstance(self.searched.remote_field.model._meta.pk, models.IntegerField):
            return self.value
        return int(self.value) if self.value.isdecimal() and len(self.value) < 19 else None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value:
            return queryset
        key = self.key()
        return queryset.none() if key is None else self.narrow(queryset, key)

    def narrow(self, queryset: QuerySet[Any], key: Any) -> QuerySet[Any]:
        return queryset.filter(**{self.path: key})

    def rows(self) -> QuerySet[Any]:
        """Those that the person may see."""
        model_admin = admin.site.get_model_admin(self.searched.remote_field.model)
        rows: QuerySet[Any] = model_admin.get_queryset(self.request)
        return rows

    def widget(self) -> forms.Widget:
        return AutocompleteSelect(self.searched, admin.site, attrs={"class": "unfold-filter-autocomplete"})

    def form(self) -> forms.Form:
        (name,) = self.parameters
        form = self.form_class(data={name: self.key()})
        form.fields[name] = forms.ModelChoiceField(
            self.rows(), label=f"By {self.title}", required=False, widget=self.widget()
        )
        return form


class ApiWordFilter(admin.AllValuesFieldListFilter):
    """One of the values that there are, in the words of the list; the address keeps LinkedIn's."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": formatting.api_word(str(choice["display"]))}


class _DaysFilter(FormFilter):
    field = ""
    has_times = False

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Both days inclusive; a range that is none narrows nothing."""
        first, last = (self._day(name) for name in self.parameters)
        if first:
            queryset = queryset.filter(**{f"{self.field}__gte": _midnight(first) if self.has_times else first})
        if last and last < date.max:
            day_after = last + timedelta(days=1)
            queryset = queryset.filter(**{f"{self.field}__lt": _midnight(day_after) if self.has_times else day_after})
        return queryset

    def _day(self, name: str) -> date | None:
        try:
            return date.fromisoformat(str(self.used_parameters.get(name, "")))
        except ValueError:
            return None

    def form(self) -> forms.Form:
        form = forms.Form(data=self.used_parameters)
        for name, label in zip(self.parameters, ("From", "to"), strict=True):
            form.fields[name] = forms.DateField(label=f"{label} ({self.title})", required=False, widget=_DAY_INPUT)
        return form


def days_filter(field: str, *, title: str, has_times: bool = False) -> type[_DaysFilter]:
    """Narrows a list to a range of UTC days; unlike a date hierarchy it asks nothing of the table to be drawn."""
    values = {"field": field, "title": title, "has_times": has_times, "parameters": (f"{field}_from", f"{field}_to")}
    return type("DaysFilter", (_DaysFilter,), values)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
