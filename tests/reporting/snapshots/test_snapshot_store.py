"""Files and rows: written once, the same not twice, removed together, and what a crash leaves behind."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db import connection

from accounts.models import AdAccount, User
from ingestion.linkedin_simulator.simulator import Options
from ingestion.models import SyncLog
from ingestion.processes import work_requests
from ingestion.processes.work_requests import message_of
from ingestion.sync.signals import sync_finished
from ingestion.timetable import schedules
from reporting import tasks
from reporting.models import Snapshot
from reporting.snapshots import snapshot_store
from tests.builders import DAY, NOW, make_ad_account, make_campaign, make_campaign_day, make_sync_run
from tests.ingestion.simulated import simulated_linkedin
from tests.reporting.snapshots.reading import assert_valid

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(bobs_ad_account: AdAccount) -> AdAccount:
    make_campaign_day(campaign=make_campaign(account=bobs_ad_account))
    make_sync_run(account=bobs_ad_account)
    return bobs_ad_account


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def after_sync(account: AdAccount, **later: int) -> Snapshot | None:
    return snapshot_store.write_after_sync(account.pk, now=NOW + timedelta(**later))


# --- after a sync ---


def test_what_a_sync_stored_is_written(account: AdAccount, folder: Path) -> None:
    snapshot = after_sync(account)
    assert snapshot
    assert files(folder) == [snapshot.document.name]
    assert snapshot.document.name == f"{account.pk}/20261120T120000Z_2026-10-21_2026-11-19.json"
    found = json.loads((folder / snapshot.document.name).read_text())
    assert_valid(found)
    stored = Snapshot.objects.get()
    assert (stored.state, stored.trigger, stored.schema_version) == ("written", "sync", found["schema_version"])
    assert stored.data_as_of == stored.confirmed_as_of == NOW - timedelta(minutes=1)
    assert stored.sync_run_id == found["provenance"]["sync_run"]["id"]
    assert stored.size_bytes == (folder / snapshot.document.name).stat().st_size
    assert (folder / snapshot.document.name).stat().st_mode & 0o077 == 0, "nobody else on this machine reads it"


def test_the_same_is_not_written_twice(account: AdAccount, folder: Path) -> None:
    first = after_sync(account)
    assert first
    make_sync_run(account=account, started_at=NOW + timedelta(hours=4), finished_at=NOW + timedelta(hours=4))
    assert after_sync(account, hours=5) is None
    first.refresh_from_db()
    assert first.confirmed_as_of == NOW + timedelta(hours=4)
    assert first.data_as_of == NOW - timedelta(minutes=1)
    assert len(files(folder)) == 1
    make_campaign_day(campaign=account.campaigns.get(), date=DAY - timedelta(days=1))
    assert after_sync(account, hours=6)
    assert files(folder) == sorted(Snapshot.objects.order_by("asked_at").values_list("document", flat=True))


def test_another_day_has_other_days(account: AdAccount) -> None:
    assert after_sync(account)
    assert after_sync(account, days=1)


def test_where_the_file_is_gone_it_is_written_again(account: AdAccount, folder: Path) -> None:
    first = after_sync(account)
    assert first
    (folder / first.document.name).unlink()
    assert after_sync(account, hours=1)


@pytest.mark.parametrize(("status", "is_told"), [("success", True), ("partial", True), ("failed", False)])
def test_a_worker_is_told_after_a_sync_that_stored_something(
    account: AdAccount, status: str, is_told: bool, django_capture_on_commit_callbacks: Any
) -> None:
    with (
        patch.object(tasks.snapshot_after_sync, "delay") as told,
        patch.object(tasks.check_ad_account, "delay"),
        django_capture_on_commit_callbacks(execute=True),
    ):
        sync_finished.send(SyncLog, ad_account_id=account.pk, run_id=1, status=status)
    assert told.call_args_list == ([((account.pk,), {})] if is_told else [])


def test_the_task_says_what_became_of_it(account: AdAccount) -> None:
    with time_machine.travel(NOW, tick=False):
        assert tasks.snapshot_after_sync(account.pk)["status"] == "written"
        assert tasks.snapshot_after_sync(account.pk) == {"status": "unchanged"}
    assert tasks.snapshot_after_sync(404) == {"status": "gone"}


def test_one_that_does_not_fit_says_so_once(account: AdAccount, folder: Path, settings: Any) -> None:
    settings.SNAPSHOT_MAX_BYTES = 1000
    for _ in range(3):
        assert tasks.snapshot_after_sync(account.pk)["status"] == "failed"
    [failed] = Snapshot.objects.all()
    assert (failed.state, failed.trigger) == ("failed", "sync")
    assert "request fewer days or raise SNAPSHOT_MAX_BYTES" in failed.trouble
    settings.SNAPSHOT_MAX_BYTES = 20_000_000
    assert tasks.snapshot_after_sync(account.pk)["status"] == "written"
    assert len(files(folder)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_sync_that_brings_nothing_new_writes_no_second_one(settings: Any, folder: Path) -> None:
    """From LinkedIn's answer to the file."""
    with simulated_linkedin(settings, Options(now=NOW, frozen=True), ad_accounts=1) as linkedin:
        linkedin.connect()
        account_id = linkedin.ad_account_ids[0]
        for _ in range(2):
            assert linkedin.sync(force=True).status == "success"
            snapshot_store.write_after_sync(account_id, now=NOW)
    snapshot = Snapshot.objects.get()
    newest = SyncLog.objects.filter(account=account_id).order_by("-pk").first()
    assert newest
    assert snapshot.confirmed_as_of == newest.started_at
    assert len(files(folder)) == 1


