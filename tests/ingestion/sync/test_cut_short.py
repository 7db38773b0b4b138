"""What a sync that ends too soon leaves is never called whole, checked or recent where it is not."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import AdAccount
from ingestion.linkedin.errors import BadRequest
from ingestion.linkedin_simulator import analytics as simulated_analytics
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import AccountDailyTotal, CoveredDays, CreativeDailyMetric
from ingestion.sync import coverage, daily_figures, reconciliation, windows
from ingestion.timetable.freshness import freshness
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)


@pytest.fixture
def linkedin(settings) -> Iterator[SimulatedLinkedIn]:
    """Thirty creatives on each day."""
    settings.BACKFILL_DAYS, settings.LOOKBACK_DAYS = 29, 10
    size = WorldSize(ad_accounts=1, campaigns_per_account=10, creatives_per_campaign=3, dense=True, activity=1.0)
    with simulated_linkedin(settings, Options(now=NOW, frozen=True, size=size)) as linkedin:
        linkedin.connect()
        yield linkedin


def limit_rows(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """For LinkedIn, too. Below thirty, every day is requested by campaign."""
    for module in (windows, daily_figures):
        monkeypatch.setattr(module, "ANALYTICS_ROW_LIMIT", rows)
    monkeypatch.setattr(simulated_analytics, "MAX_ROWS", rows)


def whole_days(table: str = "creative_daily_metrics") -> set[date]:
    stretches = CoveredDays.objects.filter(data_table=table, is_whole=True).values_list("first_day", "last_day")
    return {day for first, last in stretches for day in windows.days_between(first, last)}


def test_access_lost_after_the_totals_leaves_no_empty_days(linkedin, settings, monkeypatch) -> None:
    """LinkedIn answers with nothing then, and a first sync has no rows that would contradict it."""
    settings.BACKFILL_DAYS = 90
    limit_rows(monkeypatch, 150)
    lost: list[int] = []

    def lose_access() -> bool:
        if not lost and AccountDailyTotal.objects.exists():
            lost.append(linkedin.simulator.switch_on("lost_role", ad_account=linkedin.ad_account_ids[0]))
        return False

    assert linkedin.sync(should_stop=lose_access).error_kind == "access"
    assert not whole_days() - set(CreativeDailyMetric.objects.values_list("date", flat=True))
    assert freshness(linkedin.ad_account_ids[0], now=linkedin.now()).is_due


def test_a_check_does_not_outlive_the_figures_it_was_of(linkedin, settings, monkeypatch) -> None:
    settings.LOOKBACK_DAYS = 20
    limit_rows(monkeypatch, 150)
    linkedin.sync()
    linkedin.simulator.clock.advance(days=2)
    linkedin.simulator.switch_on("wrong_totals", by=5)

    def campaigns_are_stored() -> bool:
        rows = CoveredDays.objects.filter(data_table="campaign_daily_metrics", asked_at=linkedin.now())
        return bool(rows.exists())

    linkedin.sync(should_stop=campaigns_are_stored)
    [ad_account_id] = linkedin.ad_account_ids
    first_day, last_day = TODAY - 15 * DAY, TODAY - 2 * DAY
    gaps = reconciliation.gaps(ad_account_id=ad_account_id, first_day=first_day, last_day=last_day)
    assert gaps
    assert not {gap.day for gap in gaps} & whole_days(coverage.CHECKED_DAYS.data_table)


def test_days_requested_by_campaign_are_covered_one_by_one(linkedin, monkeypatch) -> None:
    limit_rows(monkeypatch, 20)
    linkedin.sync(should_stop=lambda: CreativeDailyMetric.objects.values("date").distinct().count() >= 10)
    assert len(whole_days()) >= 5
    for day in whole_days():
        assert CreativeDailyMetric.objects.filter(date=day).count() == 30
    result = linkedin.sync()
    assert (result.status, result.reason) == ("success", "")
    assert CreativeDailyMetric.objects.count() == 30 * 30
    assert whole_days() == set(windows.days_between(TODAY - 29 * DAY, TODAY))


def test_a_refused_window_does_not_keep_the_others_from_being_fetched(linkedin, monkeypatch) -> None:
    limit_rows(monkeypatch, 150)
    ask, refused = daily_figures.DailySource.ask, TODAY - 12 * DAY

    def refuse(source: daily_figures.DailySource, window: windows.Window) -> Any:
        if source.table is daily_figures.CREATIVE_DAYS and window.first_day <= refused <= window.last_day:
            raise BadRequest("no")
        return ask(source, window)

    monkeypatch.setattr(daily_figures.DailySource, "ask", refuse)
    assert linkedin.sync().status == "partial"
    assert {TODAY, TODAY - 29 * DAY} <= whole_days()
    assert refused not in whole_days()


def test_a_day_with_rows_of_two_moments_is_not_whole(linkedin, monkeypatch) -> None:
    limit_rows(monkeypatch, 20)
    linkedin.sync()
    linkedin.simulator.clock.advance(days=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE creative_daily_metrics SET impressions = impressions + 1000000")

    def mixed() -> set[date]:
        values: dict[date, set[bool]] = {}
        for day, impressions in CreativeDailyMetric.objects.values_list("date", "impressions"):
            values.setdefault(day, set()).add(impressions > 1_000_000)
        return {day for day, found in values.items() if len(found) == 2}

    linkedin.sync(should_stop=lambda: bool(mixed()))
    assert mixed()
    assert not mixed() & whole_days()
    assert AdAccount.objects.count() == 1


def test_months_of_a_pivot_that_linkedin_refused_come_when_it_no_longer_does(linkedin, settings) -> None:
    settings.BACKFILL_DAYS, settings.FRESHNESS_TTL_MINUTES = 90, 60
    linkedin.simulator.switch_on("refused_pivot", pivot="MEMBER_JOB_TITLE")
    assert linkedin.sync().status == "partial"
    linkedin.simulator.switch_off()
    linkedin.simulator.clock.advance(days=1)
    assert linkedin.sync().status == "success"
    linkedin.assert_stored(TODAY - 90 * DAY)
