"""One answer of LinkedIn as records: the whole page at once where it is clean, one by one where it is not.

An invalid record is rejected and its invalid field named; the others are kept. Entities are kept without the optional
fields that are invalid, which are named as well: a campaign whose budget cannot be read is still a campaign, while a
day with one unreadable count must not become part of a sum. Nothing here raises for what a single record holds, and
nothing is lost: received = records + rejected.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Generic, TypeVar

from pydantic import ConfigDict, JsonValue, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import from_json

from ingestion.linkedin.answers import NotJson
from ingestion.linkedin.errors import UnexpectedResponse

R = TypeVar("R")
_CAMEL = ConfigDict(alias_generator=to_camel, extra="ignore")
_MAX_REASON = 500
_MAX_DEPTH = 50
# As deep as fields that we read are nested: `changeAuditStamps.created.time`.
_FIELD_DEPTH = 3
_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """An element that is no valid record; `identity` is its id or URN, if any.

    `payload` and `reason` lose on the way in what PostgreSQL's text and JSON cannot hold.
    """

    endpoint: str
    payload: JsonValue
    reason: str
    identity: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "payload", _storable(self.payload))
        object.__setattr__(self, "reason", _storable_text(self.reason))


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """What one answer held; `incomplete` are those of the `records` that are kept without their invalid fields."""

    records: list[R]
    rejected: list[Rejected]
    incomplete: list[Rejected] = field(default_factory=list)

    @property
    def received(self) -> int:
        return len(self.records) + len(self.rejected)


@pydantic_dataclass(frozen=True, slots=True, config=_CAMEL)
class _Metadata:
    next_page_token: str | None = None


@pydantic_dataclass(frozen=True, slots=True, config=_CAMEL)
class _Link:
    rel: str | None = None


@pydantic_dataclass(frozen=True, slots=True, config=_CAMEL)
class _Paging:
    total: int | None = None
    links: list[_Link] | None = None


@pydantic_dataclass(frozen=True, slots=True, config=_CAMEL)
class _Envelope(Generic[R]):
    elements: list[R]
    metadata: _Metadata | None = None
    paging: _Paging | None = None


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """A page and what its envelope says of the next one."""

    page: Page[R]
    next_page_token: str | None
    total: int | None
    has_next_link: bool

    @property
    def received(self) -> int:
        return self.page.received


class PageReader(Generic[R]):
    """Reads the answers of one endpoint: `record` says what an element is.

    With `drops_fields`, an element whose optional fields are invalid is a record without them.
    """

    def __init__(self, record: type[R], *, drops_fields: bool = False) -> None:
        self._drops_fields = drops_fields
        self._records = TypeAdapter[R](record)
        self._envelopes = TypeAdapter[_Envelope[R]](_Envelope[record])  # type: ignore[valid-type]
        self._bare_envelopes = TypeAdapter(_Envelope[object])

    def listing(self, body: bytes, *, endpoint: str, wrong_with: Callable[[R], str | None] | None = None) -> Listing[R]:
        """The listing a body holds. `wrong_with` gives what is wrong with a valid record, None for nothing.

        Raises NotJson, or UnexpectedResponse when there is no list of elements.
        """
        try:
            envelope = self._envelopes.validate_json(body)
        except ValidationError:
            return self._one_by_one(body, endpoint, wrong_with)
        if wrong_with and any(map(wrong_with, envelope.elements)):
            return self._one_by_one(body, endpoint, wrong_with)
        return _listing(envelope, Page(records=envelope.elements, rejected=[]))

    def single(self, body: bytes, *, endpoint: str) -> Page[R]:
        """A page of the one object that is the whole body. Raises NotJson."""
        try:
            return Page(records=[self._records.validate_json(body)], rejected=[])
        except ValidationError:
            return self._page([_parsed(body)], endpoint, None)

    def batch(self, body: bytes, *, endpoint: str) -> Page[R]:
        """The results of a batch get; ids that LinkedIn refused one by one are left out. Raises NotJson."""
        parsed = _parsed(body)
        results = parsed.get("results") if isinstance(parsed, dict) else None
        if not isinstance(results, dict):
            raise UnexpectedResponse(f"The answer to {endpoint} holds no results.")
        return self._page(list(results.values()), endpoint, None)

    def _one_by_one(self, body: bytes, endpoint: str, wrong_with: Callable[[R], str | None] | None) -> Listing[R]:
        parsed = _parsed(body)
        elements = parsed.get("elements") if isinstance(parsed, dict) else None
        if not isinstance(parsed, dict) or not isinstance(elements, list):
            raise UnexpectedResponse(f"The answer to {endpoint} holds no list of elements.")
        page = self._page(elements, endpoint, wrong_with)
        try:
            envelope = self._bare_envelopes.validate_python({**parsed, "elements": []})
        except ValidationError:
            raise UnexpectedResponse(f"The answer to {endpoint} has an unreadable next page.") from None
        return _listing(envelope, page)

    def _page(self, elements: list[JsonValue], endpoint: str, wrong_with: Callable[[R], str | None] | None) -> Page[R]:
        page: Page[R] = Page(records=[], rejected=[])
        for element in elements:
            try:
                record = self._record(element)
            except (ValidationError, RecursionError) as error:
                self._add_invalid(page, element, endpoint, error)
                continue
            if wrong_with and (reason := wrong_with(record)):
                page.rejected.append(_rejected(element, endpoint, reason))
            else:
                page.records.append(record)
        return page

    def _record(self, element: JsonValue) -> R:
        """Dumped and read again, so that an element meets exactly the rules its page met.

        Raises ValidationError, and RecursionError for one that is nested too deeply.
        """
        return self._records.validate_json(json.dumps(element))

    def _add_invalid(
        self, page: Page[R], element: JsonValue, endpoint: str, error: ValidationError | RecursionError
    ) -> None:
        reason = _reason(error)
        kept = self._without_invalid_fields(element) if self._drops_fields else None
        if kept is None:
            page.rejected.append(_rejected(element, endpoint, reason))
            return
        record, dropped = kept
        page.records.append(record)
        page.incomplete.append(_rejected(element, endpoint, f"{reason}; stored without {', '.join(dropped)}"))

    def _without_invalid_fields(self, element: JsonValue) -> tuple[R, list[str]] | None:
        """The record without its invalid optional fields, and their names; None if a required field is invalid."""
        dropped: list[_Path] = []
        while isinstance(element, dict):
            try:
                return self._record(element), _names(dropped)
            except (ValidationError, RecursionError) as error:
                paths = _invalid_paths(element, error)
            if not all(paths):
                return None
            dropped += paths
            for path in paths:
                element = _without(element, path)
        return None


def _invalid_paths(element: dict[str, JsonValue], error: ValidationError | RecursionError) -> list[_Path]:
    """The smallest parts of an element that an error is about; an empty path is the whole element.

    One unreadable entry makes its whole list invalid: a shorter list would say something else.
    """
    locations = [item["loc"] for item in error.errors()] if isinstance(error, ValidationError) else [()]
    if locations == [()]:
        return list(_unreadable_paths(element)) or [()]
    named = {tuple(map(str, takewhile(lambda step: isinstance(step, str), location))) for location in locations}
    return sorted({_existing(element, path) for path in named})


def _unreadable_paths(element: dict[str, JsonValue], depth: int = _FIELD_DEPTH) -> Iterator[_Path]:
    for key, value in element.items():
        if not _is_readable({key: value}):
            inner = list(_unreadable_paths(value, depth - 1)) if depth > 1 and isinstance(value, dict) else []
            yield from ((key, *path) for path in inner or [()])


def _is_readable(value: JsonValue) -> bool:
    try:
        from_json(json.dumps(value))
    except (ValueError, RecursionError):
        return False
    return True


def _existing(element: JsonValue, path: _Path) -> _Path:
    """As much of a path as there is: where a field is missing, its parent is what is invalid."""
    for length, key in enumerate(path):
        if not isinstance(element, dict) or key not in element:
            return path[:length]
        element = element[key]
    return path


def _without(element: dict[str, JsonValue], path: _Path) -> dict[str, JsonValue]:
    """A copy without the part at a path, which may have gone with its parent."""
    key, *rest = path
    inner = element.get(key)
    if rest and isinstance(inner, dict):
        return {**element, key: _without(inner, tuple(rest))}
    return {name: value for name, value in element.items() if name != key}


def _names(paths: list[_Path]) -> list[str]:
    """The outermost of the dropped parts, by LinkedIn's names."""
    outermost = [one for one in paths if not any(one[:length] in paths for length in range(1, len(one)))]
    return [".".join(path) for path in dict.fromkeys(outermost)]


