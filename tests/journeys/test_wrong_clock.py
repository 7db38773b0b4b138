"""A clock that was three days ahead for a while: what it dated does not stop anything once it is right again."""

from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app
from django.test import Client
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from accounts.api_tokens import token_store
from accounts.consents.tokens import ConnectionTokens
from accounts.models import AdAccount
from accounts.shell import formatting, valkey
from ingestion.linkedin.errors import DayLimitReached
from ingestion.models import IncompleteDay, SyncLog
from ingestion.processes import work_requests
from ingestion.processes.beat import HeartbeatScheduler
from ingestion.sync import coverage, rate_limits, rechecks
from ingestion.sync.ledger import closing, run_queue
from ingestion.timetable import schedules
from ingestion.timetable.freshness import days_due, freshness
from ingestion.timetable.sync_status import state
from ingestion.timetable.turns import next_turn
from reporting.models import CheckRequest, Snapshot
from reporting.queries import operations
from reporting.snapshots import snapshot_store
from tests.accounts.consents.scripted_linkedin import TOKENS, scripted_linkedin
from tests.builders import NOW, make_ad_account, make_connection, make_sync_run, make_user

pytestmark = pytest.mark.django_db

AHEAD = NOW + timedelta(days=3)
TODAY = NOW.date()
OPEN = ("queued", "running")


@pytest.fixture
def ad_account() -> AdAccount:
    return make_ad_account()


def run_at(ad_account: AdAccount, at: datetime, **changes: object) -> SyncLog:
    times = {"started_at": at, "heartbeat_at": at, "finished_at": None if changes.get("status") in OPEN else at}
    return make_sync_run(account=ad_account, **times, **changes)


def test_an_ad_account_is_due_and_it_is_said_plainly(ad_account):
    run_at(ad_account, AHEAD)
    gate = freshness(ad_account.pk, now=NOW)
    assert (gate.is_due, gate.fresh_until) == (True, None)
    assert gate.reason == f"the last sync is dated {AHEAD:%Y-%m-%d %H:%M} UTC, in the future"
    [shown] = state(now=NOW).ad_accounts
    assert (shown.data_as_of, shown.last_status) == (None, None)
    assert "-" not in shown.next_sync_reason.replace(f"{AHEAD:%Y-%m-%d}", "")


def test_the_next_sync_makes_it_fresh_again(ad_account):
    run_at(ad_account, AHEAD)
    run_at(ad_account, NOW - timedelta(minutes=5))
    gate = freshness(ad_account.pk, now=NOW)
    assert (gate.is_due, gate.reason) == (False, "synced 5 minutes ago; next sync after 4 hours")
    [shown] = state(now=NOW).ad_accounts
    assert shown.data_as_of == NOW - timedelta(minutes=5)
    [age] = operations.data_ages(NOW)
    assert not age.is_old


def test_clocks_that_differ_by_seconds_are_no_matter(ad_account):
    run_at(ad_account, NOW + timedelta(seconds=40))
    assert freshness(ad_account.pk, now=NOW).reason == "synced just now; next sync after 4 hours"


@pytest.mark.parametrize("ahead", [timedelta(days=3), timedelta(days=3650)])
def test_days_that_only_a_wrong_clock_covered_are_asked_for(ad_account, settings, ahead):
    settings.LOOKBACK_DAYS = 0
    run_at(ad_account, NOW + ahead)
    assert days_due(ad_account.pk, today=TODAY) == (TODAY - timedelta(days=89), TODAY)
    run_at(ad_account, NOW - timedelta(days=10))
    assert days_due(ad_account.pk, today=TODAY) == (TODAY - timedelta(days=10), TODAY)


def test_days_that_were_requested_ahead_are_not_left_out(ad_account):
    days = (TODAY - timedelta(days=9), TODAY)
    coverage.record(coverage.CAMPAIGN_DAYS, days, ad_account_id=ad_account.pk, asked_at=AHEAD)
    of_this_run = coverage.Coverage(ad_account.pk, NOW, resume_after=NOW - timedelta(hours=4))
    assert of_this_run.days_left(coverage.CAMPAIGN_DAYS, days) == [days]


def test_a_dead_run_is_closed(ad_account, time_machine):
    run = run_at(ad_account, AHEAD, status="running")
    time_machine.move_to(NOW)
    assert closing.close_stale() == [ad_account.pk]
    run.refresh_from_db()
    assert (run.status, run.error_kind) == ("failed", "timeout")


def test_a_dead_run_can_be_cancelled(ad_account):
    run = run_at(ad_account, AHEAD, status="running")
    assert closing.cancel(run.pk, now=NOW)
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_a_queued_sync_is_sent_again(ad_account):
    run = run_at(ad_account, AHEAD, status="queued")
    assert run_queue.overdue_to_resend(now=NOW) == [run]
    assert run_queue.overdue_to_resend(now=NOW) == []


