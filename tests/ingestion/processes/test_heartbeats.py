import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app

from accounts.shell import valkey
from ingestion.processes import heartbeats
from ingestion.processes.beat import HeartbeatScheduler
from ingestion.processes.heartbeats import ALIVE, QueueLength, WorkerHeartbeat
from ingestion.timetable import schedules

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clean_valkey():
    queues = [valkey.key(name) for name in ("celery", "celery\x06\x163", "unacked")]
    keys = [*queues, heartbeats._workers_key(), heartbeats._beat_key()]
    valkey.client().delete(*keys)
    yield
    valkey.client().delete(*keys)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


def test_workers_are_listed_by_name_with_what_they_said_last():
    heartbeats.record_worker("b@host", concurrency=4, active=0)
    heartbeats.record_worker("a@host", concurrency=2, active=0)
    heartbeats.record_worker("a@host", concurrency=2, active=1)
    now = soon()
    first, second = heartbeats.workers(now)
    assert first == WorkerHeartbeat("a@host", first.last_seen_at, concurrency=2, active=1)
    assert timedelta() < now - first.last_seen_at < timedelta(seconds=10)
    assert second.name == "b@host"


def test_a_silent_worker_is_no_longer_listed():
    heartbeats.record_worker("a@host", concurrency=2, active=1)
    assert heartbeats.workers(soon() + ALIVE - timedelta(seconds=5))
    assert not heartbeats.workers(soon() + ALIVE)


def test_a_worker_that_ended_in_order_is_not_listed():
    heartbeats.record_worker("a@host", concurrency=2, active=1)
    heartbeats.remove_worker("a@host")
    assert not heartbeats.workers(soon())


def test_only_workers_long_gone_are_forgotten():
    heartbeats.record_worker("new@host", concurrency=1, active=0)
    long_ago = datetime.now(UTC) - 11 * ALIVE
    gone = json.dumps({"at": long_ago.timestamp(), "concurrency": 1, "active": 0})
    valkey.client().hset(heartbeats._workers_key(), "old@host", gone)
    heartbeats.remove_lost_workers()
    assert set(valkey.client().hkeys(heartbeats._workers_key())) == {"new@host"}


def test_beat_that_never_ticked_has_no_last_tick():
    assert heartbeats.beat_last_tick(soon()) is None


def test_beats_last_tick_is_not_in_the_future():
    heartbeats.record_beat()
    now = soon()
    assert timedelta() < now - heartbeats.beat_last_tick(now) < timedelta(seconds=10)
    a_minute_ago = now - timedelta(minutes=1)
    assert heartbeats.beat_last_tick(a_minute_ago) == a_minute_ago
    # Further ahead, it says that a clock was wrong, and nothing of beat.
    assert heartbeats.beat_last_tick(now - timedelta(hours=1)) is None


def test_a_heartbeat_that_a_wrong_clock_dated_ahead_does_not_show_a_worker():
    heartbeats.record_worker("a@host", concurrency=2, active=1)
    assert heartbeats.workers(soon() - timedelta(minutes=1))
    assert not heartbeats.workers(soon() - timedelta(days=3))


def test_the_scheduler_signs_at_its_ticks_but_not_at_each(monkeypatch):
    ticks = []
    monkeypatch.setattr("ingestion.processes.beat.record_beat", lambda: ticks.append(1))
    monkeypatch.setattr("ingestion.processes.beat.DatabaseScheduler.__init__", lambda self, *_, **__: None)
    monkeypatch.setattr("ingestion.processes.beat.DatabaseScheduler.tick", lambda self, *_, **__: 5.0)
    scheduler = HeartbeatScheduler()
    assert [scheduler.tick(), scheduler.tick()] == [5.0, 5.0]
    assert ticks == [1]


def test_the_scheduler_notices_a_new_entry_and_compares_no_old_ones(monkeypatch):
    """Comparing twenty thousand entries at every tick is most of what beat would do."""
    # Beat has its connection for itself; here it is the test's.
    monkeypatch.setattr("django_celery_beat.schedulers.close_old_connections", lambda: None)
    schedules.schedule_syncs([1], now=datetime.now(UTC))
    scheduler = HeartbeatScheduler(app=current_app, lazy=True)
    monkeypatch.setattr("django_celery_beat.schedulers.ModelEntry.__eq__", lambda *_: pytest.fail("compared"))
    scheduler.tick()
    scheduler.tick()
    assert {event.entry.name for event in scheduler._heap} == {"Sync ad account 1"}
    schedules.schedule_syncs([2], now=datetime.now(UTC))
    scheduler.tick()
    assert {event.entry.name for event in scheduler._heap} == {"Sync ad account 1", "Sync ad account 2"}


def test_the_queue_counts_every_priority_and_what_workers_hold():
    valkey.client().rpush(valkey.key("celery"), "one", "two")
    valkey.client().rpush(valkey.key("celery\x06\x163"), "three")
    valkey.client().hset(valkey.key("unacked"), "four", "…")
    # Of another installation, or of a version that knew no prefix.
    valkey.client().rpush(f"other:{valkey.key('celery')}", "five")
    assert heartbeats.queue_length() == QueueLength(waiting=3, unacknowledged=1)


@pytest.mark.usefixtures("no_valkey")
def test_a_process_that_cannot_send_its_heartbeat_keeps_working(caplog):
    with caplog.at_level(logging.WARNING), heartbeats.outages_logged():
        heartbeats.record_beat()
    assert "REDIS_URL" in caplog.text
