from datetime import date, datetime, timedelta

import pytest
from django.db import connection as database

from accounts.models import AdAccount
from ingestion.models import SyncLog
from ingestion.timetable.freshness import days_due, freshness
from reporting.periods import Period, Preset, preset_period
from tests.builders import NOW, make_ad_account, make_covered_days, make_sync_run

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)
FIRST_OF_BACKFILL = TODAY - timedelta(days=90)


@pytest.fixture(autouse=True)
def _usual_settings(settings):
    settings.FRESHNESS_TTL_MINUTES, settings.BACKFILL_DAYS, settings.LOOKBACK_DAYS = 240, 90, 30


@pytest.fixture
def ad_account() -> AdAccount:
    return make_ad_account()


def synced(ad_account: AdAccount, first_day: date, last_day: date, **changes: object) -> SyncLog:
    return make_sync_run(account=ad_account, first_day=first_day, last_day=last_day, **changes)


def run_that_ended(ad_account: AdAccount, ended_at: datetime, **changes: object) -> SyncLog:
    return make_sync_run(account=ad_account, started_at=ended_at, finished_at=ended_at, **changes)


def days_back(days: int) -> date:
    return TODAY - timedelta(days=days)


# --- the gate ---


def test_an_ad_account_never_synced_is_due(ad_account):
    make_sync_run()  # another ad account's success says nothing
    gate = freshness(ad_account.pk, now=NOW)
    assert (gate.is_due, gate.reason, gate.as_of) == (True, "never synced successfully", None)


@pytest.mark.parametrize(
    ("minutes", "is_due", "reason"),
    [
        (0, False, "synced just now; next sync after 4 hours"),
        (1, False, "synced 1 minute ago; next sync after 4 hours"),
        (239, False, "synced 3 hours ago; next sync after 4 hours"),
        (240, True, "last synced 4 hours ago"),
        (10_000, True, "last synced 6 days ago"),
    ],
)
def test_a_success_is_fresh_for_so_many_minutes(ad_account, minutes, is_due, reason):
    ended_at = NOW - timedelta(minutes=minutes)
    run_that_ended(ad_account, ended_at)
    gate = freshness(ad_account.pk, now=NOW)
    assert (gate.is_due, gate.reason, gate.as_of) == (is_due, reason, ended_at)


@pytest.mark.parametrize("status", ["partial", "failed"])
def test_a_later_run_that_did_not_succeed_hides_no_staleness(ad_account, status):
    run_that_ended(ad_account, NOW - timedelta(minutes=300))
    run_that_ended(ad_account, NOW - timedelta(minutes=5), status=status)
    assert freshness(ad_account.pk, now=NOW).is_due


def test_a_later_failure_does_not_make_a_fresh_ad_account_due(ad_account):
    run_that_ended(ad_account, NOW - timedelta(minutes=30))
    run_that_ended(ad_account, NOW - timedelta(minutes=5), status="failed")
    assert not freshness(ad_account.pk, now=NOW).is_due


def test_with_no_freshness_at_all_every_ask_is_due(ad_account, settings):
    settings.FRESHNESS_TTL_MINUTES = 0
    run_that_ended(ad_account, NOW)
    assert freshness(ad_account.pk, now=NOW).is_due


# --- the days ---


def test_the_first_sync_asks_for_the_whole_backfill(ad_account):
    assert days_due(ad_account.pk, now=NOW) == (FIRST_OF_BACKFILL, TODAY)
    assert preset_period(Preset.LAST_90_DAYS, today=TODAY) == Period(FIRST_OF_BACKFILL, TODAY - timedelta(days=1))


def test_after_a_success_only_the_look_back_is_asked_again(ad_account):
    synced(ad_account, FIRST_OF_BACKFILL, TODAY)
    assert days_due(ad_account.pk, now=NOW) == (days_back(30), TODAY)


def test_days_since_the_last_success_are_asked_as_well(ad_account):
    synced(ad_account, days_back(100), days_back(11))
    assert days_due(ad_account.pk, now=NOW) == (days_back(41), TODAY)


def test_a_later_one_day_success_does_not_hide_the_days_that_were_never_synced(ad_account):
    synced(ad_account, FIRST_OF_BACKFILL, days_back(20))
    synced(ad_account, TODAY, TODAY)
    assert days_due(ad_account.pk, now=NOW) == (days_back(50), TODAY)


def test_a_one_day_success_before_any_other_leaves_the_backfill_due(ad_account):
    synced(ad_account, TODAY, TODAY)
    synced(ad_account, days_back(300), days_back(300))
    assert days_due(ad_account.pk, now=NOW) == (FIRST_OF_BACKFILL, TODAY)


def test_successes_that_touch_or_overlap_are_one_stretch(ad_account):
    synced(ad_account, days_back(95), days_back(60))
    synced(ad_account, days_back(59), days_back(40))
    synced(ad_account, days_back(50), days_back(10))
    assert days_due(ad_account.pk, now=NOW) == (days_back(40), TODAY)


def test_a_single_unsynced_day_is_a_gap(ad_account):
    synced(ad_account, days_back(95), days_back(60))
    synced(ad_account, days_back(58), TODAY)
    assert days_due(ad_account.pk, now=NOW) == (days_back(90), TODAY)


@pytest.mark.parametrize("status", ["partial", "failed"])
def test_only_successes_cover_days(ad_account, status):
    synced(ad_account, FIRST_OF_BACKFILL, days_back(50))
    synced(ad_account, FIRST_OF_BACKFILL, TODAY, status=status)
    assert days_due(ad_account.pk, now=NOW) == (days_back(80), TODAY)


