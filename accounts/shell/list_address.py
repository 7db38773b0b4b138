"""What the address of an admin's list may ask for.

Django and Unfold ignore what they cannot read, or list nothing: either would look like an answer.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup, DisallowedModelAdminToField
from django.contrib.admin.filters import ListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.core.exceptions import ValidationError
from django.core.paginator import InvalidPage
from django.db.models import Field, ManyToManyField, Model
from django.http import HttpRequest, QueryDict
from unfold.views import ChangeList

from accounts.shell.request_values import BadValue, NotThere, page_number

if TYPE_CHECKING:
    AnyField = Field[object, object]

_NULL_WORDS: Final = frozenset({"0", "1", "True", "False", "true", "false"})
MAX_SEARCH_LENGTH: Final = 200


class OfferedFilters(ChangeList):  # type: ignore[misc]
    """A list that the filters beside it narrow, and nothing else.

    Django takes any look-up on any column from the address: regular expressions that run for minutes, comparisons
    with columns that the list does not show.
    """

    def get_filters(self, request: HttpRequest) -> tuple[list[ListFilter], bool, dict[str, object], bool, bool]:
        specs, has_filters, left_over, *others = super().get_filters(request)
        if left_over:
            raise DisallowedModelAdminLookup(f"No filter of this list takes {', '.join(sorted(left_over))}.")
        return specs, has_filters, left_over, *others


def check_search(term: str) -> None:
    """Raises BadValue for a text that nobody types: each of its words is looked for in each column."""
    if len(term) > MAX_SEARCH_LENGTH:
        raise BadValue(f"Search for at most {MAX_SEARCH_LENGTH} characters.")


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
    except (IncorrectLookupParameters, DisallowedModelAdminLookup, DisallowedModelAdminToField) as error:
        if isinstance(error.__context__, InvalidPage):
            raise NotThere("There is no such page; the list ends before it.") from None
        raise BadValue("This list has no such filter, or the filter no such value.") from None


def initial_values(model: type[Model], sent: Mapping[str, object]) -> dict[str, Any]:
    """What an address fills into a form, as the fields hold it. Raises BadValue: Django would fail to show it."""
    fields = {field.name: field for field in (*model._meta.concrete_fields, *model._meta.many_to_many)}
    return {name: _initial(fields.get(name), name, value) if value else value for name, value in sent.items()}


def _initial(field: "AnyField | None", name: str, value: object) -> object:
    try:
        if isinstance(field, ManyToManyField):
            return [field.target_field.to_python(one) for one in value]  # type: ignore[attr-defined]  # it was split
        found: object = field.to_python(value) if field else value
    except ValidationError:
        raise BadValue(f"“{name[:40]}” in the address is not valid.") from None
    return found


def check_address(changes: ChangeList, request: HttpRequest) -> None:
    """Raises BadValue, and NotThere for a page or a row that does not exist."""
    of_filters: set[str] = set()
    for one in changes.filter_specs:
        of_filters.update(name for name in one.expected_parameters() if name)
        _check_filter(one, request)
    for name in request.GET.keys() - of_filters:
        _check_parameter(changes, name, request.GET[name])


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


def _check_parameter(changes: ChangeList, name: str, text: str) -> None:
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


def _check_order(changes: ChangeList, text: str) -> None:
    """Numbers of columns, from 1 on, descending ones with a minus; each once."""
    parts = [part.removeprefix("-") for part in text.split(".")] if text else []
    for number in parts:
        if not (number.isascii() and number.isdecimal() and 0 <= int(number[:9]) <= len(changes.list_display)):
            raise BadValue("A list is sorted by the numbers of its columns; this one has no such column.")
    if len(set(parts)) < len(parts):
        raise BadValue("A list is sorted by each of its columns once.")
