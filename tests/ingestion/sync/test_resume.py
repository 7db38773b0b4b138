"""A run that ended too soon is gone on with: what was answered and stored is not asked for again."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database

from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import CoveredDays, IncompleteDay, SyncLog
from ingestion.sync import daily_figures, load, windows
from ingestion.sync.windows import Window, days_between
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
DAYS = 200
FIRST_DAY = TODAY - timedelta(days=DAYS - 1)
CREATIVES = 30
CREATIVE_DAYS = "creative_daily_metrics"
Asked = list[tuple[str, Window]]


@pytest.fixture
def linkedin(settings, monkeypatch) -> Iterator[SimulatedLinkedIn]:
    """A long backfill in many small windows: 6,000 creative rows, asked for 150 at a time."""
    settings.BACKFILL_DAYS = DAYS - 1
    monkeypatch.setattr(windows, "ANALYTICS_ROW_LIMIT", 150)
    monkeypatch.setattr(daily_figures, "ANALYTICS_ROW_LIMIT", 150)
    size = WorldSize(ad_accounts=1, campaigns_per_account=10, creatives_per_campaign=3, dense=True, activity=1.0)
    with simulated_linkedin(settings, Options(now=NOW, frozen=True, size=size)) as linkedin:
        linkedin.connect()
        yield linkedin


@pytest.fixture
def asked(monkeypatch) -> Asked:
    """Every window that was asked for, by table."""
    seen: Asked = []
    ask = daily_figures.DailySource.ask

    def noted(source: daily_figures.DailySource, window: Window) -> Any:
        seen.append((source.table.target.table, window))
        return ask(source, window)

    monkeypatch.setattr(daily_figures.DailySource, "ask", noted)
    return seen


def calls(linkedin: SimulatedLinkedIn) -> int:
    return int(linkedin.simulator.counters.counted()["total"])


def after(linkedin: SimulatedLinkedIn, answers: int) -> Callable[[], bool]:
    return lambda: calls(linkedin) >= answers


def days_of(asked: Asked, table: str = CREATIVE_DAYS) -> list[date]:
    return [day for name, window in asked if name == table for day in days_between(window.first_day, window.last_day)]


def answered_days(table: str = CREATIVE_DAYS) -> set[date]:
    ranges = CoveredDays.objects.filter(data_table=table).values_list("first_day", "last_day")
    return {day for first, last in ranges for day in days_between(first, last)}


_MEASURED: list[int] = []


def undisturbed_calls(linkedin: SimulatedLinkedIn) -> int:
    """What the same sync takes in one go: measured once, and then forgotten."""
    if _MEASURED:
        return _MEASURED[0]
    result = linkedin.sync()
    assert result.status == "success"
    with database.cursor() as cursor:
        cursor.execute("TRUNCATE sync_log, campaigns, creatives, audience_demographics, urn_names CASCADE")
        cursor.execute("TRUNCATE account_daily_totals, covered_days")
    linkedin.forget_calls()
    _MEASURED.append(result.api_calls)
    return result.api_calls


def assert_gone_on_with(linkedin: SimulatedLinkedIn, undisturbed: int) -> None:
    result = linkedin.sync()
    assert (result.status, result.reason) == ("success", "")
    assert calls(linkedin) <= 1.2 * undisturbed
    linkedin.assert_stored(FIRST_DAY)
    assert not IncompleteDay.objects.exists()
    assert not SyncLog.objects.filter(status="running").exists()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_run_that_was_told_to_stop_is_gone_on_with(linkedin: SimulatedLinkedIn, share: float):
    undisturbed = undisturbed_calls(linkedin)
    stopped = linkedin.sync(should_stop=after(linkedin, int(undisturbed * share)))
    assert (stopped.status, stopped.error_kind) == ("partial", "timeout")
    assert "the next sync resumes from here" in stopped.reason
    assert_gone_on_with(linkedin, undisturbed)


@pytest.mark.slow
def test_a_run_whose_store_broke_is_gone_on_with(linkedin: SimulatedLinkedIn, monkeypatch):
    undisturbed = undisturbed_calls(linkedin)
    honest, written = load.insert_days, 0

    def breaks(*arguments: Any, **options: Any) -> Any:
        nonlocal written
        written += 1
        if written == undisturbed // 2:
            raise RuntimeError("the disk fell out")
        return honest(*arguments, **options)

    monkeypatch.setattr(load, "insert_days", breaks)
    with pytest.raises(RuntimeError, match="the disk fell out"):
        linkedin.sync()
    broken = SyncLog.objects.filter(account__isnull=False).latest("pk")
    assert (broken.status, broken.error_kind) == ("partial", "internal")
    assert answered_days()
    assert_gone_on_with(linkedin, undisturbed)


@pytest.mark.slow
def test_answered_days_are_not_asked_for_again(linkedin: SimulatedLinkedIn, asked: Asked):
    linkedin.sync(should_stop=after(linkedin, 45))
    answered = {table: answered_days(table) for table in (CREATIVE_DAYS, "campaign_daily_metrics")}
    assert len(answered[CREATIVE_DAYS]) > 50
    asked.clear()
    linkedin.sync()
    for table, before in answered.items():
        again = days_of(asked, table)
        assert len(again) == len(set(again))
        assert set(again) == set(days_between(FIRST_DAY, TODAY)) - before
    linkedin.assert_stored(FIRST_DAY)


@pytest.mark.slow
def test_answered_demographics_are_not_asked_for_again(linkedin: SimulatedLinkedIn, monkeypatch):
    honest, written = load.upsert_segments, 0

    def breaks(*arguments: Any, **options: Any) -> Any:
        nonlocal written
        written += 1
        if written == 6:
            raise RuntimeError("the disk fell out")
        return honest(*arguments, **options)

    monkeypatch.setattr(load, "upsert_segments", breaks)
    with pytest.raises(RuntimeError):
        linkedin.sync()
    linkedin.forget_calls()
    assert linkedin.sync().status == "success"
    # Totals and three pivots; every day was answered.
    assert linkedin.simulator.counters.counted()["calls"]["adAnalytics"] == 1 + 3
    linkedin.assert_stored(FIRST_DAY)


@pytest.mark.slow
def test_a_run_stopped_several_times_still_comes_to_its_end(linkedin: SimulatedLinkedIn, asked: Asked):
    for _ in range(4):
        linkedin.forget_calls()
        assert linkedin.sync(should_stop=after(linkedin, 20)).status == "partial"
    assert linkedin.sync().status == "success"
    linkedin.assert_stored(FIRST_DAY)
    assert len(days_of(asked)) < 1.5 * DAYS


def test_force_starts_afresh(linkedin: SimulatedLinkedIn, asked: Asked):
    linkedin.sync(should_stop=after(linkedin, 30))
    assert answered_days()
    asked.clear()
    assert linkedin.sync(force=True).status == "success"
    assert sorted(days_of(asked)) == days_between(FIRST_DAY, TODAY)


@pytest.mark.slow
@pytest.mark.parametrize(("minutes", "is_reused"), [(239, True), (241, False)])
def test_work_older_than_fresh_data_is_not_reused(
    linkedin: SimulatedLinkedIn, asked: Asked, minutes: int, is_reused: bool
):
    linkedin.sync(should_stop=after(linkedin, 30))
    answered = answered_days()
    asked.clear()
    linkedin.simulator.clock.advance(seconds=minutes * 60)
    assert linkedin.sync().status == "success"
    assert (not answered.intersection(days_of(asked))) is is_reused
    linkedin.assert_stored(FIRST_DAY)


def test_a_success_is_not_gone_on_with(linkedin: SimulatedLinkedIn, asked: Asked, settings):
    settings.FRESHNESS_TTL_MINUTES, settings.LOOKBACK_DAYS = 60, 3
    linkedin.sync()
    asked.clear()
    linkedin.simulator.clock.advance(seconds=61 * 60)
    linkedin.sync()
    assert sorted(days_of(asked)) == days_between(TODAY - timedelta(days=3), TODAY)


@pytest.mark.slow
def test_a_refused_ask_in_between_does_not_lose_the_work(linkedin: SimulatedLinkedIn, asked: Asked):
    linkedin.sync(should_stop=after(linkedin, 30))
    answered = answered_days()
    linkedin.simulator.clock.advance(seconds=1)
    linkedin.simulator.switch_on("lost_role", ad_account=linkedin.ad_account_ids[0])
    assert linkedin.sync().status == "failed"
    linkedin.simulator.switch_off()
    linkedin.discover()
    asked.clear()
    assert linkedin.sync().status == "success"
    assert not answered.intersection(days_of(asked))
    linkedin.assert_stored(FIRST_DAY)
