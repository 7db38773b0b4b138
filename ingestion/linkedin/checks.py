"""What is wrong with an analytics row that is well formed: its days, or whose row it is.

Kept out of the records because Python per row would double their price. A page holds few distinct days, so
each value is checked once; a row then costs about 0.3 µs.
"""

from calendar import monthrange
from datetime import date

from ingestion.linkedin.records import CalendarDay, DateRange, DayRecord, DemographicMonthRecord


class DayCheck:
    """Called with a row of one day, gives what is wrong with it, or None. Both days are included."""

    def __init__(self, first_day: date, last_day: date, *, only_pivot: str | None = None) -> None:
        self._first_day = first_day
        self._last_day = last_day
        self._only_pivot = only_pivot
        self._known: dict[tuple[int, int, int], str | None] = {}

    def __call__(self, row: DayRecord) -> str | None:
        start, end = row.date_range.start, row.date_range.end
        day = (start.year, start.month, start.day)
        if day != (end.year, end.month, end.day):
            return f"dateRange: start {_text(start)} and end {_text(end)} are not the same day"
        if self._only_pivot is not None and row.pivot_values[0] != self._only_pivot:
            return f"pivotValues: {row.pivot_values[0]} was not requested"
        if day not in self._known:
            self._known[day] = self._wrong_with_day(start)
        return self._known[day]

    def _wrong_with_day(self, start: CalendarDay) -> str | None:
        day = _date(start)
        if day is None:
            return f"dateRange: {_text(start)} is not a calendar day"
        if not self._first_day <= day <= self._last_day:
            return f"dateRange: {day} is not within {self._first_day} to {self._last_day}, the days requested"
        return None


class MonthCheck:
    """Called with a row of one month, gives what is wrong with it, or None.

    The row may cover part of the month, as at the ends of the days requested, or the whole of a month asked
    for in part: LinkedIn widens ranges older than its daily store.
    """

    def __init__(self, first_day: date, last_day: date) -> None:
        self._first_day = first_day.replace(day=1)
        self._last_day = last_day.replace(day=monthrange(last_day.year, last_day.month)[1])

    def __call__(self, row: DemographicMonthRecord) -> str | None:
        return self._wrong_with_range(row.date_range)

    def _wrong_with_range(self, days: DateRange) -> str | None:
        first_day, last_day = _date(days.start), _date(days.end)
        if first_day is None or last_day is None:
            return f"dateRange: {_text(days.start)} to {_text(days.end)} are not calendar days"
        if first_day > last_day or (first_day.year, first_day.month) != (last_day.year, last_day.month):
            return f"dateRange: {first_day} to {last_day} is not within one month"
        if first_day < self._first_day or last_day > self._last_day:
            return f"dateRange: {first_day} to {last_day} is outside the months requested"
        return None


def _date(day: CalendarDay) -> date | None:
    try:
        return day.date()
    except ValueError:
        return None


def _text(day: CalendarDay) -> str:
    return f"{day.year:04}-{day.month:02}-{day.day:02}"