def test_a_running_sync_covers_nothing(ad_account):
    synced(ad_account, FIRST_OF_BACKFILL, TODAY, status="running", finished_at=None)
    assert days_due(ad_account.pk, now=NOW) == (FIRST_OF_BACKFILL, TODAY)


def test_another_ad_account_covers_nothing(ad_account):
    synced(make_ad_account(), FIRST_OF_BACKFILL, TODAY)
    assert days_due(ad_account.pk, now=NOW) == (FIRST_OF_BACKFILL, TODAY)


def test_a_raised_backfill_is_fetched_whole(ad_account, settings):
    synced(ad_account, FIRST_OF_BACKFILL, TODAY)
    settings.BACKFILL_DAYS = 365
    assert days_due(ad_account.pk, now=NOW) == (days_back(365), TODAY)
    synced(ad_account, days_back(365), TODAY)
    assert days_due(ad_account.pk, now=NOW) == (days_back(30), TODAY)


def test_a_lowered_backfill_changes_nothing(ad_account, settings):
    synced(ad_account, FIRST_OF_BACKFILL, TODAY)
    settings.BACKFILL_DAYS = 7
    assert days_due(ad_account.pk, now=NOW) == (days_back(30), TODAY)


def test_a_success_that_ended_before_today_is_followed_to_today(ad_account):
    synced(ad_account, FIRST_OF_BACKFILL, days_back(1))
    assert days_due(ad_account.pk, now=NOW) == (days_back(31), TODAY)


def test_without_a_look_back_the_last_day_is_asked_again(ad_account, settings):
    """It was not over when it was fetched."""
    settings.LOOKBACK_DAYS = 0
    synced(ad_account, FIRST_OF_BACKFILL, days_back(1))
    assert days_due(ad_account.pk, now=NOW) == (days_back(1), TODAY)


def test_a_clock_behind_the_last_success_asks_for_no_day_after_today(ad_account, settings):
    settings.LOOKBACK_DAYS = 0
    synced(ad_account, days_back(100), TODAY + timedelta(days=1))
    assert days_due(ad_account.pk, now=NOW) == (TODAY, TODAY)


def test_the_answers_take_few_statements(ad_account, django_assert_num_queries):
    synced(ad_account, FIRST_OF_BACKFILL, TODAY)
    with django_assert_num_queries(1, connection=database):
        freshness(ad_account.pk, now=NOW)
    with django_assert_num_queries(3, connection=database):
        days_due(ad_account.pk, now=NOW)


def test_a_sync_of_one_day_does_not_make_the_backfill_fresh(ad_account):
    synced(ad_account, TODAY, TODAY)
    gate = freshness(ad_account.pk, now=NOW)
    assert (gate.is_due, gate.reason) == (True, "not every day of the backfill has been synced yet")


def test_a_sync_of_the_past_makes_nothing_fresh(ad_account):
    synced(
        ad_account, FIRST_OF_BACKFILL, TODAY, started_at=NOW - timedelta(days=1), finished_at=NOW - timedelta(days=1)
    )
    synced(ad_account, days_back(80), days_back(70))
    assert freshness(ad_account.pk, now=NOW).is_due


def test_an_outage_longer_than_the_backfill_leaves_no_day_out(ad_account):
    synced(ad_account, days_back(300), days_back(200), started_at=NOW - timedelta(days=200))
    assert days_due(ad_account.pk, now=NOW) == (days_back(230), TODAY)


def test_a_catch_up_that_stopped_midway_is_followed_by_the_rest(ad_account):
    """The newest windows come first, so the gap is behind them."""
    synced(ad_account, days_back(300), days_back(200), started_at=NOW - timedelta(days=200))
    synced(ad_account, days_back(120), TODAY)
    assert days_due(ad_account.pk, now=NOW) == (days_back(230), TODAY)
    synced(ad_account, days_back(230), TODAY)
    assert days_due(ad_account.pk, now=NOW) == (days_back(30), TODAY)


@pytest.mark.parametrize(
    ("status", "error_kind", "first_day"),
    [
        ("partial", "timeout", days_back(90)),
        ("failed", "timeout", days_back(90)),  # its process died
        ("partial", "data", days_back(30)),
        ("failed", "consent", days_back(30)),
    ],
)
def test_what_a_stopped_sync_did_not_come_to_is_requested_by_the_next(ad_account, status, error_kind, first_day):
    """Its figures may all be stored; its demographics and its check are not."""
    changes = {"status": status, "error_kind": error_kind}
    synced(ad_account, FIRST_OF_BACKFILL, TODAY, started_at=NOW - timedelta(hours=1), **changes)
    make_covered_days(account=ad_account, first_day=FIRST_OF_BACKFILL, last_day=TODAY)
    assert freshness(ad_account.pk, now=NOW).is_due is (error_kind == "timeout")
    assert days_due(ad_account.pk, now=NOW) == (first_day, TODAY)


def test_days_that_a_person_chose_leave_no_gap_to_close(ad_account):
    synced(ad_account, days_back(3000), days_back(2970))
    assert days_due(ad_account.pk, now=NOW) == (FIRST_OF_BACKFILL, TODAY)
    synced(ad_account, FIRST_OF_BACKFILL, TODAY)
    assert days_due(ad_account.pk, now=NOW) == (days_back(30), TODAY)
