"""Days and ranges of days; never reads the clock: the caller passes today (UTC).

"Last N days" are whole days and end yesterday, because today is not over; "this month", "this quarter" and "year
to date" include today.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from dateutil.relativedelta import relativedelta

from accounts.shell import request_values

_MAX_YEARS = 10
# Wide enough for advertising, and far from the limits of calendar arithmetic.
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
_MONTHS_BEFORE = {1: "of the month before", 3: "of the quarter before", 12: "of the year before"}
_DAY = timedelta(days=1)
_WEEK = 7


class PeriodError(ValueError):
    """An invalid range of days; the message says what to change, `which` of first_day, last_day and period it is."""

    def __init__(self, message: str, *, which: str = "first_day") -> None:
        super().__init__(message)
        self.which = which


@dataclass(frozen=True, slots=True)
class Period:
    """A range of UTC days, both inclusive.

    One of calendar months, quarters or years has in `months` how many months earlier the one before it begins; 0 is
    any other range, and `days_back` how many days earlier, 0 for as few as whole weeks allow.
    """

    first_day: date
    last_day: date
    months: int = field(default=0, compare=False)
    days_back: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if self.first_day > self.last_day:
            message = f"The first day, {self.first_day}, is after the last day, {self.last_day}; swap them."
            raise PeriodError(message, which="last_day")
        if self.first_day < _FIRST_DAY or self.last_day > _LAST_DAY:
            raise PeriodError(
                f"{self.first_day} to {self.last_day} is not between {_FIRST_DAY} and {_LAST_DAY}.",
                which="first_day" if self.first_day < _FIRST_DAY else "last_day",
            )
        # Counted back from the last day: ten years from 29 February end with the 28th.
        if self.last_day - relativedelta(years=_MAX_YEARS) >= self.first_day:
            raise PeriodError(
                f"{self.first_day} to {self.last_day} is longer than {_MAX_YEARS} years; choose fewer days."
            )

    def __str__(self) -> str:
        return f"{self.first_day} to {self.last_day}"

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1

    def each_day(self) -> Iterator[date]:
        return (self.first_day + n * _DAY for n in range(self.days))

    def previous(self) -> "Period":
        """The days that this period is compared with, none of which it shares. Raises PeriodError if that is too early.

        Calendar periods are compared with calendar periods: a month with the month before, however long that was, and
        the first days of a month, quarter or year with the same days of the one before. Budgets and targets are set
        by calendar periods. Any other range is compared with as many days as early as whole weeks allow: the last 30
        days with the 30 that end 35 days earlier. People click less at weekends, and 30 days contain four or five of
        them; in ranges that start on the same weekday every weekday is as frequent, and the n-th days can be compared.
        """
        if not self.months:
            shift = self._shift * _DAY
            return Period(self.first_day - shift, self.last_day - shift)
        is_whole = _whole_months(self.first_day, self.last_day) > 0
        last_day = self.last_day - relativedelta(months=self.months)
        return Period(
            self.first_day - relativedelta(months=self.months),
            month_of(last_day)[1] if is_whole else last_day,
            self.months,
        )

    @property
    def _shift(self) -> int:
        """How many days earlier a range that is no calendar period is compared."""
        return self.days_back or -(-self.days // _WEEK) * _WEEK

    def previous_in_words(self) -> str:
        """Why the days before this period are not the ones just before it; empty where they are. Raises PeriodError."""
        if (self.first_day - self.previous().last_day).days == 1:
            return ""
        if self.months:
            return f"the same days {_MONTHS_BEFORE.get(self.months, f'{self.months} months earlier')}"
        return f"{self._shift} days earlier, so that the weekdays are the same"

    def until(self, last_day: date) -> "Period":
        """Its days up to this one, each compared with the same day as before."""
        return Period(self.first_day, last_day, self.months, 0 if self.months else self._shift)

    def clipped(self, first_day: date, last_day: date) -> "Period":
        """The part of a bucket of days within this period."""
        return Period(max(first_day, self.first_day), min(last_day, self.last_day))


class Preset(StrEnum):
    """Named periods."""

    LAST_7_DAYS = "last_7_days"
    LAST_14_DAYS = "last_14_days"
    LAST_30_DAYS = "last_30_days"
    LAST_90_DAYS = "last_90_days"
    THIS_MONTH = "this_month"
    LAST_MONTH = "last_month"
    THIS_QUARTER = "this_quarter"
    LAST_QUARTER = "last_quarter"
    YEAR_TO_DATE = "year_to_date"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").capitalize()


CUSTOM = "custom"


def preset_period(preset: Preset, *, today: date) -> Period:
    """The days of a preset as of today."""
    return _PRESETS[preset](today)


def last_days(days: int, *, today: date) -> Period:
    """That many whole days, ending yesterday."""
    return Period(today - days * _DAY, today - _DAY)


def open_period(first_day: date, last_day: date | None, *, today: date) -> Period:
    """The days of a filter that may be open towards today; at most ten years, of those that there can be."""
    last = min(max(last_day or max(today, first_day), _FIRST_DAY), _LAST_DAY)
    return Period(min(max(first_day, _FIRST_DAY, last - relativedelta(years=_MAX_YEARS) + _DAY), last), last)


def parse_period(
    *, preset: str | None = None, first_day: str | None = None, last_day: str | None = None, today: date
) -> Period:
    """A period as people and tools write it: a preset, or two days as YYYY-MM-DD; the default is the last 30 days.

    A custom range of whole calendar months is compared as such. Raises PeriodError.
    """
    if preset and preset != CUSTOM:
        if first_day or last_day:
            raise PeriodError(f"Give either a period ({preset}) or a first and last day, not both.", which="period")
        return preset_period(_preset(preset), today=today)
    if not preset and not first_day and not last_day:
        return preset_period(Preset.LAST_30_DAYS, today=today)
    days = _day(first_day, "first_day"), _day(last_day, "last_day")
    return Period(*days, _whole_months(*days))


def _preset(text: str) -> Preset:
    try:
        return Preset(text)
    except ValueError as error:
        known = ", ".join([*Preset, CUSTOM])
        raise PeriodError(f"Unknown period “{text}”; choose one of {known}.", which="period") from error


def _day(text: str | None, which: str) -> date:
    name = which.replace("_", " ")
    if not text:
        raise PeriodError(f"The {name} is missing; write it as YYYY-MM-DD.", which=which)
    try:
        return request_values.day(text)
    except request_values.BadValue:
        message = f"The {name}, “{text}”, is not a valid date; write it as YYYY-MM-DD."
        raise PeriodError(message, which=which) from None


def week_of(day: date) -> tuple[date, date]:
    """Monday and Sunday of the ISO week."""
    monday = day - day.weekday() * _DAY
    return monday, monday + 6 * _DAY


def month_of(day: date) -> tuple[date, date]:
    """First and last day of the calendar month."""
    return day.replace(day=1), day + relativedelta(day=31)


def _whole_months(first_day: date, last_day: date) -> int:
    """How many calendar months these days are; 0 if the first or the last of them is not whole."""
    if first_day.day > 1 or last_day != month_of(last_day)[1]:
        return 0
    return (last_day.year - first_day.year) * 12 + last_day.month - first_day.month + 1


def _quarter_start(day: date) -> date:
    return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)


def _last_quarter(today: date) -> Period:
    start = _quarter_start(today)
    return Period(start - relativedelta(months=3), start - _DAY, months=3)


_PRESETS: dict[Preset, Callable[[date], Period]] = {
    Preset.LAST_7_DAYS: lambda today: last_days(7, today=today),
    Preset.LAST_14_DAYS: lambda today: last_days(14, today=today),
    Preset.LAST_30_DAYS: lambda today: last_days(30, today=today),
    Preset.LAST_90_DAYS: lambda today: last_days(90, today=today),
    Preset.THIS_MONTH: lambda today: Period(today.replace(day=1), today, months=1),
    Preset.LAST_MONTH: lambda today: Period(*month_of(today.replace(day=1) - _DAY), months=1),
    Preset.THIS_QUARTER: lambda today: Period(_quarter_start(today), today, months=3),
    Preset.LAST_QUARTER: _last_quarter,
    Preset.YEAR_TO_DATE: lambda today: Period(today.replace(month=1, day=1), today, months=12),
}
