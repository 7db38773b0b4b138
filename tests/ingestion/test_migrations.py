"""What runs said of covered days, until a table did, comes into that table."""

from datetime import UTC, date, datetime, timedelta
from importlib import import_module

from ingestion.sync.windows import days_between

migration = import_module("ingestion.migrations.0016_fill_covered_days")
STARTED = datetime(2026, 11, 20, 6, tzinfo=UTC)
TODAY = STARTED.date()
FIRST = date(2026, 10, 22)
CAMPAIGNS, CREATIVES, CHECKED = (
    ("campaign_daily_metrics", ""), ("creative_daily_metrics", ""), ("incomplete_days", "")
)  # fmt: skip
JOBS = ("audience_demographics", "job_title")


def covered(*, is_success: bool, answered: dict[str, object]) -> dict[tuple[str, str], tuple[date, date]]:
    found = migration._covered(FIRST, TODAY, TODAY, is_success, answered, ["job_title", "country"])
    return {dataset: (first, last) for dataset, first, last in found}


def test_a_success_covered_all_its_days_and_checked_those_that_were_over():
    found = covered(is_success=True, answered={})
    assert found[CAMPAIGNS] == found[CREATIVES] == (FIRST, TODAY)
    assert found[CHECKED] == (FIRST, TODAY - timedelta(days=1))
    assert found[JOBS] == found["audience_demographics", "country"] == (date(2026, 10, 1), TODAY)


def test_another_run_covered_what_it_noted():
    noted = {"campaign_daily_metrics": [["2026-11-01", "2026-11-20"]], "audience_demographics": ["job_title"]}
    assert covered(is_success=False, answered=noted) == {
        CAMPAIGNS: (date(2026, 11, 1), TODAY),
        JOBS: (date(2026, 10, 1), TODAY),
    }


def test_demographics_older_than_linkedin_keeps_were_not_covered():
    assert migration._months(date(2020, 5, 5), TODAY, TODAY) == (date(2024, 12, 1), TODAY)


def test_a_day_is_as_its_last_run_left_it():
    stretches: list[tuple[date, date, datetime]] = []
    model: dict[date, datetime] = {}
    for hour, (first, last) in enumerate([(0, 29), (5, 8), (3, 6), (28, 35), (0, 0), (10, 12)]):
        days = (FIRST + timedelta(days=first), FIRST + timedelta(days=last))
        asked_at = STARTED + timedelta(hours=hour)
        stretches = migration._with(stretches, (*days, asked_at))
        model |= dict.fromkeys(days_between(*days), asked_at)
    by_day = [(day, asked_at) for first, last, asked_at in stretches for day in days_between(first, last)]
    assert len(by_day) == len(dict(by_day))
    assert dict(by_day) == model
