"""Source: LinkedIn Marketing, "Cursor Based Pagination" and "Pagination", 202602."""

from dataclasses import dataclass

import pytest

from ingestion.linkedin import paging
from ingestion.linkedin.errors import UnexpectedResponse


@dataclass
class Listing:
    received: int = 0
    next_page_token: str | None = None
    total: int | None = None
    has_next_link: bool = False


def walk_by_cursor(*tokens):
    pages = iter([Listing(next_page_token=token) for token in tokens])
    asked = []

    def fetch(token):
        asked.append(token)
        return next(pages)

    return asked, paging.cursor_pages(fetch, endpoint="/rest/x")


@pytest.mark.parametrize("end", [None, ""])
def test_cursor_pages_ends_only_at_a_missing_token(end):
    asked, pages = walk_by_cursor("a", "b", end)
    assert len(list(pages)) == 3
    assert asked == [None, "a", "b"]


def test_cursor_pages_refuses_a_repeating_token():
    _, pages = walk_by_cursor("a", "b", "a")
    with pytest.raises(UnexpectedResponse, match="repeats a page token of /rest/x"):
        list(pages)


def test_cursor_pages_refuses_a_walk_without_end(monkeypatch):
    monkeypatch.setattr(paging, "MAX_PAGES", 3)
    _, pages = walk_by_cursor("a", "b", "c", "d")
    with pytest.raises(UnexpectedResponse, match="more than 3 pages"):
        list(pages)


def walk_by_offset(*listings):
    pages = iter(listings)
    asked = []

    def fetch(start):
        asked.append(start)
        return next(pages)

    list(paging.offset_pages(fetch, count=2, endpoint="/rest/x"))
    return asked


@pytest.mark.parametrize(
    ("listings", "asked"),
    [
        ([Listing(0)], [0]),
        ([Listing(2), Listing(0)], [0, 2]),
        ([Listing(2), Listing(1)], [0, 2]),
        ([Listing(2, total=2)], [0]),
        ([Listing(1, total=3), Listing(2, total=3)], [0, 1]),
        ([Listing(1, total=-1, has_next_link=True), Listing(2, total=-1), Listing(0)], [0, 1, 3]),
        ([Listing(2, total=2**31 - 1), Listing(1, total=2**31 - 1)], [0, 2]),
        ([Listing(5)], [0]),
    ],
)
def test_offset_pages_ends_at_an_empty_page_a_sane_total_or_a_short_page_without_link(listings, asked):
    assert walk_by_offset(*listings) == asked


def test_offset_pages_refuses_a_walk_without_end(monkeypatch):
    monkeypatch.setattr(paging, "MAX_PAGES", 3)
    with pytest.raises(UnexpectedResponse, match="more than 3 pages"):
        walk_by_offset(*[Listing(2)] * 4)
