"""Windows of days that keep every daily answer whole.

LinkedIn cuts an analytics answer at 15,000 rows and says nothing. A daily answer of one ad account holds at
most one row per entity and day, so windows of days are sized from entity counts and from what is stored to
stay under that limit; the answers show how full the days really are. An answer that reaches the limit
nevertheless counts as cut and its window is halved, down to one day, then split by campaign.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import ceil

from ingestion.linkedin.endpoints import ANALYTICS_ROW_LIMIT

# How much of the limit a window may use when its size rests on experience and not on an upper bound.
_SAFE_SHARE = 0.93
# How many more rows than were stored a day may get by a restatement, and a new day by new entities.
_RESTATEMENT_GROWTH = 1.02
_NEW_DAY_GROWTH = 1.2


# First and last day, both inclusive.
DayRange = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Window:
    """One analytics request: days, both inclusive, perhaps of some campaigns only."""

    first_day: date
    last_day: date
    expected_rows: float
    campaign_ids: tuple[int, ...] | None = None

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1


class CannotSplit(Exception):
    """One day of one campaign still reaches the limit."""


@dataclass(frozen=True, slots=True)
class ExpectedRows:
    """How many rows each day can hold.

    `entity_days`: sorted days from which each entity can have rows (its creation).
    `stored`: rows held for the days of `covered`, oldest first; what is held of other days says nothing.
    """

    entity_days: Sequence[date]
    stored: Mapping[date, int]
    covered: Sequence[DayRange] = ()

    def on(self, day: date) -> float:
        bound = bisect_right(self.entity_days, day)
        if self._is_covered(day):
            return min(bound, self.stored.get(day, 0) * _RESTATEMENT_GROWTH)
        if self.stored and self.covered and day > self.covered[-1][1]:
            return min(bound, max(self.stored.values()) * _NEW_DAY_GROWTH)
        return bound

    def _is_covered(self, day: date) -> bool:
        position = bisect_right(self.covered, day, key=lambda days: days[0])
        return position > 0 and day <= self.covered[position - 1][1]

    def between(self, first_day: date, last_day: date) -> float:
        return sum(self.on(day) for day in days_between(first_day, last_day))


class Windows:
    """Hands out the windows of one pivot, newest first, and learns from the answers.

    Until the first answer only one window is handed out, unless all days fit into one: guessing several
    at once would waste calls on accounts whose entities are mostly idle.
    """

    def __init__(self, days: Sequence[DayRange], *, expected: ExpectedRows) -> None:
        """`days`: ranges that do not overlap."""
        self._ranges = sorted(days)
        self._expected = expected
        self._density: float | None = None
        self._again: list[Window] = []
        self._under_way = 0

    def next(self) -> Window | None:
        """The next window, or None when there is none now (later perhaps: see `done`)."""
        if self._again:
            self._under_way += 1
            return self._again.pop()
        if not self._ranges or (self._density is None and self._under_way):
            return None
        window = self._size_window(*self._ranges.pop())
        self._under_way += 1
        return window

    def done(self) -> bool:
        """Whether every day was answered for."""
        return not self._again and not self._under_way and not self._ranges

    def answered(self, window: Window, rows: int) -> None:
        """A complete answer with this many rows was received for the window."""
        self._under_way -= 1
        if window.campaign_ids is None and window.expected_rows >= 1:
            self._density = rows / window.expected_rows

    def kept(self) -> None:
        """The window is not requested again: its answer is kept although it was cut, or was refused."""
        self._under_way -= 1

    def cut(self, window: Window, *, campaign_ids: Sequence[int]) -> None:
        """The answer reached the limit: request the halves instead. Raises CannotSplit."""
        halves = split(window, campaign_ids=campaign_ids)
        self._under_way -= 1
        self._again.extend(halves)
        if self._density is not None and window.campaign_ids is None:
            self._density *= 2

    def failed(self) -> None:
        """The window's answer will not come; hand out no more."""
        self._under_way -= 1
        self._again.clear()
        self._ranges.clear()

    def calls_left(self) -> int:
        """How many more windows there will be, as far as is known."""
        rows = [self._expected.between(*days) * (self._density or 1) for days in self._ranges]
        return len(self._again) + sum(max(1, ceil(count / ANALYTICS_ROW_LIMIT)) for count in rows)

    def _size_window(self, first_of_range: date, last_day: date) -> Window:
        """The newest days of the range that fit; puts the rest back."""
        density, room = self._allowance()
        first_day = last_day
        rows = self._expected.on(first_day)
        while first_day > first_of_range:
            more = rows + self._expected.on(first_day - timedelta(days=1))
            if more * density > room:
                self._ranges.append((first_of_range, first_day - timedelta(days=1)))
                break
            first_day -= timedelta(days=1)
            rows = more
        return Window(first_day, last_day, rows)

    def _allowance(self) -> tuple[float, float]:
        """Rows per expected row, and how many rows a window may hold."""
        full = ANALYTICS_ROW_LIMIT - 1
        if self._density is None or 0.995 <= self._density <= 1:
            return 1.0, full
        return max(self._density, 0.001), full * _SAFE_SHARE


def split(window: Window, *, campaign_ids: Sequence[int]) -> tuple[Window, Window]:
    """The two halves of a window; by days first, then by campaigns. The newer half comes last."""
    if window.days > 1:
        middle = window.first_day + timedelta(days=window.days // 2 - 1)
        half = replace(window, expected_rows=window.expected_rows / 2)
        return (
            replace(half, last_day=middle),
            replace(half, first_day=middle + timedelta(days=1)),
        )
    campaigns = window.campaign_ids if window.campaign_ids is not None else tuple(sorted(campaign_ids))
    if len(campaigns) < 2:
        raise CannotSplit
    middle_index = len(campaigns) // 2
    half = replace(window, expected_rows=window.expected_rows / 2)
    return (
        replace(half, campaign_ids=campaigns[:middle_index]),
        replace(half, campaign_ids=campaigns[middle_index:]),
    )


def days_between(first_day: date, last_day: date) -> list[date]:
    return [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]


def merged(ranges: Iterable[DayRange]) -> list[DayRange]:
    """The same days as ranges that neither overlap nor touch, oldest first."""
    result: list[DayRange] = []
    for first_day, last_day in sorted(ranges):
        if result and first_day <= result[-1][1] + timedelta(days=1):
            result[-1] = (result[-1][0], max(result[-1][1], last_day))
        else:
            result.append((first_day, last_day))
    return result


def without(days: DayRange, answered: Iterable[DayRange]) -> list[DayRange]:
    """What is left of the days when those answered are taken out."""
    left = []
    next_day, last_day = days
    for first_answered, last_answered in merged(answered):
        if first_answered > last_day:
            break
        if next_day < first_answered:
            left.append((next_day, first_answered - timedelta(days=1)))
        next_day = max(next_day, last_answered + timedelta(days=1))
    if next_day <= last_day:
        left.append((next_day, last_day))
    return left
