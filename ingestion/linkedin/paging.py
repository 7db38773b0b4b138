"""The two ways LinkedIn splits a listing into pages, independent of HTTP and of the records.

A short page is not the last page: LinkedIn leaves broken elements out (airbyte #34164). Only a missing token
ends a walk by cursor. Source: LinkedIn Marketing, "Cursor Based Pagination" and "Pagination", 202602.
"""

from collections.abc import Callable, Iterator
from typing import Final, Protocol, TypeVar

from ingestion.linkedin.errors import UnexpectedResponse

MAX_PAGES: Final = 10_000
# What `paging.total` says where LinkedIn did not count.
_UNCOUNTED = (-1, 2**31 - 1)


class CursorListing(Protocol):
    """What a walk by cursor needs to see of a page."""

    @property
    def next_page_token(self) -> str | None: ...


class OffsetListing(Protocol):
    """What a walk by offset needs to see of a page."""

    @property
    def received(self) -> int: ...
    @property
    def total(self) -> int | None: ...
    @property
    def has_next_link(self) -> bool: ...


C = TypeVar("C", bound=CursorListing)
O = TypeVar("O", bound=OffsetListing)  # noqa: E741


def cursor_pages(fetch: Callable[[str | None], C], *, endpoint: str) -> Iterator[C]:
    """Every page of a listing; `fetch` is given the page token, None for the first page.

    Raises UnexpectedResponse when a token repeats, which would never end.
    """
    seen: set[str] = set()
    token: str | None = None
    for _ in range(MAX_PAGES):
        page = fetch(token)
        yield page
        token = page.next_page_token
        if not token:
            return
        if token in seen:
            raise UnexpectedResponse(f"LinkedIn repeats a page token of {endpoint}, so the listing would never end.")
        seen.add(token)
    raise _endless(endpoint)


def offset_pages(fetch: Callable[[int], O], *, count: int, endpoint: str) -> Iterator[O]:
    """Every page of a listing; `fetch` is given `start`, and is expected to request `count` elements."""
    start = 0
    for _ in range(MAX_PAGES):
        page = fetch(start)
        if page.received:
            yield page
        start += page.received
        if _is_last(page, start=start, count=count):
            return
    raise _endless(endpoint)


def _is_last(page: OffsetListing, *, start: int, count: int) -> bool:
    if page.received == 0 or page.received > count:
        # More than requested means that LinkedIn ignored the paging and sent everything.
        return True
    if page.total is not None and page.total not in _UNCOUNTED and page.total >= 0:
        return start >= page.total
    return page.received < count and not page.has_next_link


def _endless(endpoint: str) -> UnexpectedResponse:
    return UnexpectedResponse(f"LinkedIn sends more than {MAX_PAGES} pages of {endpoint}.")
