"""Celery's doors: called as functions, and once through a real broker and a real worker."""

import logging
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

import psutil
import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from accounts.consents import connections
from ingestion import tasks
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import SyncLog
from ingestion.sync import sync
from ingestion.sync.result import SyncResult
from ingestion.timetable import discovery
from tests.builders import make_ad_account, make_connection, make_grant, make_role, make_sync_run
from tests.ingestion.simulated import environment_of_the_test, simulated_linkedin

WORKER_SECONDS = 40


@pytest.fixture
def enqueued(monkeypatch) -> list[tuple[Any, ...]]:
    """What was handed to the broker: task name, ids, options."""
    calls: list[tuple[Any, ...]] = []
    for name in ("sync_ad_account", "discover_ad_accounts"):
        task = getattr(tasks, name)
        monkeypatch.setattr(task, "delay", lambda *ids, _name=name, **options: calls.append((_name, *ids, options)))
    return calls


# --- sync_ad_account ---


@pytest.mark.django_db
def test_a_fresh_ad_account_is_skipped_with_the_reason():
    now = timezone.now()
    ad_account = make_ad_account()
    minutes = timedelta(minutes=1)
    make_sync_run(account=ad_account, started_at=now - 6 * minutes, finished_at=now - 5 * minutes)
    summary = tasks.sync_ad_account(ad_account.pk)
    assert summary == {
        "status": "skipped",
        "reason": "synced 6 minutes ago; next sync after 4 hours",
        "rows": {},
    }
    assert SyncLog.objects.count() == 1


@pytest.mark.django_db
def test_an_ad_account_that_is_gone_is_a_log_line(caplog):
    with caplog.at_level(logging.WARNING):
        assert tasks.sync_ad_account(404) == {"status": "gone"}
    assert caplog.messages == ["Ad account 404 is gone; nothing to sync."]
    assert not SyncLog.objects.exists()


@pytest.mark.django_db
def test_an_ad_account_that_is_being_synced_is_skipped_with_the_reason():
    role = make_role()
    now = timezone.now()
    make_sync_run(account=role.ad_account, status="running", started_at=now, heartbeat_at=now, finished_at=None)
    summary = tasks.sync_ad_account(role.ad_account_id)
    assert summary["status"] == "skipped"
    assert "is already syncing" in summary["reason"]


@pytest.mark.django_db
def test_what_linkedin_refuses_is_a_summary_and_no_exception():
    """An exception would be Celery's error, with a traceback; the reason is for people."""
    ad_account = make_ad_account()
    summary = tasks.sync_ad_account(ad_account.pk)
    assert summary["status"] == "failed"
    assert "No LinkedIn connection has a role" in summary["reason"]
    assert SyncLog.objects.get().trigger == "schedule"


@pytest.mark.django_db
def test_the_task_passes_on_what_it_was_asked(monkeypatch):
    asked: list[Any] = []

    def sync_ad_account(ad_account_id: int, **options: Any) -> SyncResult:
        asked.append((ad_account_id, options))
        return SyncResult(ad_account_id, "success", rows={"campaigns": 3})

    monkeypatch.setattr(sync, "sync_ad_account", sync_ad_account)
    ad_account = make_ad_account()
    summary = tasks.sync_ad_account(ad_account.pk, force=True, trigger="manual")
    [(asked_id, given)] = asked
    assert (asked_id, given["force"], given["trigger"]) == (ad_account.pk, True, "manual")
    assert summary == {"status": "success", "reason": "", "rows": {"campaigns": 3}}


# --- discover_ad_accounts ---


@pytest.mark.django_db
def test_a_discovery_enqueues_the_first_sync_of_each_ad_account(monkeypatch, enqueued):
    connection = make_connection()
    found = (SyncResult(None, "success"), [7, 8])
    monkeypatch.setattr(discovery, "discover_ad_accounts", lambda connection_id: found)
    assert tasks.discover_ad_accounts(connection.pk) == {"status": "success", "reason": "", "ad_accounts": 2}
    assert enqueued == [
        ("sync_ad_account", 7, {"trigger": "discovery"}),
        ("sync_ad_account", 8, {"trigger": "discovery"}),
    ]


@pytest.mark.django_db
def test_a_connection_that_is_gone_is_a_log_line(caplog, enqueued):
    with caplog.at_level(logging.WARNING):
        assert tasks.discover_ad_accounts(404) == {"status": "gone"}
    assert caplog.messages == ["LinkedIn connection 404 is gone; nothing to discover."]
    assert not SyncLog.objects.exists()
    assert enqueued == []


# --- receivers ---


@pytest.mark.django_db
def test_a_new_consent_enqueues_its_discovery_after_commit(enqueued, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            connection = connections.store_grant(user=None, grant=make_grant(), now=timezone.now())
        assert enqueued == [], "a worker would look for a connection that nobody else can see yet"
    assert enqueued == [("discover_ad_accounts", connection.pk, {})]


@pytest.mark.django_db
def test_a_consent_that_is_rolled_back_enqueues_nothing(enqueued, django_capture_on_commit_callbacks):
    def store_and_fail() -> None:
        with transaction.atomic():
            connections.store_grant(user=None, grant=make_grant(), now=timezone.now())
            raise ValueError("rolled back")

    with django_capture_on_commit_callbacks(execute=True), pytest.raises(ValueError, match="rolled back"):
        store_and_fail()
    assert enqueued == []


# --- a real worker ---


class Worker:
    """A Celery worker process that hears one queue."""

    def __init__(self, queue: str, environment: dict[str, str], log_path: Any) -> None:
        self._log_path = log_path
        with log_path.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", queue, "-c", "1", "-n", queue],
                cwd=django_settings.BASE_DIR,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return str(self._log_path.read_text())

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> list[psutil.Process]:
        """Warm shutdown, as a supervisor does; returns what is left of it."""
        children = psutil.Process(self._process.pid).children(recursive=True) if self.is_alive() else []
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return psutil.wait_procs(children, timeout=30)[1]


@pytest.mark.slow
@pytest.mark.installation
@pytest.mark.installation
@pytest.mark.django_db(transaction=True)
def test_a_real_worker_syncs_what_was_enqueued(settings, tmp_path):
    """The message goes through the real broker; the rows come back through the real database."""
    options = Options(size=WorldSize(ad_accounts=1, campaigns_per_account=6))
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect()
        queue = f"test-{tmp_path.name}-{time.monotonic_ns()}"
        worker = Worker(queue, environment_of_the_test(settings), tmp_path / "worker.log")
        try:
            tasks.sync_ad_account.apply_async(args=(linkedin.ad_account_ids[0],), queue=queue)
            end = time.monotonic() + WORKER_SECONDS
            while not _finished_runs() and worker.is_alive() and time.monotonic() < end:
                time.sleep(0.1)
            assert _finished_runs(), worker.said
        finally:
            left = worker.stop()
        assert not left
        run = _finished_runs()[0]
        assert (run.status, run.trigger) == ("success", "schedule"), run.errors
        assert run.first_day
        linkedin.assert_stored(run.first_day, known_before=False)
        assert "Traceback" not in worker.said


def _finished_runs() -> list[SyncLog]:
    return list(SyncLog.objects.filter(account__isnull=False).exclude(finished_at=None))
