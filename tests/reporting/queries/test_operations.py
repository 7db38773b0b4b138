from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django_celery_beat.models import PeriodicTask

from accounts import audit_trail
from accounts.audit import outbox
from accounts.models import AdAccount, LinkedInConnection
from accounts.shell import valkey
from ingestion.models import AdAccountSettings, IncompleteDay, SyncLog
from ingestion.processes import heartbeats
from ingestion.timetable.schedules import schedule_syncs
from ingestion.timetable.sync_status import complete_through, with_sync_state
from reporting.queries import operations
from tests.builders import NOW, make_ad_account, make_connection, make_role, make_sync_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> None:
    """Heartbeats go by the real one."""


HOUR = timedelta(hours=1)
MISSED = SyncLog.ErrorKind.NETWORK


def kinds(now: datetime = NOW) -> set[str]:
    return {incident.kind for incident in operations.service_state(now).incidents}


def test_the_day_sums_what_began_within_24_hours():
    make_sync_run(started_at=NOW - 25 * HOUR, finished_at=NOW - 24 * HOUR, api_calls_made=1000)
    counts = {"api_calls_made": 10, "api_calls_throttled": 1, "rows_stored": 100, "rows_rejected": 2}
    make_sync_run(started_at=NOW - 2 * HOUR, finished_at=NOW - 2 * HOUR + timedelta(seconds=10), **counts)
    make_sync_run(started_at=NOW - 1 * HOUR, finished_at=NOW - 1 * HOUR + timedelta(seconds=30), **counts)
    make_sync_run(started_at=NOW - HOUR, finished_at=NOW - HOUR, status="failed", error_kind=MISSED, api_calls_made=3)
    make_sync_run(started_at=NOW, finished_at=None, status="running")
    day = operations.sync_day(NOW)
    assert day.results == {("success", ""): 2, ("failed", "network"): 1, ("running", ""): 1}
    assert (day.calls, day.calls_throttled, day.rows_stored, day.rows_rejected) == (23, 2, 200, 4)
    assert day.seconds == {0.5: 20.0, 0.95: 29.0, 1.0: 30.0}
    assert operations.sizes()[0] == 1


def test_a_day_without_syncs_is_all_zero():
    day = operations.sync_day(NOW)
    assert (day.results, day.calls, day.rows_rejected, day.seconds) == ({}, 0, 0, {})


def test_data_ages_agree_with_the_page_of_each_ad_account():
    never = make_ad_account()
    usual = make_ad_account()
    make_sync_run(account=usual, started_at=NOW - HOUR)
    make_sync_run(account=usual, started_at=NOW, status="failed", error_kind=MISSED)
    with_gap = make_ad_account()
    make_sync_run(account=with_gap, started_at=NOW - 2 * HOUR)
    day = NOW.date() - timedelta(days=3)
    IncompleteDay.objects.create(
        account=with_gap, date=day, state="differs", differences={}, first_seen_at=NOW, checked_at=NOW
    )
    old_window_last = make_ad_account()
    make_sync_run(account=old_window_last, started_at=NOW - 3 * HOUR)
    make_sync_run(account=old_window_last, started_at=NOW, first_day=date(2026, 1, 1), last_day=date(2026, 1, 31))
    only_today = make_ad_account()
    make_sync_run(account=only_today, started_at=NOW - 4 * HOUR, first_day=NOW.date(), last_day=NOW.date())
    make_ad_account(missing_since=NOW)

    ages = operations.data_ages(NOW)
    assert [one.ad_account_id for one in ages] == [
        never.pk, only_today.pk, old_window_last.pk, with_gap.pk, usual.pk
    ]  # fmt: skip
    shown = {one.pk: (one.data_as_of, complete_through(one)) for one in with_sync_state(AdAccount.objects.all())}
    assert {one.ad_account_id: (one.data_as_of, one.complete_through) for one in ages}.items() <= shown.items()


@pytest.mark.parametrize(("hours", "old"), [(7.9, False), (8.1, True)])
def test_data_is_old_after_twice_the_freshness(settings, hours, old):
    settings.FRESHNESS_TTL_MINUTES = 240
    assert operations.is_old(NOW - hours * HOUR, NOW) is old
    assert operations.is_old(None, NOW)


def test_a_paused_or_switched_off_ad_account_may_be_old():
    for minutes in range(3):
        make_sync_run(started_at=NOW - 9 * HOUR + timedelta(minutes=minutes))
    paused, switched_off, other = (one.ad_account_id for one in operations.data_ages(NOW))
    AdAccountSettings.objects.create(account_id=paused, is_paused=True)
    for ad_account_id in (switched_off, other):
        make_role(ad_account=AdAccount.objects.get(pk=ad_account_id))
    schedule_syncs([paused, switched_off, other], now=NOW)
    PeriodicTask.objects.filter(args=f"[{switched_off}]").update(enabled=False)
    ages = operations.data_ages(NOW)
    assert [(one.ad_account_id, one.is_old, one.may_be_old) for one in ages] == [
        (paused, False, True),
        (switched_off, False, True),
        (other, True, False),
    ]
    state = operations.service_state(NOW)
    assert "The data of 1 of 3 ad accounts is older than it should be." in [one.what for one in state.incidents]
    AdAccount.objects.filter(pk=other).delete()
    assert "data" not in kinds()


