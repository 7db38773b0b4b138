"""One click is one run, whatever the broker, the workers and the clicks do: syncs, checks, snapshots, exports alike.

The messages are Celery's own, through the real broker; a worker is what runs them here.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from celery.app.task import Task
from django.db import connection
from django.utils import timezone
from kombu.simple import SimpleQueue

from accounts.models import AdAccount, User
from config.celery import app
from ingestion import tasks as sync_tasks
from ingestion.models import SyncLog, WorkRequest
from ingestion.sync import sync
from ingestion.sync.ledger import closing
from ingestion.sync.signals import sync_finished
from ingestion.timetable import sync_requests
from reporting import tasks
from reporting.checks import check_requests, findings
from reporting.exports import export_requests, formats
from reporting.exports import tasks as export_tasks
from reporting.models import CheckRequest, Export, Snapshot
from reporting.snapshots import snapshot_requests, snapshot_store
from tests.builders import make_campaign, make_campaign_day, make_role, make_sync_run, make_user

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """What a worker gets no chance to handle."""


@dataclass
class Broker:
    """Celery's messages, which a test loses, repeats and delivers as it likes."""

    queue: SimpleQueue

    def waiting(self) -> list[tuple[str, Any, Any]]:
        """Take everything out of the queue; a test may run it never, once or many times."""
        found = []
        while True:
            try:
                message = self.queue.get_nowait()
            except self.queue.Empty:
                return found
            message.ack()
            args, kwargs, _ = message.payload
            found.append((message.headers["task"], args, kwargs))


def run(message: tuple[str, Any, Any]) -> Any:
    """What a worker does with a message."""
    name, args, kwargs = message
    return app.tasks[name](*args, **kwargs)


@pytest.fixture
def broker(monkeypatch) -> Iterator[Broker]:
    name = f"test-{time.monotonic_ns()}"
    publish = Task.apply_async

    def to_our_queue(task: Any, *args: Any, **options: Any) -> Any:
        return publish(task, *args, **options | {"queue": name})

    monkeypatch.setattr(Task, "apply_async", to_our_queue)
    with app.connection_for_read() as broker_connection, broker_connection.SimpleQueue(name) as queue:
        yield Broker(queue)
        queue.clear()


@dataclass
class Kind:
    """One kind of request, and what happens while a worker is at it."""

    model: type[WorkRequest]
    click: Callable[[], object]
    resend: Callable[[], object]
    done: str | None
    lease: timedelta
    tries_of_a_bug: int
    tries_of_a_death: int
    runs: int = 0
    meanwhile: Callable[[], None] = lambda: None

    def work(self) -> None:
        self.runs += 1
        self.meanwhile()

    @property
    def state(self) -> str | None:
        """Of the newest row; None once it is removed."""
        row = self.model._default_manager.order_by("-pk").first()
        return getattr(row, row.STATE) if row else None

    @property
    def trouble(self) -> str:
        row = self.model._default_manager.order_by("-pk").first()
        assert row
        return getattr(row, row.TROUBLE) or ""


def _wrapped(module: Any, name: str, kind: Kind, monkeypatch: Any) -> None:
    original = getattr(module, name)

    def working(*args: Any, **options: Any) -> Any:
        kind.work()
        return original(*args, **options)

    monkeypatch.setattr(module, name, working)


def _sync(ad_account: AdAccount, person: User, monkeypatch: Any) -> Kind:
    def click() -> None:
        sync_requests.start_syncs([ad_account.pk], requested_by=person, force=True, now=timezone.now())

    kind = Kind(SyncLog, click, sync_tasks.close_dead_runs, "success", 11 * MINUTE, 1, SyncLog.MAX_TRIES)
    monkeypatch.setattr(sync, "_run_steps", lambda *_, **__: None)
    _wrapped(sync, "_run_steps", kind, monkeypatch)
    # Its check and its snapshot are kinds of their own.
    monkeypatch.setattr(sync_finished, "send_robust", lambda *_, **__: [])
    close = closing.close

    def close_if_alive(*args: Any, **options: Any) -> bool:
        return "Killed" not in str(options["failures"]) and close(*args, **options)

    monkeypatch.setattr("ingestion.sync.ledger.open_run.close", close_if_alive)
    return kind


def _check(ad_account: AdAccount, person: User, monkeypatch: Any) -> Kind:
    make_sync_run(account=ad_account, started_at=NOW - 60 * MINUTE, finished_at=NOW - 50 * MINUTE)

    def click() -> None:
        check_requests.check_now([ad_account.pk], by=person, now=timezone.now())

    kind = Kind(CheckRequest, click, tasks.requeue_lost_checks, None, 11 * MINUTE, 3, 3)
    _wrapped(findings, "ad_account_facts", kind, monkeypatch)
    return kind


def _snapshot(ad_account: AdAccount, person: User, monkeypatch: Any) -> Kind:
    def click() -> None:
        snapshot_requests.take(ad_account, days=7, asked_by=person, now=timezone.now())

    kind = Kind(Snapshot, click, tasks.requeue_lost_snapshots, "written", 11 * MINUTE, 3, 3)
    _wrapped(snapshot_store, "write_document", kind, monkeypatch)
    return kind


def _export(ad_account: AdAccount, person: User, monkeypatch: Any) -> Kind:
    def click() -> None:
        export_requests.ask(person, of="campaigns", parameters={}, file_format="csv", now=timezone.now())

    kind = Kind(Export, click, export_tasks.requeue_lost_exports, "written", 2 * MINUTE, 3, 3)
    _wrapped(formats, "write", kind, monkeypatch)
    return kind


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(params=[_sync, _check, _snapshot, _export], ids=["sync", "check", "snapshot", "export"])
def kind(request, monkeypatch, clock, snapshot_folder, export_folder, broker) -> Kind:
    role = make_role()
    make_campaign_day(campaign=make_campaign(account=role.ad_account))
    made: Kind = request.param(role.ad_account, make_user(role="owner"), monkeypatch)
    return made


