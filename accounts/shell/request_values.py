"""Values as requests send them: ids, page numbers, days and choices, each read in one way.

Pages and the API refuse what they cannot read, in the words of `BadValue`, and what is not there, in those of
`NotThere`: the answer to another question would be taken for that to the one that was asked.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import wraps
from typing import Final, TypeVar

from django.http import HttpRequest, HttpResponseBase, QueryDict

# The largest number that a column of ids holds.
MAX_ID: Final = 2**63 - 1
# Deeper into a list nobody reads, and PostgreSQL would count the rows one by one.
MAX_PAGE_NUMBER: Final = 1_000_000

Value = TypeVar("Value")
View = Callable[..., HttpResponseBase]


class BadValue(ValueError):
    """No value of that kind; the message says what to send instead. `field` is the parameter, where it is known."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NotThere(LookupError):
    """What a request names does not exist, or is not its sender's to see: both have the same message.

    `where` is the name of the page that lists what there is.
    """

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(message)
        self.where = where


def whole_number(text: str, *, at_least: int = 0, at_most: int) -> int:
    """Digits alone: no sign, no spaces, no digits of other scripts. Raises BadValue."""
    is_short = len(text) <= len(str(at_most))
    if not (is_short and text.isascii() and text.isdecimal() and at_least <= int(text) <= at_most):
        raise BadValue(f"Give a whole number from {at_least} to {at_most}.")
    return int(text)


def row_id(text: str) -> int:
    """The id of a row, LinkedIn's or ours. Raises BadValue."""
    try:
        return whole_number(text, at_most=MAX_ID)
    except BadValue:
        raise BadValue("Not a valid id; give a whole number.") from None


def page_number(text: str) -> int:
    """Which page of a list, from 1 on. Raises BadValue."""
    return whole_number(text, at_least=1, at_most=MAX_PAGE_NUMBER)


def day(text: str) -> date:
    """A day in its one spelling, YYYY-MM-DD. Raises BadValue."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    # Other spellings of ISO 8601, such as 2026-W47-1, are more often a slip than meant.
    if found is None or found.isoformat() != text:
        raise BadValue("Not a valid date; write it as YYYY-MM-DD.")
    return found


def one_of(known: Collection[str]) -> Callable[[str], str]:
    """Reads one of some words."""

    def read(text: str) -> str:
        if text not in known:
            raise BadValue(f"There is no “{text[:40]}”; choose one of {', '.join(filter(None, known))}.")
        return text

    return read


Reader = Callable[[str], object]


def values_of(sent: QueryDict, readers: Mapping[str, Reader]) -> dict[str, str]:
    """The parameters of an address as they were sent, each checked by its reader; an empty one was not given.

    Raises BadValue, also for a parameter without a reader and for one that is given twice.
    """
    found = dict.fromkeys(readers, "")
    check_names(sent, readers)
    for name, texts in sent.lists():
        if len(set(texts)) > 1:
            raise BadValue(f"Give “{name}” once.", field=name)
        if texts[-1]:
            _read(readers[name], name, texts[-1])
        found[name] = texts[-1]
    return found


def check_names(sent: QueryDict, known: Collection[str]) -> None:
    """For addresses whose values are read elsewhere, such as by a form. Raises BadValue for an unknown parameter."""
    for name in sent:
        if name not in known:
            raise BadValue(f"Unknown parameter “{name[:40]}”; use {', '.join(sorted(known)) or 'none'}.", field=name)


def only_parameters(*known: str) -> Callable[[View], View]:
    """For views whose address has these parameters and no others; they raise BadValue otherwise."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            check_names(request.GET, known)
            return view(request, *args, **kwargs)

        return checked

    return decorate


def _read(read: Reader, name: str, text: str) -> None:
    try:
        read(text)
    except BadValue as error:
        raise BadValue(f"“{name}” in the address is not valid. {error}", field=name) from None


def or_none(read: Callable[[str], Value], text: str | None) -> Value | None:
    """The value, or None where there is none or it is not valid."""
    try:
        return read(text) if text else None
    except BadValue:
        return None