# --- by hand ---


def test_the_wish_of_a_person_is_written_once(account: AdAccount, alice: User, folder: Path) -> None:
    snapshot = snapshot_store.queue(account, days=7, asked_by=alice, now=NOW)
    assert (snapshot.state, snapshot.asked_by, (snapshot.last_day - snapshot.first_day).days) == ("queued", alice, 6)
    assert snapshot_store.queue(account, days=7, asked_by=alice, now=NOW) == snapshot, "it waits already"
    assert snapshot_store.queue(account, days=8, asked_by=alice, now=NOW) != snapshot
    assert tasks.write_snapshot(snapshot.pk)["status"] == "written"
    assert tasks.write_snapshot(snapshot.pk)["status"] == "written", "a message may come twice"
    assert len(files(folder)) == 1
    assert tasks.write_snapshot(404) == {"status": "gone"}


def test_a_person_gets_one_even_if_nothing_changed(account: AdAccount, alice: User, folder: Path) -> None:
    assert after_sync(account)
    snapshot = snapshot_store.queue(account, days=30, asked_by=alice, now=NOW)
    snapshot_store.write_queued(message_of(snapshot), now=NOW)
    assert len(files(folder)) == 2, "names that meet are told apart"


def test_what_cannot_be_written_says_why(account: AdAccount, alice: User, settings: Any, folder: Path) -> None:
    settings.SNAPSHOT_MAX_BYTES = 1000
    snapshot = snapshot_store.queue(account, days=7, asked_by=alice, now=NOW)
    assert snapshot_store.write_queued(message_of(snapshot), now=NOW).state == "failed"
    snapshot.refresh_from_db()
    assert "raise SNAPSHOT_MAX_BYTES" in snapshot.trouble
    assert files(folder) == []


def test_an_unforeseen_failure_does_not_leave_it_waiting(account: AdAccount, alice: User, folder: Path) -> None:
    snapshot = snapshot_store.queue(account, days=7, asked_by=alice, now=NOW)
    for state in ("queued", "queued", "failed"):
        with (
            patch("reporting.snapshots.snapshot_store.write_document", side_effect=OSError("disk full")),
            pytest.raises(OSError, match="disk full"),
        ):
            snapshot_store.write_queued(message_of(snapshot), now=NOW)
        snapshot.refresh_from_db()
        assert snapshot.state == state
    assert "Take it again" in snapshot.trouble
    assert snapshot.resend_at is None