def test_one_message_is_one_run(kind, broker):
    kind.click()
    assert kind.state == "queued"
    [message] = broker.waiting()
    run(message)
    assert (kind.state, kind.runs) == (kind.done, 1)


def test_what_the_broker_forgets_is_sent_again(kind, broker, clock):
    kind.click()
    broker.waiting()
    kind.resend()
    assert broker.waiting() == [], "it may still come"
    clock.shift(11 * MINUTE)
    kind.resend()
    kind.resend()
    [message] = broker.waiting()
    run(message)
    clock.shift(11 * MINUTE)
    kind.resend()
    assert (kind.state, kind.runs, broker.waiting()) == (kind.done, 1, [])


def test_a_broker_that_is_down_loses_nothing(kind, broker, clock, monkeypatch):
    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("the broker is down")

    with monkeypatch.context() as down:
        down.setattr(Task, "apply_async", refuse)
        kind.click()
    clock.shift(11 * MINUTE)
    kind.resend()
    [message] = broker.waiting()
    run(message)
    assert (kind.state, kind.runs) == (kind.done, 1)


def test_a_message_that_comes_again_later_does_nothing(kind, broker, clock):
    kind.click()
    [message] = broker.waiting()
    for _ in range(3):
        run(message)
        clock.shift(11 * MINUTE)
        kind.resend()
    assert (kind.state, kind.runs, broker.waiting()) == (kind.done, 1, [])


def test_a_slow_queue_is_one_run_however_often_it_is_sent(kind, broker, clock):
    """A worker that is busy for an hour finds seven copies; the first of them is as good as the last."""
    kind.click()
    for _ in range(6):
        clock.shift(11 * MINUTE)
        kind.resend()
    copies = broker.waiting()
    assert len(copies) == 7
    run(copies[0])
    assert (kind.state, kind.runs) == (kind.done, 1)
    for one in copies[1:]:
        run(one)
    assert (kind.state, kind.runs, broker.waiting()) == (kind.done, 1, [])


def test_two_workers_that_get_it_at_once_run_it_once(kind, broker):
    kind.click()
    [message] = broker.waiting()
    other = threading.Thread(target=_elsewhere, args=[run, message])

    def second_worker() -> None:
        other.start()
        other.join(0.2)

    kind.meanwhile = second_worker
    run(message)
    other.join()
    assert (kind.state, kind.runs) == (kind.done, 1)


def test_a_second_click_while_it_waits_is_the_same_run(kind, broker):
    kind.click()
    kind.click()
    for message in broker.waiting():
        run(message)
    assert (kind.state, kind.runs) == (kind.done, 1)


def test_a_click_while_it_runs_is_a_run_of_its_own_only_where_the_data_may_be_new(kind, broker):
    """A check reads what was stored before it began; the others are shown the run that there is."""
    kind.click()
    [message] = broker.waiting()
    clicked = threading.Thread(target=_elsewhere, args=[kind.click])

    def click_again() -> None:
        kind.meanwhile = lambda: None
        clicked.start()
        clicked.join(0.2)

    kind.meanwhile = click_again
    run(message)
    clicked.join()
    for one in broker.waiting():
        run(one)
    assert (kind.state, kind.runs) == (kind.done, 2 if kind.model is CheckRequest else 1)


def test_a_worker_that_dies_leaves_it_to_the_next(kind, broker, clock):
    kind.click()
    [message] = broker.waiting()
    die(kind, message)
    kind.meanwhile = lambda: None
    run(message)
    assert kind.runs == 1, "whether the first is dead is not known yet"
    again = resent(kind, broker, clock)
    run(again)
    run(message)
    run(again)
    assert (kind.state, kind.runs, broker.waiting()) == (kind.done, 2, [])


def test_what_kills_every_worker_is_given_up(kind, broker, clock):
    kind.click()
    [message] = broker.waiting()
    for _ in range(kind.tries_of_a_death - 1):
        die(kind, message)
        message = resent(kind, broker, clock)
    die(kind, message)
    assert resent(kind, broker, clock) is None
    assert (kind.state, kind.runs) == ("failed", kind.tries_of_a_death)
    assert kind.trouble


def test_a_bug_that_stops_it_every_time_is_given_up(kind, broker, clock):
    def crash() -> None:
        raise ZeroDivisionError("a bug")

    kind.click()
    kind.meanwhile = crash
    [message] = broker.waiting()
    while message:
        with pytest.raises(ZeroDivisionError):
            run(message)
        message = resent(kind, broker, clock)
    assert (kind.state, kind.runs) == ("failed", kind.tries_of_a_bug)
    assert kind.trouble
    # The next click starts over.
    kind.meanwhile = lambda: None
    kind.click()
    for one in broker.waiting():
        run(one)
    assert (kind.state, kind.runs) == (kind.done, kind.tries_of_a_bug + 1)


def die(kind: Kind, message: Any) -> None:
    def killed() -> None:
        raise Killed

    kind.meanwhile = killed
    with pytest.raises(Killed):
        run(message)


def resent(kind: Kind, broker: Broker, clock: Any) -> Any:
    """What beat sends within the next hour and a half, if anything."""
    for _ in range(9):
        clock.shift(10 * MINUTE)
        kind.resend()
        if found := broker.waiting():
            [message] = found
            return message
    return None


def _elsewhere(do: Callable[..., object], *args: Any) -> None:
    """In a thread of its own, with a connection of its own."""
    try:
        do(*args)
    finally:
        connection.close()