def _parsed(body: bytes) -> JsonValue:
    """The body as Python values; the standard library reads what pydantic refuses, such as half an emoji."""
    try:
        parsed: JsonValue = json.loads(body, parse_int=_int)
    except (ValueError, RecursionError):
        raise NotJson from None
    return parsed


def _int(digits: str) -> int | float:
    """The integer; beyond any id or count as a float, since Python refuses to read thousands of digits."""
    return int(digits) if len(digits) <= 40 else float(digits)


def _listing(envelope: _Envelope[R] | _Envelope[object], page: Page[R]) -> Listing[R]:
    links = (envelope.paging.links or []) if envelope.paging else []
    return Listing(
        page=page,
        next_page_token=envelope.metadata.next_page_token if envelope.metadata else None,
        total=envelope.paging.total if envelope.paging else None,
        has_next_link=any(link.rel == "next" for link in links),
    )


def _rejected(element: JsonValue, endpoint: str, reason: str) -> Rejected:
    return Rejected(endpoint=endpoint, payload=element, reason=reason, identity=_identity(element))


def _reason(error: ValidationError | RecursionError) -> str:
    """The fields that are wrong in one line, by LinkedIn's names."""
    if isinstance(error, RecursionError):
        return "record: is nested too deeply"
    found = error.errors(include_url=False, include_context=False, include_input=False)
    parts = [": ".join([".".join(map(str, item["loc"])) or "record", item["msg"]]) for item in found]
    return " ".join("; ".join(parts).split())[:_MAX_REASON]


def _identity(element: JsonValue) -> str | None:
    if not isinstance(element, dict):
        return None
    pivots = element.get("pivotValues")
    candidates = [element.get("id"), element.get("urn"), *(pivots if isinstance(pivots, list) else [])]
    candidates.append(element.get("account"))
    for candidate in candidates:
        if isinstance(candidate, str | int) and not isinstance(candidate, bool) and candidate:
            return _storable_text(str(candidate))[:255]
    return None


def _storable(value: JsonValue, depth: int = 0) -> JsonValue:
    """The same JSON without what PostgreSQL's jsonb refuses: NUL, half emojis, NaN, endless nesting."""
    if isinstance(value, str):
        return _storable_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if depth > _MAX_DEPTH:
        return "…"
    if isinstance(value, list):
        return [_storable(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_storable_text(key): _storable(item, depth + 1) for key, item in value.items()}
    return value


def _storable_text(text: str) -> str:
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def pages_of(listings: Iterator[Listing[R]]) -> Iterator[Page[R]]:
    """The pages alone, envelopes forgotten."""
    return (listing.page for listing in listings)
