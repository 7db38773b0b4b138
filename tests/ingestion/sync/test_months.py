from datetime import date, timedelta

import pytest

from ingestion.sync.months import DEMOGRAPHIC_RETENTION_DAYS, middle_month, whole_months

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("day", "last_of_its_month"),
    [
        (date(2026, 1, 31), date(2026, 1, 31)),
        (date(2026, 2, 28), date(2026, 2, 28)),
        (date(2025, 12, 1), date(2025, 12, 31)),
        (date(2025, 12, 31), date(2025, 12, 31)),
    ],
)
def test_a_month_ends_with_its_last_day(day, last_of_its_month):
    assert whole_months(first_day=day, last_day=day, today=TODAY)[1] == last_of_its_month


@pytest.mark.parametrize(
    ("first_month", "last_day", "middle"),
    [
        (date(2026, 11, 1), date(2026, 11, 21), date(2026, 11, 1)),
        (date(2026, 10, 1), date(2026, 11, 1), date(2026, 11, 1)),
        (date(2025, 12, 1), date(2026, 2, 28), date(2026, 1, 1)),
        (date(2024, 12, 1), date(2026, 11, 21), date(2025, 12, 1)),
    ],
)
def test_the_middle_month_begins_the_later_half(first_month, last_day, middle):
    assert middle_month(first_month, last_day) == middle


def test_whole_months_hold_for_every_day_of_years():
    """Today is at every distance from the day that LinkedIn still keeps: the oldest month begins in time."""
    day = date(2023, 1, 1)
    while day < date(2029, 1, 1):
        first, last = whole_months(first_day=date(2010, 1, 1), last_day=day, today=day + timedelta(days=40))
        oldest = day + timedelta(days=40 - DEMOGRAPHIC_RETENTION_DAYS)
        assert first.day == (last + timedelta(days=1)).day == 1
        assert first - timedelta(days=31) < oldest <= first
        assert last.replace(day=1) == day.replace(day=1)
        day += timedelta(days=1)


def test_months_are_whole_at_both_ends():
    months = whole_months(first_day=date(2026, 8, 24), last_day=date(2026, 9, 2), today=TODAY)
    assert months == (date(2026, 8, 1), date(2026, 9, 30))


def test_the_present_month_ends_today():
    months = whole_months(first_day=date(2026, 10, 22), last_day=TODAY, today=TODAY)
    assert months == (date(2026, 10, 1), TODAY)


def test_a_single_day_is_asked_as_its_month():
    day = date(2026, 2, 14)
    assert whole_months(first_day=day, last_day=day, today=TODAY) == (date(2026, 2, 1), date(2026, 2, 28))


def test_no_month_begins_before_linkedins_two_years():
    """730 days before 21 November 2026 is 21 November 2024: December is the first month kept whole."""
    months = whole_months(first_day=date(2017, 1, 1), last_day=TODAY, today=TODAY)
    assert months == (date(2024, 12, 1), TODAY)


def test_a_month_whose_first_day_is_just_kept_is_asked():
    today = date(2024, 12, 1) + timedelta(days=DEMOGRAPHIC_RETENTION_DAYS)
    assert whole_months(first_day=date(2017, 1, 1), last_day=today, today=today)[0] == date(2024, 12, 1)


def test_days_that_are_all_too_old_leave_no_month():
    first, last = whole_months(first_day=date(2020, 1, 1), last_day=date(2020, 3, 31), today=TODAY)
    assert first > last
