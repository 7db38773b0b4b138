"""Whatever dies in the middle of a sync, afterwards every table equals LinkedIn's own world.

Real processes, killed from outside. `KILLS_SEED=… pytest -m slow tests/journeys/test_crashes.py -k twenty` repeats
a run: the seed is printed.
"""

import os
import random
import re
import signal
import time
from functools import partial

import psutil
import pytest

from tests.journeys.stack import KEY_PREFIX, LEASE_SECONDS, SYNC, Stack, busy_world, running_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

KILLS = 20
# One ad account: 23 requests, 7 of them windows of creatives' days; some seconds when answers are slow.
WORLD = busy_world(ad_accounts=3, creatives=300, days=400)
_DIED = "process that ran this sync died"


@pytest.fixture
def stack():
    with running_stack(WORLD, BACKFILL_DAYS="365") as running:
        running.fault("slow", seconds=0.05)
        yield running


def wait_for_run(stack: Stack, *, after: int, rows: int = 0, what: str = "a sync in the middle") -> None:
    """Until a run that began after the given one has stored so many rows."""
    stack.wait_until(
        lambda: any(
            run["id"] > after and run["status"] == "running" and run["rows_stored"] >= rows for run in stack.runs()
        ),
        60,
        what,
    )


def last_run(stack: Stack) -> int:
    return max((run["id"] for run in stack.runs()), default=0)


def assert_all_is_well(stack: Stack) -> None:
    """Every ad account synced and true; nothing runs, nothing waits, nothing is done twice."""
    stack.wait_until_synced(150)
    stack.assert_equals_truth()
    assert_what_dead_workers_held_changes_nothing(stack)
    assert not stack.is_running()
    assert stack.queued() == stack.in_hand() == 0


def assert_what_dead_workers_held_changes_nothing(stack: Stack) -> None:
    """The broker hands out again, seven hours later, what died with its worker: by then it is all done."""
    runs = len(stack.runs())
    round_number = 0
    while stack.in_hand() and round_number < 6:
        round_number += 1
        with stack.valkey() as valkey:
            # Those seven hours pass.
            for tag in valkey.hkeys(f"{KEY_PREFIX}unacked"):
                valkey.zadd(f"{KEY_PREFIX}unacked_index", {tag: 0})
        # It hands out ten at a time, and looks again much later: the next worker does so at once.
        left = max(0, stack.in_hand() - 10)
        worker = stack.worker(f"late-{round_number}")
        stack.wait_until(partial(_holds_at_most, stack, left), 60, "tasks handed out again")
        stack.wait_until(lambda: not stack.queued(), 60, "an empty queue")
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=30)
    assert len(stack.runs()) == runs


def _holds_at_most(stack: Stack, tasks: int) -> bool:
    return stack.in_hand() <= tasks


def test_a_worker_killed_at_twenty_random_points():
    seed = int(os.environ.get("KILLS_SEED", time.time_ns() % 1_000_000))
    print(f"KILLS_SEED={seed}")  # noqa: T201
    chance = random.Random(seed)
    with running_stack(WORLD, BACKFILL_DAYS="365", SYNC_CONCURRENCY="2") as stack:
        stack.fault("slow", seconds=0.05)
        for number in range(KILLS):
            worker = stack.worker(f"worker-{number}")
            before = last_run(stack)
            due = sorted(set(stack.ad_account_ids) - stack.synced())
            stack.ask_as_beat(due)
            if not due:
                stack.ask(SYNC, chance.choice(stack.ad_account_ids), force=True)
            wait_for_run(stack, after=before, what=f"run {number}, KILLS_SEED={seed}")
            time.sleep(chance.uniform(0, 1.5))
            stack.kill(worker)
        time.sleep(LEASE_SECONDS)
        stack.worker("last")
        stack.ask_as_beat()
        assert_all_is_well(stack)
        died = [run for run in stack.runs() if _DIED in (run["errors"] or "")]
        print(f"{len(died)} runs died; {len(stack.runs())} in all")  # noqa: T201
        assert len(died) >= KILLS * 3 // 4, "the kills met syncs"


@pytest.mark.timeout(600)
def test_a_resumed_backfill_asks_little_twice():
    """A fifth more calls at most than a backfill that nobody disturbed."""
    world = busy_world(ad_accounts=2, creatives=150, days=3700)
    with running_stack(world, BACKFILL_DAYS="3649") as stack:
        stack.fault("slow", seconds=0.05)
        undisturbed, killed = stack.ad_account_ids
        worker = stack.worker("first")
        stack.ask(SYNC, undisturbed)
        stack.wait_until(lambda: undisturbed in stack.synced(), 200, "the undisturbed backfill")
        calls = stack.calls()["total"]
        stack.forget_calls()
        stack.ask(SYNC, killed)
        stack.wait_until(lambda: stack.calls()["total"] >= calls / 2, 100, "half of the backfill")
        stack.kill(worker)
        assert killed not in stack.synced()
        time.sleep(LEASE_SECONDS)
        stack.worker("second")
        stack.ask_as_beat([killed])
        stack.wait_until(lambda: killed in stack.synced(), 200, "the resumed backfill")
        together = stack.calls()["total"]
        print(f"{calls} calls undisturbed, {together} with a kill half-way: {together / calls:.2f} ×")  # noqa: T201
        assert together <= 1.2 * calls
        [stored] = stack.rows(
            "SELECT count(*) FROM creative_daily_metrics AS day JOIN creatives ON creatives.id = day.creative_id "
            "WHERE creatives.account_id = %s",
            killed,
        )
        assert stored["count"] == 150 * 3650


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL])
def test_postgresql_dies_in_the_middle(stack: Stack, how: signal.Signals):
    stack.worker("worker", concurrency=2)
    stack.ask_as_beat()
    wait_for_run(stack, after=0, rows=1_000)
    stack.kill_postgresql(how)
    time.sleep(1)
    stack.start_servers_again()
    time.sleep(LEASE_SECONDS)
    stack.ask_as_beat()
    # What failed is tried again by itself, about a minute later.
    stack.wait_until(lambda: not stack.in_hand() and not stack.queued(), 200, "no task in hand")
    assert_all_is_well(stack)


