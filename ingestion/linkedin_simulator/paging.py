"""LinkedIn's two paging styles: opaque cursors, and start with count."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .chance import chance
from .entities import Json
from .errors import param_invalid, plain_bad_request
from .restli import Parameters

UNPAGED_ROWS = 10
DEFAULT_PAGE = 100
OFFSET_LIMIT = 1_000
Made = Callable[[], Json]


@dataclass(frozen=True, slots=True)
class PagingOddities:
    """How pages differ from the plain ones: short pages with more to follow, and what the last page's metadata is.

    `end` is varied, absent, empty or null (a nextPageToken of null).
    """

    short_pages: bool = False
    end: str = "varied"


@dataclass(frozen=True, slots=True)
class SimulatedListing:
    """What is listed: the ids in order, and how each becomes JSON."""

    ids: Sequence[int]
    body: Callable[[int], Json]
    query: str
    largest_page: int = OFFSET_LIMIT


def page(parameters: Parameters, listing: SimulatedListing, oddities: PagingOddities, seed: int) -> Json:
    """Give one page in the style the call asked for."""
    if parameters.has("pageSize") or parameters.has("pageToken"):
        return _cursor_page(parameters, listing, oddities, seed)
    return _offset_page(parameters, listing)


def _cursor_page(parameters: Parameters, listing: SimulatedListing, oddities: PagingOddities, seed: int) -> Json:
    size = parameters.integer("pageSize")
    size = DEFAULT_PAGE if size is None else size
    if not 1 <= size <= listing.largest_page:
        raise plain_bad_request(f"Specified pageSize is larger than {listing.largest_page}")
    token = parameters.text("pageToken")
    start = 0 if token is None else _place_after(listing, _opened(token, listing.query, seed))
    if oddities.short_pages and size > 1 and chance(seed, listing.query, start) % 2:
        size -= 1
    ids = listing.ids[start : start + size]
    answer: Json = {"elements": [listing.body(each) for each in ids]}
    if start + size < len(listing.ids):
        answer["metadata"] = {"nextPageToken": _sealed(ids[-1], listing.query, seed)}
    else:
        answer.update(_last_metadata(oddities.end, chance(seed, listing.query)))
    return answer


def _last_metadata(style: str, stirred: int) -> Json:
    if style == "varied":
        style = ("absent", "empty", "null")[stirred % 3]
    endings: dict[str, Json] = {
        "absent": {},
        "empty": {"metadata": {}},
        "null": {"metadata": {"nextPageToken": None}},
    }
    return endings[style]


def _place_after(listing: SimulatedListing, last_id: int) -> int:
    """Give where the next page begins; the ids after it stay the same when earlier ones vanish meanwhile."""
    if last_id in listing.ids:
        return list(listing.ids).index(last_id) + 1
    descending = len(listing.ids) > 1 and listing.ids[0] > listing.ids[-1]
    passed = [each for each in listing.ids if (each > last_id if descending else each < last_id)]
    return len(passed)


def _digest(query: str, seed: int) -> bytes:
    return hmac.digest(str(seed).encode(), query.encode(), "sha256")[:24]


def _sealed(last_id: int, query: str, seed: int) -> str:
    digest = _digest(query, seed)
    hidden = bytes(a ^ b for a, b in zip(last_id.to_bytes(8, "big"), digest, strict=False))
    return urlsafe_b64encode(hidden + digest).decode()


def _opened(token: str, query: str, seed: int) -> int:
    digest = _digest(query, seed)
    try:
        raw = urlsafe_b64decode(token)
    except (NotBase64, ValueError):
        raise param_invalid("pageToken") from None
    if raw[8:] != digest:
        raise param_invalid("pageToken")
    return int.from_bytes(bytes(a ^ b for a, b in zip(raw[:8], digest, strict=False)), "big")


def _offset_page(parameters: Parameters, listing: SimulatedListing) -> Json:
    start, count = parameters.integer("start") or 0, parameters.integer("count")
    if listing.largest_page < OFFSET_LIMIT:
        start, count = 0, None if count is None else min(count, listing.largest_page)
    if count is not None and count > OFFSET_LIMIT:
        raise plain_bad_request(f"Specified count is larger than {OFFSET_LIMIT}")
    if count is None and len(listing.ids) > OFFSET_LIMIT:
        raise plain_bad_request("Request would return too many entities. ")
    count = UNPAGED_ROWS if count is None else count
    ids = listing.ids[start : start + count]
    return {
        "elements": [listing.body(each) for each in ids],
        "paging": {"start": start, "count": count, "links": [], "total": len(listing.ids)},
    }


def offset_page(parameters: Parameters, elements: list[object]) -> Json:
    """Give a page of a finder that knows start and count only."""
    start, count = parameters.integer("start") or 0, parameters.integer("count")
    shown = elements[start : start + (UNPAGED_ROWS if count is None else count)]
    paging = {
        "count": len(shown) if count is None else count,
        "links": [],
        "start": start,
        "total": len(elements),
    }
    return {"elements": shown, "paging": paging}
