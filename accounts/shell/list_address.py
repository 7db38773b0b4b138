"""What the address of an admin's list may ask for.

Django and Unfold ignore what they cannot read, or list nothing: either would look like an answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.filters import ListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import InvalidPage
from django.db import models
from django.http import HttpRequest, QueryDict

from accounts.shell.admin_filters import require_visible
from accounts.shell.request_values import BadValue, NotThere, page_number

_NULL_WORDS: Final = frozenset({"0", "1", "True", "False", "true", "false"})


def without_blanks(sent: QueryDict) -> QueryDict:
    """What a form sends of the filters that nobody filled in is no filter."""
    given = sent.copy()
    for name, texts in sent.lists():
        given.setlist(name, [text for text in texts if text])
        if not given.getlist(name):
            del given[name]
    return given


@contextmanager
def read_filters() -> Iterator[None]:
    """Around reading a list: Django would show it without any filter. Raises BadValue, and NotThere for a page."""
    try:
        yield
    except (IncorrectLookupParameters, DisallowedModelAdminLookup) as error:
        if isinstance(error.__context__, InvalidPage):
            raise NotThere("There is no such page; the list ends before it.") from None
        raise BadValue("This list has no such filter, or the filter no such value.") from None


def check_address(changes: ChangeList, request: HttpRequest) -> None:
    """Raises BadValue, and NotThere for a page or a row that does not exist."""
    of_filters: set[str] = set()
    for one in changes.filter_specs:
        of_filters.update(name for name in one.expected_parameters() if name)
        _check_filter(one, request)
    for name in request.GET.keys() - of_filters:
        _check_parameter(changes, request, name, request.GET[name])


def _check_filter(one: ListFilter, request: HttpRequest) -> None:
    """A filter with choices; others check their values themselves."""
    for name in one.expected_parameters():
        text = request.GET.get(name or "")
        known = _choices(one, str(name))
        if text and known is not None and text not in known:
            raise BadValue(f"“{one.title}” has no choice “{text[:40]}”.")


def _choices(one: ListFilter, name: str) -> frozenset[str] | None:
    if name.endswith("__isnull"):
        return _NULL_WORDS
    if isinstance(one, admin.ChoicesFieldListFilter):
        return frozenset(str(value) for value, _ in one.field.flatchoices)
    if isinstance(one, admin.AllValuesFieldListFilter):
        return frozenset(str(value) for value in one.lookup_choices)
    if isinstance(one, admin.SimpleListFilter) and one.lookup_choices:
        return frozenset(str(value) for value, _ in one.lookup_choices)
    return None


def _check_parameter(changes: ChangeList, request: HttpRequest, name: str, text: str) -> None:
    if name == PAGE_VAR:
        number = page_number(text)
        if number > max(changes.paginator.num_pages, 1):
            raise NotThere(f"There is no page {number}; the list ends before it.")
    elif name == ORDER_VAR:
        _check_order(changes, text)
    elif name == SEARCH_VAR:
        if text and not changes.search_fields:
            raise BadValue("This list cannot be searched.")
    elif name in {"e", "_facets"}:
        raise BadValue(f"This list has no filter “{name}”.")
    else:
        _check_row(changes, request, name, text)


def _check_order(changes: ChangeList, text: str) -> None:
    """Numbers of columns, from 1 on, descending ones with a minus."""
    for part in text.split(".") if text else []:
        number = part.removeprefix("-")
        if not (number.isascii() and number.isdecimal() and 0 <= int(number[:9]) <= len(changes.list_display)):
            raise BadValue("A list is sorted by the numbers of its columns; this one has no such column.")


def _check_row(changes: ChangeList, request: HttpRequest, name: str, text: str) -> None:
    """A row of another table that is named without a filter of the list."""
    try:
        field = changes.model._meta.get_field(name.partition("__")[0])
    except FieldDoesNotExist:
        return
    if isinstance(field, models.ForeignKey) and name in {field.name, f"{field.name}__{field.target_field.name}__exact"}:
        require_visible(request, field, text)