def test_valkey_dies_in_the_middle_and_forgets_everything(stack: Stack):
    worker = stack.worker("worker", concurrency=2)
    stack.ask_as_beat()
    wait_for_run(stack, after=0, rows=1_000)
    stack.kill_valkey()
    time.sleep(1)
    stack.start_servers_again()
    stack.wait_until(lambda: not stack.is_running(), 90, "the end of what ran")
    assert {run["status"] for run in stack.runs()} == {"success"}, "a sync under way waits for Valkey"
    stack.ask_as_beat()
    assert_all_is_well(stack)
    assert worker.poll() is None


def test_beat_alone_heals_what_died():
    """Beat killed and started again; a worker killed: the timetable brings everything to its end."""
    with running_stack(WORLD, BACKFILL_DAYS="365", FRESHNESS_TTL_MINUTES="4") as stack:
        stack.fault("slow", seconds=0.05)
        beat, worker = stack.beat(), stack.worker("worker")
        wait_for_run(stack, after=0, rows=1_000)
        stack.kill(beat)
        stack.kill(worker)
        stack.worker("next-worker")
        stack.beat("next-beat")
        stack.wait_until_synced(200)
        stack.assert_equals_truth()
        assert any(_DIED in (run["errors"] or "") for run in stack.runs())


def test_two_workers_asked_for_the_same_ad_account():
    """A lease that a busy machine cannot miss, and answers so slow that the other worker comes in time."""
    with running_stack(WORLD, BACKFILL_DAYS="365", SYNC_LEASE_SECONDS="60") as stack:
        stack.fault("slow", seconds=0.5)
        _assert_one_syncs_each(stack)


def _assert_one_syncs_each(stack: Stack) -> None:
    names = ["one", "other"]
    for name in names:
        stack.ready_worker(name)
    for ad_account_id in stack.ad_account_ids:
        stack.ask(SYNC, ad_account_id)
        stack.ask(SYNC, ad_account_id)
        stack.wait_until_synced(60, [ad_account_id])
        stack.wait_until(lambda: not stack.in_hand(), 30, "both answers")
    runs = stack.runs()
    assert sorted(run["account_id"] for run in runs) == stack.ad_account_ids
    assert {run["status"] for run in runs} == {"success"}
    said = "".join(map(stack.log, names))
    assert len(re.findall(r"Ad account \d+: This ad account is already syncing", said)) == 3
    assert all("task_succeeded" in stack.log(name) for name in names)
    assert_all_is_well(stack)


@pytest.mark.parametrize("to_group", [False, True], ids=["the main process", "the whole group"])
def test_a_worker_asked_to_end_hands_its_sync_over(stack: Stack, to_group: bool):
    [first, *_] = stack.ad_account_ids
    stack.fault("slow", seconds=0.3)
    worker = stack.worker("worker")
    stack.ask(SYNC, first)
    wait_for_run(stack, after=0, rows=20_000)
    asked = time.monotonic()
    os.killpg(worker.pid, signal.SIGTERM) if to_group else worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=30)
    took = time.monotonic() - asked
    print(f"the worker ended after {took:.1f} s")  # noqa: T201
    assert took < 15
    assert stack.queued(SYNC) == 1, "the task is back in the queue"
    [run] = stack.runs()
    assert run["status"] in {"failed", "partial"}
    assert run["error_kind"] == "timeout"
    assert "worker was stopped" in run["errors"]
    stack.no_faults()
    before = stack.calls()["calls"]["adAnalytics"]
    stack.worker("next")
    stack.wait_until(lambda: first in stack.synced(), 60, "the other worker's sync")
    assert len(stack.runs()) == 2, "nobody had to wait for the lease of the first"
    again = stack.calls()["calls"]["adAnalytics"] - before
    assert again < before + 12, "it goes on and does not begin anew"
    stack.ask_as_beat()
    assert_all_is_well(stack)


def test_a_worker_told_to_end_at_once_does_and_leaves_no_child(stack: Stack):
    """Celery ends the children with the signal that otherwise asks a sync to stop."""
    [first, *_] = stack.ad_account_ids
    stack.fault("slow", seconds=0.3)
    worker = stack.worker("worker", concurrency=2)
    stack.ask(SYNC, first)
    wait_for_run(stack, after=0, rows=5_000)
    children = psutil.Process(worker.pid).children(recursive=True)
    worker.send_signal(signal.SIGQUIT)
    worker.wait(timeout=20)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
