"""Our sums against LinkedIn's totals: what differs is noticed, mended, or named; nothing is zeroed on a guess."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection as database
from django.db.models import F, QuerySet

from ingestion.linkedin import endpoints
from ingestion.linkedin_simulator.analytics_rows import AnalyticsQuery, rows
from ingestion.linkedin_simulator.figures import CLICKS, CONVERSIONS, IMPRESSIONS, SPEND
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.truth import served_money, truth
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import AccountDailyTotal, CampaignDailyMetric, CreativeDailyMetric, IncompleteDay, SyncLog
from ingestion.sync import rechecks, reconciliation
from ingestion.timetable.sync_status import state
from tests.ingestion.simulated import (
    DATA_TABLES,
    SimulatedLinkedIn,
    assert_same_rows,
    simulated_linkedin,
    stored_rows,
)

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
DAYS = 20
FIRST_DAY = TODAY - timedelta(days=DAYS - 1)
# Totals, campaigns, creatives, and eight demographics.
UNDISTURBED = 3 + 8
METRICS = ("campaign_daily_metrics", "creative_daily_metrics")


@pytest.fixture
def dense(settings):
    """Ten campaigns of four creatives, each with one row a day, on twenty days."""
    settings.BACKFILL_DAYS, settings.LOOKBACK_DAYS = DAYS - 1, DAYS - 1
    size = WorldSize(ad_accounts=1, campaigns_per_account=10, creatives_per_campaign=4, dense=True, activity=1.0)
    with simulated_linkedin(settings, Options(now=NOW, frozen=True, size=size)) as linkedin:
        linkedin.connect()
        yield linkedin


@pytest.fixture
def synced(dense: SimulatedLinkedIn) -> SimulatedLinkedIn:
    assert dense.sync().status == "success"
    return dense


def campaign_ids() -> list[int]:
    return sorted(CampaignDailyMetric.objects.values_list("campaign_id", flat=True).distinct())


def complete_through() -> date | None:
    (ad_account,) = state().ad_accounts
    return ad_account.complete_through


def found_gaps(linkedin: SimulatedLinkedIn) -> list[reconciliation.Gap]:
    return reconciliation.gaps(ad_account_id=linkedin.ad_account_ids[0], first_day=FIRST_DAY, last_day=TODAY)


def assert_metrics_are_true(
    linkedin: SimulatedLinkedIn, last_day: date = TODAY, *, first_day: date = FIRST_DAY
) -> None:
    """Daily rows other than zeros equal the truth: a day that was taken back keeps a row of zeros."""
    ad_account_id = linkedin.ad_account_ids[0]
    expected = truth(linkedin.simulator, ad_account_id, first_day, last_day)
    for table in METRICS:
        stored = [row for row in stored_rows(table, ad_account_id) if row["date"] <= last_day]
        kept = [row for row in stored if row["impressions"] or row["spend"]]
        assert_same_rows(table, kept, expected[table])


def written() -> dict[str, int]:
    """Inserted, updated and deleted rows by PostgreSQL's own count."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE relname = ANY(%s)",
            [[*DATA_TABLES, "account_daily_totals", "incomplete_days"]],
        )
        return dict(cursor.fetchall())


def totals_of_the_simulator(linkedin: SimulatedLinkedIn) -> dict[date, tuple[Any, ...]]:
    (plan,) = linkedin.simulator.present.accounts()
    question = AnalyticsQuery(("ACCOUNT",), FIRST_DAY, TODAY, "DAILY", {"accounts": frozenset([plan.id])})
    office = linkedin.simulator.office
    return {
        row.bucket.first_day: (
            row.figures[IMPRESSIONS], row.figures[CLICKS], served_money(row.figures[SPEND]), row.figures[CONVERSIONS],
        )
        for row in rows(office.present, office.totals, question, [plan])
    }  # fmt: skip


def stored_totals() -> dict[date, tuple[Any, ...]]:
    rows = AccountDailyTotal.objects.values_list("date", "impressions", "clicks", "spend", "conversions")
    return {day: tuple(values) for day, *values in rows}


# --- all is well ---


def test_a_usual_sync_is_complete_through_yesterday(synced: SimulatedLinkedIn):
    assert not IncompleteDay.objects.exists()
    assert complete_through() == YESTERDAY
    assert len(stored_totals()) == DAYS
    assert stored_totals() == totals_of_the_simulator(synced)