def test_a_check_is_asked_for_again(ad_account):
    request = CheckRequest.objects.create(ad_account=ad_account, asked_at=AHEAD, resend_at=AHEAD)
    assert work_requests.overdue(CheckRequest, now=NOW) == [request]
    assert work_requests.overdue(CheckRequest, now=NOW) == []


def test_a_snapshot_that_waits_is_given_up(ad_account, snapshot_folder):
    days = {"first_day": TODAY - timedelta(days=30), "last_day": TODAY}
    snapshot = Snapshot.objects.create(ad_account=ad_account, trigger="manual", asked_at=AHEAD, **days)
    snapshot_store.prune(now=NOW)
    snapshot.refresh_from_db()
    assert snapshot.state == "failed"


def test_a_rejected_token_is_renewed(settings):
    settings.LINKEDIN_CLIENT_ID, settings.LINKEDIN_CLIENT_SECRET = "the-client-id", "the-client-secret"
    connection = make_connection(refreshed_at=AHEAD)
    tokens = ConnectionTokens(connection.pk, now=lambda: NOW)
    with scripted_linkedin((200, TOKENS)) as linkedin:
        settings.LINKEDIN_AUTH_BASE_URL = linkedin.url
        assert tokens.renew(connection.access_token or "") == "new-access-token"


def test_a_daily_limit_ends_within_a_day():
    wrong = {7: "2026-11-24T00:00:00+00:00", 8: "2026-11-21T00:00:00+00:00"}
    client = valkey.client()
    for connection_id, until in wrong.items():
        client.hset(rate_limits._parked_key(connection_id), "adAnalytics", until)
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert set(rate_limits.parked_resources([7, 8], now=now)) == {8}
    rate_limits.TokenBudget(7, now=lambda: now).require_not_parked()
    with pytest.raises(DayLimitReached):
        rate_limits.TokenBudget(8, now=lambda: now).require_not_parked()


def test_an_incomplete_day_is_tried_again(ad_account):
    day = TODAY - timedelta(days=60)
    one = IncompleteDay(account=ad_account, date=day, differences={}, rechecks=5, rechecked_at=NOW)
    assert rechecks.due_before(TODAY, [one], today=TODAY) == []
    one.rechecked_at = AHEAD
    assert [due.day for due in rechecks.due_before(TODAY, [one], today=TODAY)] == [day]


def test_the_last_use_of_a_token_is_recorded():
    token, _ = token_store.issue(user=make_user(), name="BI", scope="read", now=NOW)
    token.last_used_at = AHEAD
    token_store.record_use(token, now=NOW)
    token.refresh_from_db()
    assert token.last_used_at == NOW


def test_the_last_use_of_a_session_is_recorded(as_alice: Client):
    session = as_alice.session
    session["used_at"] = int(datetime.now(UTC).timestamp()) + 3 * 86_400
    session.save()
    as_alice.get("/admin/")
    assert as_alice.session["used_at"] <= datetime.now(UTC).timestamp()


def test_an_age_says_that_it_lies_ahead():
    assert formatting.age_in_words(AHEAD, now=NOW) == f"{AHEAD:%Y-%m-%d %H:%M} UTC, in the future"
    assert formatting.age_in_words(NOW + timedelta(seconds=50), now=NOW) == "just now"


# --- the timetable ---


@pytest.fixture
def hourly(ad_account) -> PeriodicTask:
    """The entry of the ad account, which last ran three days from now by the clock of this machine."""
    schedules.schedule_syncs([ad_account.pk], now=NOW)
    PeriodicTask.objects.update(last_run_at=datetime.now(UTC) + timedelta(days=3))
    return PeriodicTask.objects.get(name__startswith="Sync ad account")


def test_beat_runs_an_interval_at_once(hourly):
    entry = HeartbeatScheduler.Entry(hourly, app=current_app)
    assert entry.is_due().is_due
    assert not next(entry).is_due().is_due


def test_beat_runs_a_crontab_at_its_next_turn(hourly):
    hourly.interval, hourly.crontab = None, CrontabSchedule.objects.create(minute="0", hour="3")
    is_due, seconds = HeartbeatScheduler.Entry(hourly, app=current_app).is_due()
    assert not is_due
    assert seconds <= 86_400


def test_the_next_turn_is_announced_so(hourly):
    now = datetime.now(UTC)
    assert next_turn(hourly, not_before=now, now=now) == now
    hourly.interval, hourly.crontab = None, CrontabSchedule.objects.create(minute="0", hour="3")
    turn = next_turn(hourly, not_before=now, now=now)
    assert turn is not None
    assert now < turn <= now + timedelta(days=1)


def test_syncs_are_spread_again(hourly):
    now = datetime.now(UTC)
    assert schedules.spread_overdue_syncs(now=now) == 1
    hourly.refresh_from_db()
    assert hourly.last_run_at <= now
