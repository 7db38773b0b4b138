"""The life of one run: opened once, kept alive, closed by itself or by whoever finds it dead."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import connection as database
from django.utils import timezone

from accounts.models import AdAccount
from ingestion.linkedin.client import LinkedInClient, StaticToken
from ingestion.linkedin.endpoints import Page, Rejected
from ingestion.linkedin.errors import (
    AccessDenied,
    DayLimitReached,
    LinkedInError,
    TokenRejected,
    Unavailable,
    VersionSunset,
)
from ingestion.models import RejectedRecord, SyncLog
from ingestion.sync import coverage
from ingestion.sync.failures import Failure
from ingestion.sync.ledger import closing, opening, pruning
from ingestion.sync.ledger.open_run import Progress, RunLost
from ingestion.sync.ledger.opening import AlreadyRunning, RunRequest
from ingestion.sync.rate_limits import TokenBudget
from ingestion.sync.repeated_rows import listed_twice
from ingestion.sync.run import Run
from ingestion.sync.steps import Step
from tests.builders import NOW, make_ad_account, make_campaign, make_sync_run

pytestmark = pytest.mark.django_db

LEASE = timedelta(seconds=django_settings.SYNC_LEASE_SECONDS)


@pytest.fixture
def ad_account() -> AdAccount:
    return make_ad_account()


def open_run(ad_account: AdAccount | None, *, now: datetime = NOW) -> SyncLog:
    """Open a run at that moment, by the wall clock too, which heartbeats go by."""
    ad_account_id = ad_account.pk if ad_account else None
    with time_machine.travel(now, tick=False):
        return opening.open_run(RunRequest(ad_account_id=ad_account_id, trigger=SyncLog.Trigger.MANUAL), now=now)


def close_stale(now: datetime) -> list[int]:
    with time_machine.travel(now, tick=False):
        return closing.close_stale()


def beat(run: Run, now: datetime) -> None:
    with time_machine.travel(now, tick=False):
        run.ledger.beat()


def run_of(
    row: SyncLog,
    *,
    now: Callable[[], datetime] = lambda: NOW,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Run:
    client = LinkedInClient(base_url="http://127.0.0.1:1", version="202607", tokens=StaticToken("none"))
    return Run(row, client=client, budget=TokenBudget(1, now=now), now=now, on_progress=on_progress)


def rejected(**changes: Any) -> Rejected:
    values = {"endpoint": "/rest/adAnalytics", "payload": {"id": 1}, "reason": "id: is wrong", "identity": "1"}
    return Rejected(**values | changes)


# --- opening ---


def test_it_opens_a_running_row_that_lives(ad_account):
    row = open_run(ad_account)
    row.refresh_from_db()
    assert (row.status, row.account_id, row.trigger) == ("running", ad_account.pk, "manual")
    assert (row.started_at, row.heartbeat_at, row.finished_at) == (NOW, NOW, None)


def test_a_second_one_learns_since_when_the_first_runs(ad_account):
    open_run(ad_account)
    with pytest.raises(AlreadyRunning, match=r"already syncing \(since 12:00:00 UTC\)"):
        open_run(ad_account, now=NOW + timedelta(minutes=1))
    assert SyncLog.objects.count() == 1


def test_another_ad_account_can_be_opened_meanwhile(ad_account):
    open_run(ad_account)
    open_run(make_ad_account())
    assert SyncLog.objects.filter(status="running").count() == 2


def test_a_finished_ad_account_can_be_opened_again(ad_account):
    run_of(open_run(ad_account)).ledger.close()
    open_run(ad_account)


def test_runs_of_all_ad_accounts_do_not_exclude_each_other():
    open_run(None)
    open_run(None)
    assert SyncLog.objects.filter(account=None, status="running").count() == 2


def test_the_database_itself_refuses_a_second_running_row(ad_account):
    """Whoever writes past `open_run` meets the constraint too."""
    make_sync_run(account=ad_account, status="running", finished_at=None)
    with pytest.raises(Exception, match="an_ad_account_has_one_running_sync"):
        make_sync_run(account=ad_account, status="running", finished_at=None)


@pytest.mark.django_db(transaction=True)
def test_of_processes_at_the_same_moment_exactly_one_wins(ad_account):
    takers, rounds = 3, 5
    request = RunRequest(ad_account_id=ad_account.pk, trigger=SyncLog.Trigger.MANUAL)
    barrier = threading.Barrier(takers, timeout=20)
    won: list[int] = []
    lost: list[int] = []
    odd: list[BaseException] = []

    def open_each_round() -> None:
        try:
            for number in range(rounds):
                barrier.wait()
                try:
                    row = opening.open_run(request, now=NOW)
                    won.append(number)
                except AlreadyRunning:
                    row = None
                    lost.append(number)
                barrier.wait()
                if row:
                    run_of(row).ledger.close()
                barrier.wait()
        except BaseException as error:
            odd.append(error)
            barrier.abort()
        finally:
            database.close()

    threads = [threading.Thread(target=open_each_round) for _ in range(takers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not odd
    assert won == list(range(rounds))
    assert len(lost) == rounds * (takers - 1)


# --- dead runs ---


def test_a_run_without_a_heartbeat_is_closed_and_replaced(ad_account):
    dead = open_run(ad_account)
    later = NOW + LEASE + timedelta(seconds=1)
    taken = open_run(ad_account, now=later)
    dead.refresh_from_db()
    assert (dead.status, dead.error_kind, dead.finished_at) == ("failed", "timeout", later)
    assert dead.errors == "The process that ran this sync died. The next sync resumes from where it stopped."
    assert taken.status == "running"


def test_a_run_with_a_heartbeat_within_its_lease_is_left_alone(ad_account):
    row = open_run(ad_account)
    beat(run_of(row), NOW + timedelta(minutes=30))
    with pytest.raises(AlreadyRunning):
        open_run(ad_account, now=NOW + timedelta(minutes=30) + LEASE)


def test_opening_one_ad_account_closes_no_dead_run_of_another(ad_account):
    other = open_run(make_ad_account())
    open_run(ad_account, now=NOW + timedelta(days=1))
    other.refresh_from_db()
    assert other.status == "running"


def test_close_stale_closes_every_dead_run_and_says_whose(ad_account):
    open_run(ad_account)
    open_run(None)
    alive = open_run(make_ad_account(), now=NOW + LEASE)
    # A run of all ad accounts is closed too, and has no id to tell.
    assert close_stale(NOW + LEASE + timedelta(seconds=1)) == [ad_account.pk]
    assert list(SyncLog.objects.filter(status="running")) == [alive]
    assert close_stale(NOW + LEASE + timedelta(seconds=1)) == []


def test_a_run_that_was_closed_by_another_stops_at_its_next_heartbeat(ad_account):
    row = open_run(ad_account)
    run = run_of(row)
    close_stale(NOW + timedelta(hours=1))
    with pytest.raises(RunLost, match=f"Sync run {row.pk} was closed by another process"):
        run.ledger.beat()


def test_a_lost_run_stores_nothing_of_the_answer_it_was_writing(ad_account):
    """Its successor may have written newer figures meanwhile."""
    run = run_of(open_run(ad_account))
    close_stale(NOW + timedelta(hours=1))

    def write() -> None:
        make_campaign(id=7, account=ad_account)

    with pytest.raises(RunLost):
        run.ledger.store("campaigns", Page([object()], [rejected()]), write)
    assert not ad_account.campaigns.exists()
    assert not RejectedRecord.objects.exists()


def test_a_lost_run_does_not_change_how_it_was_closed(ad_account):
    row = open_run(ad_account)
    run = run_of(row)
    close_stale(NOW + timedelta(hours=1))
    run.ledger.close()
    row.refresh_from_db()
    assert (row.status, row.error_kind, row.finished_at) == ("failed", "timeout", NOW + timedelta(hours=1))


# --- while it lives ---


def test_an_answer_is_counted_with_its_rejected_records_and_shown_at_once(ad_account):
    row, shown = open_run(ad_account), []
    run = run_of(row, on_progress=shown.append)
    with run.ledger.step(Step.ENTITIES), time_machine.travel(NOW + timedelta(seconds=20), tick=False):
        run.ledger.store("campaigns", Page([object()] * 5, [rejected()]), lambda: [rejected(reason="listed twice")])
    row.refresh_from_db()
    # Of five valid records one was set aside while they were written.
    assert (row.rows_stored, row.rows_rejected, row.heartbeat_at) == (4, 2, NOW + timedelta(seconds=20))
    assert shown == [Progress(**row.progress)]
    assert (shown[0].step, shown[0].rows) == ("campaigns and creatives", 4)
    assert {one.reason for one in row.rejected_records.all()} == {"id: is wrong", "listed twice"}
    assert {one.account_id for one in row.rejected_records.all()} == {ad_account.pk}


def test_an_answer_that_cannot_be_written_counts_nothing(ad_account):
    row = open_run(ad_account)
    run = run_of(row)

    def write() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run.ledger.store("campaigns", Page([object()], [rejected()]), write)
    result = run.ledger.close(Failure("internal", "It failed."))
    assert (result.rows, result.rejected, RejectedRecord.objects.count()) == ({}, 0, 0)


def test_the_character_nul_is_replaced(ad_account):
    """PostgreSQL's text and JSON refuse it: one such record would cost the whole answer."""
    row = open_run(ad_account)
    payload = {"na\x00me": ["a\x00b", {"deep": "\x00"}], "count": 3, "none": None, "flag": True}
    run_of(row).ledger.store("campaigns", Page([], [rejected(payload=payload, reason="name: has \x00")]), lambda: None)
    kept = RejectedRecord.objects.get()
    assert kept.payload == {
        "na\ufffdme": ["a\ufffdb", {"deep": "\ufffd"}], "count": 3, "none": None, "flag": True,
    }  # fmt: skip
    assert kept.reason == "name: has \ufffd"