def test_a_killed_worker_leaves_it_to_the_next(account: AdAccount, alice: User, folder: Path) -> None:
    """Its message is sent again once its worker must be dead, and the row stands at `writing` until then."""
    snapshot = snapshot_store.queue(account, days=7, asked_by=alice, now=NOW)
    work_requests.take(Snapshot, message_of(snapshot), now=NOW)
    again: list[Snapshot] = []
    for minutes in (9, 10, 11):
        again += work_requests.overdue(Snapshot, now=NOW + timedelta(minutes=minutes))
    [snapshot] = again
    assert snapshot_store.write_queued(message_of(snapshot), now=NOW).state == "written"


def test_no_file_stays_of_a_row_that_cannot_be_stored(account: AdAccount, folder: Path) -> None:
    with patch.object(Snapshot, "save", side_effect=OSError), pytest.raises(OSError):  # noqa: PT011
        after_sync(account)
    assert files(folder) == []


# --- removing ---


def test_old_ones_go_with_their_files(
    account: AdAccount, settings: Any, folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    settings.SNAPSHOT_KEEP_DAYS = 10
    old, young = after_sync(account, days=-11), after_sync(account, days=-9)
    assert old
    assert young
    with django_capture_on_commit_callbacks(execute=True), time_machine.travel(NOW, tick=False):
        assert tasks.prune_snapshots() == {"removed": 1}
    assert Snapshot.objects.get() == young
    assert files(folder) == [young.document.name]


def test_an_ad_account_takes_its_files_along(
    account: AdAccount, folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    assert after_sync(account)
    with django_capture_on_commit_callbacks(execute=True):
        account.delete()
    assert files(folder) == []


@pytest.mark.django_db(transaction=True)
def test_a_row_that_stays_keeps_its_file(account: AdAccount, folder: Path) -> None:
    """The file goes only once it is certain that the row is gone."""
    from django.db import transaction

    snapshot = after_sync(account)
    assert snapshot
    with transaction.atomic():
        Snapshot.objects.all().delete()
        transaction.set_rollback(True)
    assert files(folder) == [Snapshot.objects.get().document.name]


def test_what_nobody_took_is_given_up(account: AdAccount, alice: User) -> None:
    forgotten = snapshot_store.queue(account, days=7, asked_by=alice, now=NOW - timedelta(hours=25))
    waiting = snapshot_store.queue(account, days=7, asked_by=alice, now=NOW)
    snapshot_store.prune(now=NOW)
    forgotten.refresh_from_db()
    waiting.refresh_from_db()
    assert (forgotten.state, waiting.state) == ("failed", "queued")
    assert "see Status" in forgotten.trouble


def test_a_file_of_nobody_goes_after_a_day(account: AdAccount, folder: Path) -> None:
    """What a worker left that was killed between the file and its row."""
    snapshot = after_sync(account)
    assert snapshot
    left, fresh = (folder / str(account.pk) / name for name in ("left.json", "fresh.json"))
    for path in (left, fresh):
        path.write_text("{}")
    long_ago = NOW.timestamp() - 2 * 86_400
    os.utime(left, (long_ago, long_ago))
    os.utime(folder / snapshot.document.name, (long_ago, long_ago))
    snapshot_store.prune(now=NOW)
    assert files(folder) == sorted([snapshot.stored_as, f"{account.pk}/fresh.json"])


def test_pruning_before_the_first_snapshot(folder: Path) -> None:
    assert snapshot_store.prune(now=NOW) == 0


def test_the_timetable_prunes(db: None) -> None:
    from django_celery_beat.models import PeriodicTask

    schedules.schedule_regular_tasks()
    entry = PeriodicTask.objects.get(name="Prune old snapshots")
    assert entry.task == tasks.prune_snapshots.name
    assert entry.interval.every == 24 * 60


def test_a_pruned_sync_run_leaves_the_snapshot(account: AdAccount) -> None:
    snapshot = after_sync(account)
    assert snapshot
    SyncLog.objects.all().delete()
    snapshot.refresh_from_db()
    assert snapshot.sync_run_id is None
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert make_ad_account()
