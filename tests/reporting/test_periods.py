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
def test_a_rolling_period_is_compared_with_the_same_weekdays_as_late_as_possible(first_day: date, days: int):
    period = Period(first_day, first_day + timedelta(days=days))
    before = period.previous()
    assert before.days == period.days
    assert before.first_day.weekday() == period.first_day.weekday()
    assert 1 <= (period.first_day - before.last_day).days <= 7
    assert set(before.each_day()).isdisjoint(period.each_day())


@pytest.mark.parametrize(
    ("preset", "today", "first_day", "last_day"),
    [
        ("last_7_days", TODAY, date(2026, 11, 7), date(2026, 11, 13)),
        ("last_14_days", TODAY, date(2026, 10, 24), date(2026, 11, 6)),
        ("last_30_days", TODAY, date(2026, 9, 17), date(2026, 10, 16)),
        ("last_90_days", TODAY, date(2026, 5, 24), date(2026, 8, 21)),
        # All of November, but rolling as on any other day.
        ("last_30_days", date(2026, 12, 1), date(2026, 9, 27), date(2026, 10, 26)),
        ("this_month", TODAY, date(2026, 10, 1), date(2026, 10, 21)),
        ("this_month", date(2026, 11, 7), date(2026, 10, 1), date(2026, 10, 7)),
        ("this_month", date(2026, 3, 30), date(2026, 2, 1), date(2026, 2, 28)),
        ("this_month", date(2026, 2, 28), date(2026, 1, 1), date(2026, 1, 31)),
        ("this_month", date(2026, 1, 1), date(2025, 12, 1), date(2025, 12, 1)),
        ("last_month", TODAY, date(2026, 9, 1), date(2026, 9, 30)),
        ("last_month", date(2026, 3, 5), date(2026, 1, 1), date(2026, 1, 31)),
        ("last_month", date(2028, 4, 1), date(2028, 2, 1), date(2028, 2, 29)),
        ("this_quarter", TODAY, date(2026, 7, 1), date(2026, 8, 21)),
        ("this_quarter", date(2026, 10, 15), date(2026, 7, 1), date(2026, 7, 15)),
        ("last_quarter", TODAY, date(2026, 4, 1), date(2026, 6, 30)),
        ("last_quarter", date(2026, 1, 9), date(2025, 7, 1), date(2025, 9, 30)),
        ("year_to_date", TODAY, date(2025, 1, 1), date(2025, 11, 21)),
        ("year_to_date", date(2028, 2, 29), date(2027, 1, 1), date(2027, 2, 28)),
    ],
)
def test_a_preset_is_compared_with_its_own_kind(preset: str, today: date, first_day: date, last_day: date):
    period = preset_period(Preset(preset), today=today)
    assert period.previous() == Period(first_day, last_day)


@pytest.mark.parametrize(
    ("first_day", "last_day", "before"),
    [
        ("2026-10-01", "2026-10-31", Period(date(2026, 9, 1), date(2026, 9, 30))),
        ("2026-01-01", "2026-02-28", Period(date(2025, 11, 1), date(2025, 12, 31))),
        ("2025-01-01", "2025-12-31", Period(date(2024, 1, 1), date(2024, 12, 31))),
        ("2026-11-02", "2026-11-15", Period(date(2026, 10, 19), date(2026, 11, 1))),
        ("2026-11-01", "2026-11-16", Period(date(2026, 10, 11), date(2026, 10, 26))),
        ("2026-11-19", "2026-11-19", Period(date(2026, 11, 12), date(2026, 11, 12))),
    ],
)
def test_a_custom_range_of_whole_months_or_weeks_is_compared_as_such(first_day: str, last_day: str, before: Period):
    assert parse_period(first_day=first_day, last_day=last_day, today=TODAY).previous() == before


@given(st.sampled_from(Preset), DAYS)
def test_no_preset_shares_a_day_with_what_it_is_compared_with(preset: Preset, today: date):
    period = preset_period(preset, today=today)
    before = period.previous()
    assert before.last_day < period.first_day
    assert before.previous().last_day < before.first_day
    if not period.months:
        assert [day.weekday() for day in before.each_day()] == [day.weekday() for day in period.each_day()]
    else:
        assert (before.first_day.day, before.months) == (1, period.months)
        is_the_end = before.last_day == month_of(before.last_day)[1]
        assert before.last_day.day == period.last_day.day or is_the_end


@given(DAYS)
def test_weeks_run_from_monday_and_months_whole(day: date):
    monday, sunday = week_of(day)
    assert monday <= day <= sunday
    assert (monday.isoweekday(), sunday.isoweekday(), sunday - monday) == (1, 7, timedelta(days=6))
    first_day, last_day = month_of(day)
    assert first_day <= day <= last_day
    assert (first_day.day, (last_day + timedelta(days=1)).day) == (1, 1)
    assert first_day.month == last_day.month == day.month