def test_what_linkedin_listed_twice_is_kept_as_text():
    [one] = listed_twice([(7, NOW.date(), 100)])
    assert (one.payload, one.identity) == (["7", "2026-11-20", "100"], "7")
    assert "the later one is stored" in one.reason


def test_a_run_of_all_ad_accounts_has_no_ad_account_and_no_days():
    run = run_of(open_run(None))
    with pytest.raises(ValueError, match="all ad accounts"):
        _ = run.ad_account_id
    with pytest.raises(ValueError, match="no range of days"):
        _ = run.days


# --- how it ends ---


def test_a_run_in_which_nothing_failed_is_a_success(ad_account):
    row = open_run(ad_account)
    run = run_of(row, now=lambda: NOW + timedelta(minutes=2))
    run.ledger.store("campaigns", Page([object()] * 3, []), lambda: None)
    run.ledger.step_stored()
    result = run.ledger.close()
    row.refresh_from_db()
    assert (row.status, row.errors, row.error_kind) == ("success", None, None)
    assert (row.finished_at, row.rows_stored) == (NOW + timedelta(minutes=2), 3)
    assert (result.status, result.reason, result.rows, result.run_id) == ("success", "", {"campaigns": 3}, row.pk)


def test_a_refused_step_beside_a_stored_one_makes_the_run_partial(ad_account):
    row = open_run(ad_account)
    run = run_of(row)
    run.ledger.step_stored()
    run.ledger.step_failed(Unavailable("LinkedIn did not answer."))
    run.ledger.step_failed(AccessDenied("LinkedIn refuses the names."))
    result = run.ledger.close()
    row.refresh_from_db()
    assert (row.status, row.error_kind) == ("partial", "network")
    lines = (row.errors or "").splitlines()
    assert lines[0].startswith("LinkedIn did not answer. Wait;")
    assert lines[1].startswith("LinkedIn refuses the names. Check")
    assert (result.status, result.reason, result.error_kind) == ("partial", row.errors, "network")


