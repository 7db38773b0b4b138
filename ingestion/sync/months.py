"""Calendar months of a range of days."""

from datetime import date, timedelta
from typing import Final

from dateutil.relativedelta import relativedelta

# LinkedIn keeps demographics for two years. Source: LinkedIn Marketing, "Reporting", 202602.
DEMOGRAPHIC_RETENTION_DAYS: Final = 730
_FIRST_OF_NEXT_MONTH: Final = relativedelta(months=1, day=1)
_LAST_OF_MONTH: Final = relativedelta(day=31)


def whole_months(*, first_day: date, last_day: date, today: date) -> tuple[date, date]:
    """The calendar months that hold the days, as far as LinkedIn keeps demographics; both inclusive.

    Only whole months: the first is not before LinkedIn's two years, the last ends today at the latest.
    """
    oldest = today - timedelta(days=DEMOGRAPHIC_RETENTION_DAYS)
    if oldest.day > 1:
        oldest += _FIRST_OF_NEXT_MONTH
    return max(first_day.replace(day=1), oldest), min(last_day + _LAST_OF_MONTH, today)


def last_of_month(day: date) -> date:
    """The last day of the month that holds this day."""
    return day + _LAST_OF_MONTH


def middle_month(first_month: date, last_day: date) -> date:
    """The first day of the month that begins the later half; of a single month, that month."""
    between = relativedelta(last_day, first_month)
    months = between.years * 12 + between.months + 1
    return first_month + relativedelta(months=months // 2)
