"""Windows cover every day once, keep every answer whole and stay close to the fewest calls."""

from datetime import date, timedelta
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.linkedin.endpoints import ANALYTICS_ROW_LIMIT
from ingestion.sync.windows import CannotSplit, ExpectedRows, Window, Windows, days_between, merged, split, without

FIRST = date(2026, 1, 1)


class Account:
    """LinkedIn's side: rows per day, spread over campaigns; counts calls, cuts at the limit."""

    def __init__(self, rows_by_day: dict[date, int], campaigns: int = 10) -> None:
        self.rows_by_day = rows_by_day
        self.campaigns = tuple(range(campaigns))
        self.calls = 0
        self.kept: list[Window] = []

    def ask(self, window: Window) -> int:
        self.calls += 1
        rows = sum(self.rows_by_day.get(day, 0) for day in days_between(window.first_day, window.last_day))
        if window.campaign_ids is not None:
            rows = rows * len(window.campaign_ids) // len(self.campaigns)
        return min(rows, ANALYTICS_ROW_LIMIT)

    def sync(self, windows: Windows) -> None:
        while (window := windows.next()) is not None:
            rows = self.ask(window)
            if rows < ANALYTICS_ROW_LIMIT:
                windows.answered(window, rows)
                self.kept.append(window)
            else:
                windows.cut(window, campaign_ids=self.campaigns)
        assert windows.done()


def windows_of(days: int, entities: int, stored: dict[date, int] | None = None) -> Windows:
    covered = [(min(stored), max(stored))] if stored else []
    expected = ExpectedRows([FIRST] * entities, stored or {}, covered)
    return Windows([(FIRST, FIRST + timedelta(days=days - 1))], expected=expected)


def dense(days: int, rows: int) -> dict[date, int]:
    return {FIRST + timedelta(days=n): rows for n in range(days)}


@pytest.mark.parametrize(
    ("entities", "days", "calls"),
    [
        (50, 90, 1),  # 4,500 rows
        (200, 90, 2),  # 18,000
        (166, 90, 1),  # 14,940: just under
        (500, 365, 13),  # 182,500 in windows of 29 days
        (0, 90, 1),
    ],
)
def test_dense_days_take_the_fewest_calls(entities, days, calls):
    account = Account(dense(days, entities))
    account.sync(windows_of(days, entities))
    assert account.calls == calls


def test_idle_entities_cost_one_call_more_at_most():
    account = Account(dense(90, 30))
    account.sync(windows_of(90, entities=5000))
    assert account.calls == 2


def test_half_active_year_is_learned():
    account = Account(dense(365, 250))
    account.sync(windows_of(365, entities=500))
    assert account.calls <= 1.1 * ceil(365 * 250 / ANALYTICS_ROW_LIMIT) + 1


def test_stored_days_size_the_next_sync():
    stored = dense(60, 40)
    account = Account(dense(61, 40))
    account.sync(windows_of(61, entities=5000, stored=stored))
    assert account.calls == 1


def test_a_day_over_the_limit_is_split_by_campaign():
    account = Account(dense(1, 40_000))
    account.sync(windows_of(1, entities=100))
    assert sorted(c for window in account.kept for c in window.campaign_ids or ()) == list(range(10))


def test_one_campaign_of_one_day_cannot_be_split():
    with pytest.raises(CannotSplit):
        split(Window(FIRST, FIRST, 1, campaign_ids=(7,)), campaign_ids=[7, 8])


def test_nothing_more_is_handed_out_before_the_first_answer():
    windows = windows_of(365, entities=500)
    assert windows.next() is not None
    assert windows.next() is None
    assert not windows.done()


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.integers(0, 40_000), min_size=1, max_size=40),
    entities=st.integers(0, 20_000),
    known_share=st.floats(0, 1),
)
def test_every_day_is_kept_exactly_once_and_whole(rows, entities, known_share):
    """Whatever is expected and whatever comes, even when the expectation is far off."""
    by_day = {FIRST + timedelta(days=n): count for n, count in enumerate(rows)}
    stored = {day: count for day, count in list(by_day.items())[: int(len(rows) * known_share)] if count}
    account = Account(by_day)
    account.sync(windows_of(len(rows), entities, stored))
    seen: dict[date, int] = {}
    for window in account.kept:
        share = len(account.campaigns) if window.campaign_ids is None else len(window.campaign_ids)
        for day in days_between(window.first_day, window.last_day):
            seen[day] = seen.get(day, 0) + share
    assert seen == dict.fromkeys(by_day, len(account.campaigns))


@given(
    ranges=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=8),
    whole=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_what_is_left_and_what_was_answered_make_up_the_whole(ranges, whole):
    def as_days(first: int, length: int) -> tuple[date, date]:
        return FIRST + timedelta(days=first), FIRST + timedelta(days=first + length)

    def days_in(parts: list[tuple[date, date]]) -> list[date]:
        return [day for part in parts for day in days_between(*part)]

    answered, asked = [as_days(*one) for one in ranges], as_days(*whole)
    left = days_in(without(asked, answered))
    assert len(left) == len(set(left))
    assert set(left) == set(days_between(*asked)) - set(days_in(answered))
    joined = merged(answered)
    assert set(days_in(joined)) == set(days_in(answered))
    assert all(later[0] - earlier[1] > timedelta(days=1) for earlier, later in pairwise(joined))