def test_a_run_that_stored_no_step_whole_has_failed(ad_account):
    run = run_of(open_run(ad_account))
    run.ledger.step_failed(Unavailable("LinkedIn did not answer."))
    assert run.ledger.close().status == "failed"


def test_what_is_left_for_later_is_noted_and_fails_nothing(ad_account):
    row = open_run(ad_account)
    run = run_of(row)
    run.ledger.step_stored()
    run.ledger.note("Names of posts left for tomorrow: 3.")
    run.ledger.note("Names of segments left for tomorrow: 7.")
    result = run.ledger.close()
    row.refresh_from_db()
    assert (row.status, row.errors) == ("success", None)
    assert row.notes == result.notes == "Names of posts left for tomorrow: 3.\nNames of segments left for tomorrow: 7."


def test_a_failure_at_the_end_names_the_kind_before_refused_steps(ad_account):
    run = run_of(open_run(ad_account))
    run.ledger.step_stored()
    run.ledger.step_failed(Unavailable("LinkedIn did not answer."))
    result = run.ledger.close(Failure("internal", "The disk is full."))
    assert (result.status, result.error_kind) == ("partial", "internal")
    assert result.reason.splitlines()[0] == "The disk is full."


@pytest.mark.parametrize("error", [TokenRejected("no"), VersionSunset("no"), DayLimitReached("no")])
def test_a_refusal_of_everything_is_raised_instead_of_noted(ad_account, error: LinkedInError):
    """No other request can succeed: asking on would only use up quota."""
    run = run_of(open_run(ad_account))
    with pytest.raises(type(error)):
        run.ledger.step_failed(error)
    assert run.ledger.close().status == "success"


def test_of_old_runs_the_last_of_each_ad_account_is_kept(ad_account):
    other = make_ad_account()
    day = (timezone.now() - timedelta(days=100)).replace(hour=0, minute=0)
    kept = [
        make_sync_run(account=other, started_at=day + timedelta(hours=8)),
        make_sync_run(account=ad_account, started_at=timezone.now(), status="failed"),
    ]
    make_sync_run(account=ad_account, started_at=day, first_day=day.date() - timedelta(days=364))
    make_sync_run(account=ad_account, started_at=day + timedelta(hours=2), status="failed")
    make_sync_run(account=other, started_at=day)
    make_sync_run(account=None, started_at=day)
    assert pruning.prune() == 4
    assert set(SyncLog.objects.all()) == set(kept)
    [[first_day, _]] = coverage.covered(coverage.CAMPAIGN_DAYS, ad_account_id=ad_account.pk, now=timezone.now())
    assert first_day == day.date() - timedelta(days=364), "a backfill is not forgotten"
