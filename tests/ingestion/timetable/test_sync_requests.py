"""Syncs that people ask for: queued where everybody sees them, run by a worker, cancelled, tried again."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.utils import timezone

from accounts.access import NotAllowed
from accounts.models import AuditEvent, User
from accounts.roles import Role
from ingestion import tasks
from ingestion.linkedin.errors import Unavailable
from ingestion.models import SyncLog
from ingestion.processes import graceful_shutdown
from ingestion.processes.work_requests import message_of
from ingestion.sync import interruption, sync
from ingestion.sync.ledger import opening
from ingestion.sync.ledger.open_run import OpenRun
from ingestion.sync.ledger.opening import RunRequest
from ingestion.timetable import sync_requests
from tests.builders import make_ad_account, make_sync_run, make_user
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

pytestmark = pytest.mark.django_db(transaction=True)

Told = tuple[int, int, int]


@pytest.fixture
def manager() -> User:
    return make_user(role=Role.MANAGER)


@pytest.fixture
def told(monkeypatch) -> list[Told]:
    """What workers were told, as (ad account id, run id, delivery)."""
    calls: list[Told] = []
    monkeypatch.setattr(
        tasks.sync_ad_account,
        "delay",
        lambda ad_account_id, run_id, delivery: calls.append((ad_account_id, run_id, delivery)),
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


def work(told: list[Told]) -> Any:
    """What a worker does with what it was told last."""
    ad_account_id, run_id, delivery = told.pop()
    return tasks.sync_ad_account(ad_account_id, run_id=run_id, delivery=delivery)


def test_a_sync_waits_in_the_queue_and_becomes_the_run(linkedin, manager, told):
    ad_account_id = linkedin.ad_account_ids[0]
    waiting = queued(ad_account_id, manager)
    assert (waiting.status, waiting.trigger, waiting.asked_by) == ("queued", "manual", manager)
    assert told == [(ad_account_id, waiting.pk, 1)]
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
    asked = queued(linkedin.ad_account_ids[0], manager)
    linkedin.sync()
    assert work(told)["status"] == "skipped"
    run = SyncLog.objects.get(pk=asked.pk)
    assert (run.status, run.resend_at) == ("skipped", None)
    assert run.reason.startswith("synced")
    assert run.finished_at is not None


def test_a_queued_sync_that_is_cancelled_asks_nothing(linkedin, manager, told):
    asked = queued(linkedin.ad_account_ids[0], manager)
    assert sync_requests.cancel(asked, requested_by=manager, now=timezone.now())
    assert work(told) == {"status": "cancelled"}
    run = SyncLog.objects.get(pk=asked.pk)
    assert run.status == "cancelled"
    assert run.finished_at is not None
    assert linkedin.simulator.counters.counted()["total"] == 0
    assert not sync_requests.cancel(run, requested_by=manager, now=timezone.now())


@pytest.mark.slow
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
    assert work(told)["status"] == "postponed"
    waiting = SyncLog.objects.get(pk=asked.pk)
    assert waiting.status == "queued"
    assert waiting.resend_at is not None
    assert waiting.resend_at < now + timedelta(minutes=2)


def test_what_the_broker_forgot_is_told_again(linkedin, manager, told):
    asked = queued(linkedin.ad_account_ids[0], manager)
    told.clear()
    tasks.close_dead_runs()
    assert told == []
    SyncLog.objects.filter(pk=asked.pk).update(resend_at=timezone.now() - timedelta(minutes=1))
    tasks.close_dead_runs()
    tasks.close_dead_runs()
    assert told == [(linkedin.ad_account_ids[0], asked.pk, 1)]


def fail_once(monkeypatch, error: Exception) -> None:
    """The next sync fails with this error, and later ones are as they are."""
    steps = sync._run_steps

    def fail(*_: Any, **__: Any) -> None:
        monkeypatch.setattr(sync, "_run_steps", steps)
        raise error

    monkeypatch.setattr(sync, "_run_steps", fail)


def test_a_temporary_failure_is_tried_again_though_the_broker_forgets(linkedin, manager, told, monkeypatch):
    asked = queued(linkedin.ad_account_ids[0], manager, force=True)
    message = told[0]
    fail_once(monkeypatch, Unavailable("LinkedIn is away."))
    assert work(told)["status"] == "failed"
    asked.refresh_from_db()
    assert (asked.status, asked.tries) == ("failed", 1)
    assert asked.resend_at is not None
    tasks.close_dead_runs()
    assert told == [], "not yet"
    SyncLog.objects.filter(pk=asked.pk).update(resend_at=timezone.now() - timedelta(seconds=1))
    tasks.close_dead_runs()
    tasks.close_dead_runs()
    assert told == [(linkedin.ad_account_ids[0], asked.pk, 2)]
    told[:] = [message, *told * 2]
    assert work(told)["status"] == "success"
    for _ in range(2):
        assert work(told) == {"status": "cancelled"}
    again = SyncLog.objects.get(continues=asked)
    assert (again.status, again.trigger, again.asked_by, again.forced) == ("success", "retry", manager, True)
    assert SyncLog.objects.filter(account=linkedin.ad_account_ids[0]).count() == 2
    asked.refresh_from_db()
    assert asked.resend_at is None


def test_a_failure_that_stays_is_tried_a_few_times(linkedin, manager, told, monkeypatch):
    asked = queued(linkedin.ad_account_ids[0], manager)
    monkeypatch.setattr(sync, "_run_steps", Mock(side_effect=Unavailable("LinkedIn is away.")))
    for tries in range(1, 8):
        assert work(told)["status"] == "failed"
        asked.refresh_from_db()
        assert asked.tries == tries
        SyncLog.objects.filter(pk=asked.pk, resend_at__isnull=False).update(resend_at=timezone.now())
        tasks.close_dead_runs()
    assert told == []
    assert SyncLog.objects.filter(account=linkedin.ad_account_ids[0], status="failed").count() == 7
    assert asked.resend_at is None


@pytest.mark.parametrize("how", ["cancel", "retry", "fresh"])
def test_the_next_try_can_be_called_off(linkedin, manager, told, monkeypatch, how):
    asked = queued(linkedin.ad_account_ids[0], manager)
    fail_once(monkeypatch, Unavailable("LinkedIn is away."))
    work(told)
    asked.refresh_from_db()
    message = (linkedin.ad_account_ids[0], asked.pk, asked.delivery)
    if how == "cancel":
        assert sync_requests.cancel(asked, requested_by=manager, now=timezone.now())
        assert not sync_requests.cancel(asked, requested_by=manager, now=timezone.now())
    elif how == "retry":
        assert sync_requests.retry(asked, requested_by=manager, now=timezone.now()).run
        assert work(told)["status"] == "success"
    else:
        linkedin.sync()
        told.append(message)
        assert work(told)["status"] == "skipped"
    asked.refresh_from_db()
    assert (asked.status, asked.resend_at) == ("failed", None)
    linkedin.forget_calls()
    told.append(message)
    assert work(told) == {"status": "cancelled"}
    assert linkedin.simulator.counters.counted()["total"] == 0


def test_a_retry_that_another_sync_is_in_the_way_of_leaves_the_next_try(linkedin, manager, told, monkeypatch):
    asked = queued(linkedin.ad_account_ids[0], manager)
    fail_once(monkeypatch, Unavailable("LinkedIn is away."))
    work(told)
    asked.refresh_from_db()
    due_at, delivery = asked.resend_at, asked.delivery
    running = opening.open_run(RunRequest(ad_account_id=asked.account_id, trigger="schedule"), now=timezone.now())
    answer = sync_requests.retry(asked, requested_by=manager, now=timezone.now())
    assert (answer.run, answer.running) == (None, running)
    asked.refresh_from_db()
    assert due_at is not None
    assert (asked.resend_at, asked.delivery) == (due_at, delivery)
    SyncLog.objects.filter(pk=running.pk).delete()
    told.append((linkedin.ad_account_ids[0], asked.pk, delivery))
    assert work(told)["status"] == "success"


def test_a_dead_worker_s_request_is_resumed_with_its_days(linkedin, manager, told):
    """The timetable's days would leave out what the person requested."""
    first_day, last_day = linkedin.today - timedelta(days=200), linkedin.today - timedelta(days=190)
    asked = queued(linkedin.ad_account_ids[0], manager, first_day=first_day, last_day=last_day)
    long_ago = timezone.now() - timedelta(hours=1)
    opening.open_run(
        RunRequest(
            ad_account_id=asked.account_id,
            trigger="manual",
            first_day=first_day,
            last_day=last_day,
            message=message_of(asked),
        ),
        now=long_ago,
    )
    SyncLog.objects.filter(pk=asked.pk).update(heartbeat_at=long_ago)
    told.clear()
    tasks.close_dead_runs()
    assert told == [(linkedin.ad_account_ids[0], asked.pk, 2)]
    assert work(told)["status"] == "success"
    again = SyncLog.objects.get(continues=asked)
    assert (again.first_day, again.last_day) == (first_day, last_day)


