"""Rest.li 2.0 query strings, parsed before anything is percent-decoded.

Structure (`List(`, `(`, `)`, `,`, `:`) must arrive literally; each primitive inside is percent-encoded on its
own. An encoded parenthesis is therefore text, and text where a structure belongs is refused, as LinkedIn does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from typing import TypeAlias
from urllib.parse import unquote

from .errors import field_invalid, param_invalid, params_not_allowed

Value: TypeAlias = "str | list[Value] | dict[str, Value]"
_RESERVED = "(),:'"


class Malformed(ValueError):
    """The text is not Rest.li 2.0."""


class _Reader:
    """Walks over one raw value."""

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self.at = 0

    def _accept(self, token: str) -> bool:
        if self.raw.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise Malformed(self.raw)

    def value(self) -> Value:
        if self._accept("List("):
            return list(self._items())
        if self._accept("("):
            return dict(self._entries())
        return self._primitive()

    def _items(self) -> Iterator[Value]:
        if self._accept(")"):
            return
        while True:
            yield self.value()
            if self._accept(")"):
                return
            self._expect(",")

    def _entries(self) -> Iterator[tuple[str, Value]]:
        if self._accept(")"):
            return
        while True:
            key = self._primitive()
            self._expect(":")
            yield key, self.value()
            if self._accept(")"):
                return
            self._expect(",")

    def _primitive(self) -> str:
        if self._accept("''"):
            return ""
        start = self.at
        while self.at < len(self.raw) and self.raw[self.at] not in _RESERVED:
            self.at += 1
        if self.at == start:
            raise Malformed(self.raw)
        return unquote(self.raw[start : self.at])


def parse_value(raw: str) -> Value:
    """Give text, a list or a record; raise Malformed."""
    if not raw.startswith(("List(", "(")):
        if any(character in raw for character in "(),"):
            raise Malformed(raw)
        return "" if raw == "''" else unquote(raw)
    reader = _Reader(raw)
    value = reader.value()
    if reader.at != len(raw):
        raise Malformed(raw)
    return value


def is_structured(raw: str) -> bool:
    """Whether a raw value uses syntax that only protocol 2.0 has."""
    return raw.startswith(("List(", "("))


def split_top_level(raw: str) -> list[str]:
    """Split at commas that are not inside parentheses, as `fields` is written."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(raw):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(raw[start:at])
            start = at + 1
    return [part for part in [*parts, raw[start:]] if part]


class Parameters:
    """The parameters of one call, read strictly: every reading raises LinkedIn's own refusal."""

    def __init__(self, raw_query: str, *, allowed: Collection[str], protocol_2: bool) -> None:
        pairs = [part.partition("=") for part in raw_query.split("&") if part]
        unknown = [unquote(name) for name, _, _ in pairs if unquote(name) not in allowed]
        if unknown:
            raise params_not_allowed(unknown)
        self.raw = {unquote(name): value for name, _, value in pairs}
        for name, raw in self.raw.items():
            if not protocol_2 and name != "fields" and is_structured(raw):
                raise param_invalid(name)

    def has(self, name: str) -> bool:
        """Whether the parameter was sent."""
        return name in self.raw

    def _value(self, name: str) -> Value | None:
        if name not in self.raw:
            return None
        try:
            return parse_value(self.raw[name])
        except Malformed:
            raise param_invalid(name) from None

    def text(self, name: str) -> str | None:
        """Give a bare value, or the text inside `(value:…)`."""
        value = self._value(name)
        if isinstance(value, dict) and set(value) == {"value"}:
            value = value["value"]
        if value is None or isinstance(value, str):
            return value
        raise param_invalid(name)

    def enum(self, name: str, values: Collection[str]) -> str | None:
        """Give one of the allowed values."""
        text = self.text(name)
        if text is not None and text not in values:
            raise field_invalid(name, f"ERROR :: /{name} :: {text} is not an enum symbol")
        return text

    def integer(self, name: str) -> int | None:
        """Give a whole number."""
        text = self.text(name)
        if text is None:
            return None
        if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit():
            raise param_invalid(name)
        return int(text)

    def record(self, name: str) -> dict[str, Value] | None:
        """Give a `(key:value)` record."""
        value = self._value(name)
        if value is None or isinstance(value, dict):
            return value
        raise param_invalid(name)

    def texts(self, name: str) -> list[str] | None:
        """Give a `List(…)` of primitives."""
        value = self._value(name)
        return None if value is None else texts_of(value, name)

    def fields(self) -> list[str] | None:
        """Give the raw projection; one sent as a List is lost without notice, as at LinkedIn."""
        raw = self.raw.get("fields")
        if raw is None or raw.startswith("List("):
            return None
        return split_top_level(raw)


def texts_of(value: Value, path: str) -> list[str]:
    """Give the primitives of a list, or refuse."""
    if not isinstance(value, list):
        raise param_invalid(path)
    texts = [item for item in value if isinstance(item, str)]
    if len(texts) != len(value):
        raise param_invalid(path)
    return texts


def urn_numbers(urns: list[str], kind: str, path: str) -> list[int]:
    """Give the numbers of URNs of one kind; bare numbers and other kinds are refused."""
    numbers = []
    for place, urn in enumerate(urns):
        prefix, _, number = urn.rpartition(":")
        if prefix != f"urn:li:{kind}":
            raise field_invalid(path, f"ERROR :: /{place} :: Invalid Urn format. Invalid prefix. Urn {urn}.")
        if not (number.isascii() and number.isdigit()):
            description = f"ERROR :: /{place} :: Invalid Urn Format. Key long is in invalid format. Urn {urn}."
            raise field_invalid(path, description)
        numbers.append(int(number))
    return numbers


def day_of(value: Value | None, path: str) -> date | None:
    """Give the day of a `(year:Y,month:M,day:D)` record."""
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) != {"year", "month", "day"}:
        raise param_invalid(path)
    try:
        return date(*(int(str(value[part])) for part in ("year", "month", "day")))
    except ValueError as impossible:
        raise field_invalid(path, f"ERROR :: /{path} :: {impossible}") from None
