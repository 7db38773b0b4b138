"""Syncs that people ask for: queued where everybody sees them, run by a worker, cancelled, tried again."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery.exceptions import Retry
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.roles import Role
from ingestion import tasks
from ingestion.models import SyncLog
from ingestion.sync import interruption
from ingestion.sync.ledger.open_run import OpenRun
from ingestion.timetable import sync_requests
from ingestion.timetable.sync_requests import NotAllowed
from tests.builders import make_ad_account, make_sync_run, make_user
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def manager() -> User:
    return make_user(role=Role.MANAGER)


@pytest.fixture
def told(monkeypatch) -> list[tuple[int, int]]:
    """What workers were told, as (ad account id, run id)."""
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(
        tasks.sync_ad_account, "delay", lambda ad_account_id, run_id: calls.append((ad_account_id, run_id))
    )
    return calls


@pytest.fixture
def linkedin(settings) -> Iterator[SimulatedLinkedIn]:
    with simulated_linkedin(settings, ad_accounts=2, campaigns_per_account=2, creatives_per_campaign=1) as linkedin:
        linkedin.connect()
        yield linkedin


def start(ad_account_id: int, manager: User, **wishes: Any) -> sync_requests.RequestedSync:
    [asked] = sync_requests.start_syncs([ad_account_id], requested_by=manager, now=timezone.now(), **wishes)
    return asked


def queued(ad_account_id: int, manager: User, **wishes: Any) -> SyncLog:
    run = start(ad_account_id, manager, **wishes).run
    assert run is not None
    return run


def work(told: list[tuple[int, int]]) -> Any:
    """What a worker does with what it was told last."""
    ad_account_id, run_id = told.pop()
    return tasks.sync_ad_account(ad_account_id, run_id=run_id)


def test_a_sync_waits_in_the_queue_and_becomes_the_run(linkedin, manager, told):
    ad_account_id = linkedin.ad_account_ids[0]
    waiting = queued(ad_account_id, manager)
    assert (waiting.status, waiting.trigger, waiting.asked_by) == ("queued", "manual", manager)
    assert told == [(ad_account_id, waiting.pk)]
    event = AuditEvent.objects.get(kind="sync_started_by_hand")
    assert (event.actor_email, event.ad_account_id) == (manager.email, ad_account_id)
    assert work(told)["status"] == "success"
    run = SyncLog.objects.get(account=ad_account_id)
    assert (run.pk, run.status) == (waiting.pk, "success")
    assert run.started_at > waiting.started_at
    assert run.rows_stored > 0


def test_a_sync_stays_its_askers_when_a_worker_tries_again(linkedin, manager, told):
    first = queued(linkedin.ad_account_ids[0], manager)
    SyncLog.objects.filter(pk=first.pk).update(status="failed", finished_at=timezone.now(), error_kind="network")
    assert work(told)["status"] == "success"
    again = SyncLog.objects.latest("pk")
    assert (again.pk > first.pk, again.trigger, again.asked_by) == (True, "retry", manager)


def test_a_fresh_ad_account_is_left_alone_and_says_why(linkedin, manager, told):
    linkedin.sync()
    asked = start(linkedin.ad_account_ids[0], manager)
    assert asked.run is None
    assert asked.reason.startswith("synced")
    assert told == []
    assert start(linkedin.ad_account_ids[0], manager, force=True).run


def test_days_that_somebody_names_are_wanted_however_fresh_the_data_is(linkedin, manager, told):
    linkedin.sync()
    first_day, last_day = linkedin.today - timedelta(days=200), linkedin.today - timedelta(days=190)
    asked = queued(linkedin.ad_account_ids[0], manager, first_day=first_day, last_day=last_day)
    assert work(told)["status"] == "success"
    run = SyncLog.objects.get(pk=asked.pk)
    assert (run.first_day, run.last_day) == (first_day, last_day)


def test_a_second_wish_is_shown_the_first(linkedin, manager, told):
    first = start(linkedin.ad_account_ids[0], manager)
    second = start(linkedin.ad_account_ids[0], manager, force=True)
    assert second.run is None
    assert second.running == first.run
    assert len(told) == 1


def test_a_queued_sync_that_turns_fresh_leaves_the_queue(linkedin, manager, told):
    start(linkedin.ad_account_ids[0], manager)
    linkedin.sync()
    assert work(told)["status"] == "skipped"
    assert not SyncLog.objects.filter(status="queued").exists()


def test_a_queued_sync_that_is_cancelled_asks_nothing(linkedin, manager, told):
    asked = queued(linkedin.ad_account_ids[0], manager)
    assert sync_requests.cancel(asked, requested_by=manager, now=timezone.now())
    assert work(told) == {"status": "cancelled"}
    run = SyncLog.objects.get(pk=asked.pk)
    assert run.status == "cancelled"
    assert run.finished_at is not None
    assert linkedin.simulator.counters.counted()["total"] == 0
    assert not sync_requests.cancel(run, requested_by=manager, now=timezone.now())


def test_a_running_sync_that_is_cancelled_ends_and_the_next_one_goes_on(linkedin, manager, told, monkeypatch, settings):
    monkeypatch.setattr(interruption, "_CANCEL_CHECK_SECONDS", 0.0)
    settings.SYNC_CONCURRENCY = 1
    asked = queued(linkedin.ad_account_ids[0], manager)
    store = OpenRun.store

    def store_and_cancel(run: Any, *arguments: Any) -> None:
        store(run, *arguments)
        sync_requests.cancel(asked, requested_by=manager, now=timezone.now())

    linkedin.simulator.faults.switch_on("slow", seconds=0.1)
    monkeypatch.setattr(OpenRun, "store", store_and_cancel)
    work(told)
    run = SyncLog.objects.get(pk=asked.pk)
    assert run.status == "cancelled"
    assert run.error_kind is None
    assert 0 < run.rows_stored < 1000
    monkeypatch.undo()
    settings.SYNC_CONCURRENCY = 4
    assert linkedin.sync().status == "success"


def test_a_cancelled_sync_whose_process_is_dead_ends_at_once(manager):
    long_ago = timezone.now() - timedelta(hours=1)
    run = make_sync_run(status="running", started_at=long_ago, heartbeat_at=long_ago, finished_at=None)
    assert sync_requests.cancel(run, requested_by=manager, now=timezone.now())
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_a_failed_sync_is_tried_again_for_the_same_days(linkedin, manager, told):
    first_day, last_day = linkedin.today - timedelta(days=20), linkedin.today - timedelta(days=11)
    failed = make_sync_run(
        account_id=linkedin.ad_account_ids[0], status="failed", first_day=first_day, last_day=last_day
    )
    asked = sync_requests.retry(failed, requested_by=manager, now=timezone.now()).run
    assert asked is not None
    assert asked.trigger == "retry"
    assert work(told)["status"] == "success"
    run = SyncLog.objects.get(pk=asked.pk)
    assert (run.first_day, run.last_day) == (first_day, last_day)


def test_a_worker_told_twice_works_once(linkedin, manager, told):
    start(linkedin.ad_account_ids[0], manager)
    told *= 2
    assert work(told)["status"] == "success"
    linkedin.forget_calls()
    assert work(told) == {"status": "cancelled"}
    assert linkedin.simulator.counters.counted()["total"] == 0


def test_a_queued_sync_waits_while_the_timetables_sync_runs(linkedin, manager, told):
    asked = queued(linkedin.ad_account_ids[0], manager)
    now = timezone.now()
    make_sync_run(
        account_id=linkedin.ad_account_ids[0], status="running", started_at=now, heartbeat_at=now, finished_at=None
    )
    with pytest.raises(Retry):
        work(told)
    assert SyncLog.objects.get(pk=asked.pk).status == "queued"


def test_what_the_broker_forgot_is_told_again(linkedin, manager, told):
    asked = queued(linkedin.ad_account_ids[0], manager)
    told.clear()
    tasks.close_dead_runs()
    assert told == []
    SyncLog.objects.filter(pk=asked.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=11))
    tasks.close_dead_runs()
    tasks.close_dead_runs()
    assert told == [(linkedin.ad_account_ids[0], asked.pk)]


@pytest.mark.parametrize("role", [Role.ANALYST, Role.VIEWER])
def test_only_those_who_may_sync(role, told):
    ad_account = make_ad_account()
    with pytest.raises(NotAllowed, match="ask an owner or a manager"):
        start(ad_account.pk, make_user(role=role))
    assert not SyncLog.objects.exists()
    assert told == []
