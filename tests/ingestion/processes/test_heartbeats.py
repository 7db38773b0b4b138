import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
import redis
from celery import current_app

from ingestion.processes import heartbeats
from ingestion.processes.beat import SigningScheduler
from ingestion.processes.heartbeats import ALIVE, QueueLength, WorkerSign
from ingestion.timetable import schedules

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clean_valkey():
    valkey = heartbeats.valkey()
    keys = ["celery", "celery\x06\x163", "unacked", heartbeats._key("workers"), heartbeats._key("beat")]
    valkey.delete(*keys)
    yield
    valkey.delete(*keys)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


def test_workers_are_listed_by_name_with_what_they_said_last():
    heartbeats.sign_worker("b@host", concurrency=4, active=0)
    heartbeats.sign_worker("a@host", concurrency=2, active=0)
    heartbeats.sign_worker("a@host", concurrency=2, active=1)
    now = soon()
    first, second = heartbeats.workers(now)
    assert first == WorkerSign("a@host", first.last_seen_at, concurrency=2, active=1)
    assert timedelta() < now - first.last_seen_at < timedelta(seconds=10)
    assert second.name == "b@host"


def test_a_silent_worker_is_no_longer_listed():
    heartbeats.sign_worker("a@host", concurrency=2, active=1)
    assert heartbeats.workers(soon() + ALIVE - timedelta(seconds=5))
    assert not heartbeats.workers(soon() + ALIVE)


def test_a_worker_that_ended_in_order_is_not_listed():
    heartbeats.sign_worker("a@host", concurrency=2, active=1)
    heartbeats.sign_worker_off("a@host")
    assert not heartbeats.workers(soon())


def test_only_workers_long_gone_are_forgotten():
    valkey = heartbeats.valkey()
    heartbeats.sign_worker("new@host", concurrency=1, active=0)
    long_ago = datetime.now(UTC) - 11 * ALIVE
    gone = json.dumps({"at": long_ago.timestamp(), "concurrency": 1, "active": 0})
    valkey.hset(heartbeats._key("workers"), "old@host", gone)
    heartbeats.forget_old_workers()
    assert set(valkey.hkeys(heartbeats._key("workers"))) == {"new@host"}


def test_beat_that_never_ticked_has_no_last_tick():
    assert heartbeats.beat_last_tick(soon()) is None


def test_beats_last_tick_is_not_in_the_future():
    heartbeats.sign_beat()
    now = soon()
    assert timedelta() < now - heartbeats.beat_last_tick(now) < timedelta(seconds=10)
    an_hour_ago = now - timedelta(hours=1)
    assert heartbeats.beat_last_tick(an_hour_ago) == an_hour_ago


def test_the_scheduler_signs_at_its_ticks_but_not_at_each(monkeypatch):
    ticks = []
    monkeypatch.setattr("ingestion.processes.beat.sign_beat", lambda: ticks.append(1))
    monkeypatch.setattr("ingestion.processes.beat.DatabaseScheduler.__init__", lambda self, *_, **__: None)
    monkeypatch.setattr("ingestion.processes.beat.DatabaseScheduler.tick", lambda self, *_, **__: 5.0)
    scheduler = SigningScheduler()
    assert [scheduler.tick(), scheduler.tick()] == [5.0, 5.0]
    assert ticks == [1]


def test_the_scheduler_notices_a_new_entry_and_compares_no_old_ones(monkeypatch):
    """Comparing twenty thousand entries at every tick is most of what beat would do."""
    # Beat has its connection for itself; here it is the test's.
    monkeypatch.setattr("django_celery_beat.schedulers.close_old_connections", lambda: None)
    schedules.schedule_syncs([1], now=datetime.now(UTC))
    scheduler = SigningScheduler(app=current_app, lazy=True)
    monkeypatch.setattr("django_celery_beat.schedulers.ModelEntry.__eq__", lambda *_: pytest.fail("compared"))
    scheduler.tick()
    scheduler.tick()
    assert {event.entry.name for event in scheduler._heap} == {"Sync ad account 1"}
    schedules.schedule_syncs([2], now=datetime.now(UTC))
    scheduler.tick()
    assert {event.entry.name for event in scheduler._heap} == {"Sync ad account 1", "Sync ad account 2"}


def test_the_queue_counts_every_priority_and_what_workers_hold():
    valkey = heartbeats.valkey()
    valkey.rpush("celery", "one", "two")
    valkey.rpush("celery\x06\x163", "three")
    valkey.hset("unacked", "four", "…")
    assert heartbeats.queue_length() == QueueLength(waiting=3, unacknowledged=1)


def test_who_cannot_sign_goes_on(monkeypatch, caplog):
    unreachable = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    monkeypatch.setattr(heartbeats, "valkey", lambda: unreachable)
    with caplog.at_level(logging.WARNING), heartbeats.quietly():
        heartbeats.sign_beat()
    assert "REDIS_URL" in caplog.text