def test_a_request_of_a_run_that_another_sync_found_dead_is_not_lost(linkedin, manager, told):
    asked = queued(linkedin.ad_account_ids[0], manager, force=True)
    opening.open_run(
        RunRequest(ad_account_id=asked.account_id, trigger="manual", message=message_of(asked)), now=timezone.now()
    )
    SyncLog.objects.filter(pk=asked.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    told.clear()
    assert linkedin.sync().status == "success"
    tasks.close_dead_runs()
    assert told == [(linkedin.ad_account_ids[0], asked.pk, 2)]


def test_a_dead_run_of_the_timetable_is_resumed_without_a_request(linkedin, monkeypatch):
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tasks.sync_ad_account, "delay", lambda *args, **options: sent.append((*args, options)))
    long_ago = timezone.now() - timedelta(hours=1)
    make_sync_run(
        account_id=linkedin.ad_account_ids[0],
        status="running",
        started_at=long_ago,
        heartbeat_at=long_ago,
        finished_at=None,
    )
    tasks.close_dead_runs()
    assert sent == [(linkedin.ad_account_ids[0], {})]


def test_a_worker_that_stops_hands_the_request_on_at_once(linkedin, manager, told, monkeypatch):
    """However often workers are restarted: a graceful stop is no failed try."""
    asked = queued(linkedin.ad_account_ids[0], manager, force=True)
    for number in range(2, 12):
        with monkeypatch.context() as stopping:
            stopping.setattr(graceful_shutdown, "is_asked_for", lambda: True)
            assert work(told)["status"] == "failed"
        assert told == [(linkedin.ad_account_ids[0], asked.pk, number)]
    assert work(told)["status"] == "success"
    asked.refresh_from_db()
    assert (asked.tries, asked.resend_at) == (0, None)


@pytest.mark.parametrize("role", [Role.ANALYST, Role.VIEWER])
def test_only_those_who_may_sync(role, told):
    ad_account = make_ad_account()
    with pytest.raises(NotAllowed, match="ask an owner or a manager"):
        start(ad_account.pk, make_user(role=role))
    assert not SyncLog.objects.exists()
    assert told == []