def test_consents_tell_days_and_a_lost_one_has_none():
    alive = make_connection(access_token_expires_at=NOW + timedelta(days=30), refresh_token_expires_at=None)
    lost = make_connection(
        state=LinkedInConnection.State.NEEDS_CONSENT, access_token_expires_at=NOW + timedelta(days=30)
    )
    make_connection(state=LinkedInConnection.State.REVOKED, access_token=None, refresh_token=None)
    assert operations.consents(NOW) == [
        operations.Consent(alive.pk, "expiring", 30, 30.0),
        operations.Consent(lost.pk, "needs_consent", 0, 0.0),
    ]


def test_sizes_know_the_seven_tables_without_counting_them():
    _, database_bytes, rows = operations.sizes()
    assert database_bytes > 1_000_000
    assert set(rows) == {
        "ad_accounts", "campaigns", "creatives", "campaign_daily_metrics", "creative_daily_metrics",
        "audience_demographics", "sync_log",
    }  # fmt: skip


def test_a_service_that_is_well_has_no_incident(settings):
    now = datetime.now(UTC)
    make_sync_run(started_at=now, finished_at=now, heartbeat_at=now)
    make_connection(refresh_token_expires_at=now + timedelta(days=300))
    heartbeats.record_worker("one@host", concurrency=2, active=1)
    heartbeats.record_beat()
    try:
        state = operations.service_state(now)
    finally:
        valkey.client().delete(heartbeats._workers_key(), heartbeats._beat_key())
    assert state.incidents == []
    assert [worker.name for worker in state.processes.workers] == ["one@host"]
    assert (state.product_version, state.linkedin_version) == (settings.PRODUCT_VERSION, "202607")
    assert state.linkedin_sunset == date(2027, 7, 15)


def test_each_trouble_is_an_incident_with_a_remedy(settings):
    assert kinds() == {"worker", "beat"}
    make_sync_run(started_at=NOW - 9 * HOUR)
    assert "data" in kinds()
    make_sync_run(started_at=NOW, rows_rejected=1)
    assert "rejected" in kinds()
    make_connection(access_token_expires_at=NOW + timedelta(days=14), refresh_token_expires_at=None)
    assert "consent" in kinds()
    settings.LINKEDIN_API_VERSION = "202512"
    settings.AUDIT_SYSLOG = "tls://logs.example.com"
    with time_machine.travel(NOW - HOUR, tick=False):
        event = audit_trail.record("user_removed")
    assert "alert" in kinds()
    outbox.failed(list(event.deliveries.all()), error="The server is down.", now=NOW)
    incidents = operations.service_state(NOW).incidents
    assert {one.kind for one in incidents} == set(operations.INCIDENT_KINDS) - {"broker"}
    assert all(one.remedy for one in incidents)


@pytest.mark.usefixtures("no_valkey")
def test_without_valkey_the_rest_is_told():
    state = operations.service_state(NOW)
    assert not state.processes.is_known
    assert [one.kind for one in state.incidents] == ["broker"]


def test_it_asks_the_database_six_times_however_much_there_is(django_assert_num_queries):
    for _ in range(3):
        make_sync_run()
        make_connection()
    with django_assert_num_queries(6):
        operations.service_state(NOW)


def plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(row[0] for row in cursor.fetchall())


def test_a_day_of_syncs_and_the_running_ones_are_read_from_indexes():
    """A year of a large installation."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO ad_accounts (id, name) SELECT number, 'x' FROM generate_series(1, 50) AS number;
            INSERT INTO sync_log (account_id, started_at, finished_at, heartbeat_at, status, campaigns_fetched,
                creatives_fetched, api_calls_made, api_calls_throttled, rows_stored, rows_rejected, progress, forced)
            SELECT 1 + number % 50, now() - number * interval '3 minutes', now(), now(), 'success',
                   0, 0, 0, 0, 0, 0, '{}', false
            FROM generate_series(1, 30000) AS number;
            ANALYZE sync_log;
            """
        )
    day = plan("SELECT sum(rows_stored) FROM sync_log WHERE started_at >= now() - interval '1 day'")
    assert "runs_by_start" in day
    assert "Seq Scan" not in day
    running = plan("SELECT count(*) FROM sync_log WHERE status = 'running'")
    assert "an_ad_account_has_one_running_sync" in running
    assert "Seq Scan" not in running
