"""Ranges of days: presets, what comes before them, and clear words for what cannot be asked."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.periods import Period, PeriodError, Preset, month_of, parse_period, preset_period, week_of

TODAY = date(2026, 11, 21)
DAYS = st.dates(date(2010, 1, 1), date(2030, 12, 31))


@pytest.mark.parametrize(
    ("preset", "first_day", "last_day"),
    [
        ("last_7_days", date(2026, 11, 14), date(2026, 11, 20)),
        ("last_14_days", date(2026, 11, 7), date(2026, 11, 20)),
        ("last_30_days", date(2026, 10, 22), date(2026, 11, 20)),
        ("last_90_days", date(2026, 8, 23), date(2026, 11, 20)),
        ("this_month", date(2026, 11, 1), TODAY),
        ("last_month", date(2026, 10, 1), date(2026, 10, 31)),
        ("this_quarter", date(2026, 10, 1), TODAY),
        ("last_quarter", date(2026, 7, 1), date(2026, 9, 30)),
        ("year_to_date", date(2026, 1, 1), TODAY),
    ],
)
def test_presets(preset: str, first_day: date, last_day: date):
    assert preset_period(Preset(preset), today=TODAY) == Period(first_day, last_day)
    assert parse_period(preset=preset, today=TODAY) == Period(first_day, last_day)


def test_presets_across_the_turn_of_the_year():
    new_year = date(2026, 1, 1)
    assert preset_period(Preset.LAST_MONTH, today=new_year) == Period(date(2025, 12, 1), date(2025, 12, 31))
    assert preset_period(Preset.LAST_QUARTER, today=new_year) == Period(date(2025, 10, 1), date(2025, 12, 31))
    assert preset_period(Preset.YEAR_TO_DATE, today=new_year) == Period(new_year, new_year)
    leap_day = date(2024, 3, 31)
    assert preset_period(Preset.LAST_MONTH, today=leap_day) == Period(date(2024, 2, 1), date(2024, 2, 29))


def test_nothing_said_is_the_last_thirty_days_and_custom_is_what_the_days_say():
    assert parse_period(today=TODAY) == preset_period(Preset.LAST_30_DAYS, today=TODAY)
    asked = parse_period(preset="custom", first_day="2026-02-01", last_day="2026-02-28", today=TODAY)
    assert asked == Period(date(2026, 2, 1), date(2026, 2, 28))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"preset": "yesterday"}, "Unknown period “yesterday”; choose one of last_7_days"),
        ({"preset": "last_7_days", "first_day": "2026-01-01"}, "not both"),
        ({"first_day": "2026-01-01"}, "last day is missing; write it as YYYY-MM-DD"),
        ({"preset": "custom"}, "first day is missing"),
        ({"first_day": "01.02.2026", "last_day": "2026-03-01"}, "“01.02.2026”, is not a valid date"),
        ({"first_day": "2026-02-30", "last_day": "2026-03-01"}, "“2026-02-30”, is not a valid date"),
        ({"first_day": "2026-W07-1", "last_day": "2026-03-01"}, "“2026-W07-1”, is not a valid date"),
        ({"first_day": "20260201", "last_day": "2026-03-01"}, "“20260201”, is not a valid date"),
        ({"first_day": "2026-03-02", "last_day": "2026-03-01"}, "swap them"),
        ({"first_day": "2016-01-01", "last_day": "2026-01-01"}, "longer than 10 years"),
        ({"first_day": "2016-02-29", "last_day": "2026-03-01"}, "longer than 10 years"),
        ({"first_day": "0001-01-01", "last_day": "0001-01-02"}, "not between 2000-01-01"),
        ({"first_day": "9999-12-01", "last_day": "9999-12-31"}, "not between 2000-01-01"),
    ],
)
def test_what_cannot_be_asked_says_why(asked: dict[str, str], words: str):
    with pytest.raises(PeriodError, match=words):
        parse_period(**asked, today=TODAY)


def test_ten_years_to_the_day_can_be_asked():
    assert Period(date(2016, 1, 1), date(2025, 12, 31)).days == 3653
    assert Period(date(2016, 2, 29), date(2026, 2, 28)).days == 3653
    assert Period(date(2006, 3, 1), date(2016, 2, 29)).days == 3653
    with pytest.raises(PeriodError, match="longer than 10 years"):
        Period(date(2006, 2, 28), date(2016, 2, 29))


@given(DAYS, st.integers(0, 3000))
def test_the_previous_period_is_as_long_and_ends_the_day_before(first_day: date, days: int):
    period = Period(first_day, first_day + timedelta(days=days))
    before = period.previous()
    assert before.days == period.days
    assert before.last_day == period.first_day - timedelta(days=1)
    assert set(before.each_day()).isdisjoint(period.each_day())


@given(DAYS)
def test_weeks_run_from_monday_and_months_whole(day: date):
    monday, sunday = week_of(day)
    assert monday <= day <= sunday
    assert (monday.isoweekday(), sunday.isoweekday(), sunday - monday) == (1, 7, timedelta(days=6))
    first_day, last_day = month_of(day)
    assert first_day <= day <= last_day
    assert (first_day.day, (last_day + timedelta(days=1)).day) == (1, 1)
    assert first_day.month == last_day.month == day.month