def test_totals_follow_a_restatement(synced: SimulatedLinkedIn):
    before = stored_totals()
    synced.simulator.change(
        "restate", ad_account=synced.ad_account_ids[0], first_day=str(YESTERDAY), last_day=str(YESTERDAY)
    )
    synced.sync(force=True)
    assert stored_totals() != before
    assert stored_totals() == totals_of_the_simulator(synced)
    assert not IncompleteDay.objects.exists()


# --- answers that were cut without a word ---


def test_a_second_ask_mends_short_answers(dense: SimulatedLinkedIn):
    """800 creative rows come as 500; what is missing is asked for by day, but for today's, which is not over."""
    dense.simulator.switch_on("short_answers")
    result = dense.sync()
    assert (result.status, result.reason) == ("success", "")
    assert_metrics_are_true(dense, YESTERDAY)
    assert not IncompleteDay.objects.exists()
    assert complete_through() == YESTERDAY
    # Undisturbed it takes one call each for totals, campaigns, creatives, and eight demographics; the days that were
    # cut off have 300 rows together, which one more request gets.
    assert dense.simulator.counters.counted()["calls"]["adAnalytics"] == UNDISTURBED + 1


def test_what_stays_short_is_named_and_heals_later(dense: SimulatedLinkedIn, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    dense.simulator.switch_on("short_answers", rows=3)
    result = dense.sync()
    assert (result.status, result.reason) == ("success", "")
    found = list(IncompleteDay.objects.order_by("date"))
    assert [one.date for one in found] == [FIRST_DAY + timedelta(days=n) for n in range(DAYS - 1)]
    totals = stored_totals()
    for one in found:
        assert set(one.differences) == set(METRICS)
        for table, differences in one.differences.items():
            expected = _sum_of_the_day(table, one.date) - totals[one.date][0]
            assert differences["impressions"] == expected < 0
        assert (one.first_seen_at, one.checked_at) == (NOW, NOW)
    (ad_account,) = state().ad_accounts
    assert ad_account.incomplete_days == DAYS - 1
    assert ad_account.complete_through == FIRST_DAY - timedelta(days=1)
    assert f"{DAYS - 1} days" in _status()
    assert ad_account.first_incomplete_days == [FIRST_DAY + timedelta(days=n) for n in range(min(10, DAYS - 1))]
    assert str(FIRST_DAY + timedelta(days=2)) in _status()
    assert json.loads(_status("--json"))["ad_accounts"][0]["incomplete_days"] == DAYS - 1

    dense.simulator.clock.advance(seconds=60)
    dense.sync(force=True)
    again = IncompleteDay.objects.latest("date")
    assert (again.first_seen_at, again.checked_at) == (NOW, NOW + timedelta(seconds=60))

    dense.simulator.switch_off()
    assert dense.sync(force=True).status == "success"
    assert not IncompleteDay.objects.exists()
    assert complete_through() == YESTERDAY
    dense.assert_stored(FIRST_DAY)


def _sum_of_the_day(table: str, day: date) -> int:
    with database.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(sum(impressions), 0) FROM {table} WHERE date = %s", [day])
        return int(cursor.fetchone()[0])


def _status(*arguments: str) -> str:
    out = StringIO()
    call_command("status", *arguments, stdout=out)
    return " ".join(out.getvalue().replace("│", " ").split())


def test_what_stays_short_heals_after_it_left_the_look_back(dense: SimulatedLinkedIn, settings):
    settings.LOOKBACK_DAYS = 2
    dense.simulator.switch_on("short_answers", rows=3)
    dense.sync()
    assert IncompleteDay.objects.count() == DAYS - 1
    dense.simulator.switch_off()
    tomorrow = TODAY + timedelta(days=1)
    dense.simulator.clock.set(NOW + timedelta(days=1))
    assert dense.sync(force=True).status == "success"
    assert SyncLog.objects.latest("pk").first_day == TODAY - timedelta(days=2)
    assert not IncompleteDay.objects.exists()
    dense.assert_stored(FIRST_DAY, tomorrow)


@pytest.mark.slow
def test_what_left_the_look_back_is_tried_again_and_each_time_later(dense: SimulatedLinkedIn, settings):
    settings.LOOKBACK_DAYS = 0
    left = TODAY - timedelta(days=9)
    dense.simulator.switch_on("wrong_totals", day=str(left))
    dense.sync()
    asked = []
    for day in (1, 1.2, 2, 3, 4, 6, 7, 8, 14, 15):
        dense.simulator.clock.set(NOW + timedelta(days=day))
        dense.forget_calls()
        assert dense.sync(force=True).status == "success"
        if dense.simulator.counters.counted()["calls"]["adAnalytics"] > UNDISTURBED:
            asked.append(day)
    assert asked == [1, 3, 7, 15]
    assert [one.date for one in IncompleteDay.objects.all()] == [left]
    dense.simulator.switch_off()
    for day in (30, 31):
        dense.simulator.clock.set(NOW + timedelta(days=day))
        dense.sync(force=True)
        assert IncompleteDay.objects.exists() is (day == 30), "the corrected total is fetched again, too"


@pytest.mark.slow
def test_more_days_than_one_run_asks_again_heal_run_by_run(dense: SimulatedLinkedIn, settings):
    """What was cut is requested in ever smaller answers, a few a run, until no answer is cut any more."""
    settings.BACKFILL_DAYS, settings.LOOKBACK_DAYS = 59, 2
    first_day = TODAY - timedelta(days=59)
    dense.simulator.switch_on("short_answers", rows=100)
    assert dense.sync().status == "success"
    left = [IncompleteDay.objects.count()]
    assert left[0] > 30
    runs = 0
    while left[-1] and runs < 24:
        runs += 1
        dense.simulator.clock.set(NOW + timedelta(hours=8 * runs))
        dense.forget_calls()
        assert dense.sync(force=True).status == "success"
        assert dense.simulator.counters.counted()["calls"]["adAnalytics"] <= UNDISTURBED + rechecks.MAX_CALLS
        left.append(IncompleteDay.objects.count())
    assert left[-1] == 0, left
    assert_metrics_are_true(dense, dense.today - timedelta(days=1), first_day=first_day)


def test_a_day_without_any_row_is_missing_and_one_with_some_differs(dense: SimulatedLinkedIn):
    dense.simulator.switch_on("short_answers", rows=0)
    dense.sync()
    assert set(IncompleteDay.objects.values_list("state", flat=True)) == {"missing"}
    assert not CreativeDailyMetric.objects.exists()
    dense.simulator.switch_off()
    dense.simulator.switch_on("short_answers", rows=1)
    # What differs as before is requested again the next day, and then one row of each answer comes.
    dense.simulator.clock.set(NOW + timedelta(days=1))
    dense.sync(force=True)
    with_rows = {*CampaignDailyMetric.objects.values_list("date", flat=True)}
    with_rows |= {*CreativeDailyMetric.objects.values_list("date", flat=True)}
    states = dict(IncompleteDay.objects.values_list("date", "state"))
    assert set(states.values()) == {"missing", "differs"}
    assert states == {day: "differs" if day in with_rows else "missing" for day in states}


# --- what happens to our own rows ---


@pytest.mark.parametrize("table", [CampaignDailyMetric, CreativeDailyMetric])
@pytest.mark.parametrize(
    "harm",
    [
        lambda of_the_day: of_the_day.filter(pk=of_the_day.latest("pk").pk).delete(),
        lambda of_the_day: of_the_day.filter(pk=of_the_day.latest("pk").pk).update(clicks=F("clicks") + 5),
    ],
    ids=["lost", "changed"],
)
def test_a_row_harmed_behind_our_back_is_noticed_and_mended(
    synced: SimulatedLinkedIn, table: type[Any], harm: Callable[[QuerySet[Any]], Any]
):
    day = TODAY - timedelta(days=5)
    harm(table.objects.filter(date=day))
    (gap,) = found_gaps(synced)
    assert (gap.day, gap.is_missing, list(gap.differences)) == (day, False, [table._meta.db_table])
    assert synced.sync(force=True).status == "success"
    synced.assert_stored(FIRST_DAY)
    assert found_gaps(synced) == []


def test_a_day_lost_behind_our_back_is_missing_and_mended(synced: SimulatedLinkedIn):
    day = TODAY - timedelta(days=5)
    CampaignDailyMetric.objects.filter(date=day).delete()
    CreativeDailyMetric.objects.filter(date=day).delete()
    (gap,) = found_gaps(synced)
    assert (gap.day, gap.is_missing) == (day, True)
    assert gap.differences["creative_daily_metrics"]["impressions"] == -stored_totals()[day][0]
    synced.sync(force=True)
    synced.assert_stored(FIRST_DAY)
    assert found_gaps(synced) == []


def test_less_than_a_cent_is_no_difference(synced: SimulatedLinkedIn):
    one = CreativeDailyMetric.objects.filter(date=YESTERDAY).latest("pk")
    alone = CreativeDailyMetric.objects.filter(pk=one.pk)
    alone.update(spend=F("spend") + Decimal("0.0099"))
    assert found_gaps(synced) == []
    alone.update(spend=F("spend") + Decimal("0.0101"))
    (gap,) = found_gaps(synced)
    assert gap.differences == {"creative_daily_metrics": {"spend": Decimal("0.02")}}


def test_today_is_not_judged(dense: SimulatedLinkedIn):
    dense.simulator.switch_on("short_answers", rows=3)
    dense.sync(first_day=TODAY, last_day=TODAY)
    assert CreativeDailyMetric.objects.count() == 3
    assert not IncompleteDay.objects.exists()
    assert dense.simulator.counters.counted()["calls"]["adAnalytics"] == 3 + 8


# --- days that LinkedIn took back ---


FIRST_ERASED, LAST_ERASED = TODAY - timedelta(days=6), TODAY - timedelta(days=3)


def erase(linkedin: SimulatedLinkedIn, **whose: Any) -> None:
    linkedin.simulator.change("erase", first_day=str(FIRST_ERASED), last_day=str(LAST_ERASED), **whose)


@pytest.mark.parametrize("kind", ["creative", "campaign", "ad_account"])
def test_figures_taken_back_become_zero_because_the_total_agrees(synced: SimulatedLinkedIn, kind: str):
    counts = {model: model.objects.count() for model in (CampaignDailyMetric, CreativeDailyMetric, AccountDailyTotal)}
    campaign_id = campaign_ids()[3]
    creative_id = CreativeDailyMetric.objects.filter(creative__campaign_id=campaign_id).latest("pk").creative_id
    whose: dict[str, tuple[Any, dict[str, Any]]] = {
        "creative": (creative_id, {"creative_id": creative_id}),
        "campaign": (campaign_id, {"creative__campaign_id": campaign_id}),
        "ad_account": (synced.ad_account_ids[0], {}),
    }
    erased_id, where = whose[kind]
    erase(synced, **{kind: erased_id})
    result = synced.sync(force=True)
    assert (result.status, result.reason) == ("success", "")
    gone = CreativeDailyMetric.objects.filter(date__range=(FIRST_ERASED, LAST_ERASED), **where)
    assert gone.exists()
    assert set(gone.values_list("impressions", "clicks", "spend", "conversions", "likes", "leads")) == {(0,) * 6}
    assert counts == {model: model.objects.count() for model in counts}
    assert_metrics_are_true(synced)
    assert not IncompleteDay.objects.exists()
    assert {day: total for day, total in stored_totals().items() if any(total)} == totals_of_the_simulator(synced)


def test_rows_that_an_answer_merely_lacks_stay_as_they_are(synced: SimulatedLinkedIn):
    """Cut answers take nothing back: the totals still hold what we hold."""
    before = written()
    synced.simulator.switch_on("short_answers", rows=3)
    assert synced.sync(force=True).status == "success"
    assert written() == before
    synced.assert_stored(FIRST_DAY)
    assert complete_through() == YESTERDAY


def test_what_does_not_explain_the_total_stays_and_the_day_is_incomplete(synced: SimulatedLinkedIn):
    """LinkedIn took a campaign back, and its answers are cut besides: which rows are gone cannot be told."""
    before = {table: stored_rows(table, synced.ad_account_ids[0]) for table in METRICS}
    erase(synced, campaign=campaign_ids()[3])
    synced.simulator.switch_on("short_answers", rows=3)
    assert synced.sync(force=True).status == "success"
    assert {table: stored_rows(table, synced.ad_account_ids[0]) for table in METRICS} == before
    found = IncompleteDay.objects.all()
    assert {one.date for one in found} == {FIRST_ERASED + timedelta(days=n) for n in range(4)}
    assert all(one.state == "differs" for one in found)
    assert all(differences["impressions"] > 0 for one in found for differences in one.differences.values())
    synced.simulator.switch_off()
    synced.sync(force=True)
    assert not IncompleteDay.objects.exists()
    assert_metrics_are_true(synced)


def test_a_total_that_lies_takes_nothing_back(synced: SimulatedLinkedIn, monkeypatch):
    """A row is gone from the answer, and the total still counts it with other figures."""
    erase(synced, campaign=campaign_ids()[3])
    honest = endpoints.account_days

    def lying(*arguments: Any, **options: Any) -> Any:
        page: Any = honest(*arguments, **options)
        records = [replace(record, impressions=(record.impressions or 0) + 1) for record in page.records]
        return endpoints.Page(records, page.rejected)

    monkeypatch.setattr(endpoints, "account_days", lying)
    before = {table: stored_rows(table, synced.ad_account_ids[0]) for table in METRICS}
    assert synced.sync(force=True).status == "success"
    assert {table: stored_rows(table, synced.ad_account_ids[0]) for table in METRICS} == before
    assert IncompleteDay.objects.count() == DAYS - 1


# --- access that was lost ---


def test_a_role_lost_between_two_syncs_changes_nothing(synced: SimulatedLinkedIn):
    before = written()
    synced.simulator.change("lose_role", ad_account=synced.ad_account_ids[0])
    result = synced.sync(force=True)
    assert (result.status, result.error_kind) == ("failed", "access")
    assert written() == before


@pytest.mark.parametrize("concurrency", [1, 4])
def test_access_lost_while_figures_are_asked_for_zeroes_nothing(
    synced: SimulatedLinkedIn, settings, monkeypatch, concurrency: int
):
    """LinkedIn then answers with nothing, and status 200."""
    settings.SYNC_CONCURRENCY = concurrency
    _lose_role_before_totals(synced, monkeypatch)
    before = written()
    result = synced.sync(force=True)
    assert (result.status, result.error_kind) == ("partial", "access")
    assert written() == before
    synced.simulator.switch_off()
    synced.discover()
    assert synced.sync(force=True).status == "success"
    synced.assert_stored(FIRST_DAY)


def test_access_lost_during_the_first_sync_is_no_success(dense: SimulatedLinkedIn, settings, monkeypatch):
    """Days without figures would count as covered, and never be asked for again."""
    settings.LOOKBACK_DAYS, settings.SYNC_CONCURRENCY = 2, 1
    _lose_role_before_totals(dense, monkeypatch)
    result = dense.sync()
    assert (result.status, result.error_kind) == ("partial", "access")
    dense.simulator.switch_off()
    monkeypatch.undo()
    dense.discover()
    assert dense.sync().status == "success"
    dense.assert_stored(FIRST_DAY)


def test_access_lost_after_the_totals_came_leaves_incomplete_days(synced: SimulatedLinkedIn, settings, monkeypatch):
    settings.SYNC_CONCURRENCY = 1
    asked = endpoints.account_days

    def then_lost(*arguments: Any, **options: Any) -> Any:
        page = asked(*arguments, **options)
        synced.simulator.switch_on("lost_role", ad_account=synced.ad_account_ids[0])
        return page

    monkeypatch.setattr(endpoints, "account_days", then_lost)
    erase(synced, campaign=campaign_ids()[3])
    before = {table: stored_rows(table, synced.ad_account_ids[0]) for table in METRICS}
    synced.sync(force=True)
    assert {table: stored_rows(table, synced.ad_account_ids[0]) for table in METRICS} == before


def _lose_role_before_totals(linkedin: SimulatedLinkedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = endpoints.account_days
    lost = False

    def lost_first(*arguments: Any, **options: Any) -> Any:
        nonlocal lost
        if not lost:
            lost = True
            linkedin.simulator.switch_on("lost_role", ad_account=linkedin.ad_account_ids[0])
        return honest(*arguments, **options)

    monkeypatch.setattr(endpoints, "account_days", lost_first)
