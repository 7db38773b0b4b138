"""Calendar months of a range of days."""

from datetime import date, timedelta

# LinkedIn keeps demographics for two years. Source: LinkedIn Marketing, "Reporting", 202602.
DEMOGRAPHIC_RETENTION_DAYS = 730


def whole_months(*, first_day: date, last_day: date, today: date) -> tuple[date, date]:
    """The calendar months that hold the days, as far as LinkedIn keeps demographics; both inclusive.

    Only whole months: the first is not before LinkedIn's two years, the last ends today at the latest.
    """
    oldest = today - timedelta(days=DEMOGRAPHIC_RETENTION_DAYS)
    if oldest.day > 1:
        oldest = month_after(oldest)
    first = max(first_day.replace(day=1), oldest)
    last = min(month_after(last_day) - timedelta(days=1), today)
    return first, last


def middle_month(first_month: date, last_day: date) -> date:
    """The first day of the month that begins the later half; of a single month, that month."""
    months = (last_day.year - first_month.year) * 12 + last_day.month - first_month.month + 1
    middle = first_month
    for _ in range(months // 2):
        middle = month_after(middle)
    return middle


def month_after(day: date) -> date:
    """The first day of the next month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
