"""Many ad accounts, several workers, one token: LinkedIn is never asked more at once than the budget allows."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from ingestion.linkedin_simulator.world import WorldSize
from ingestion.sync.rate_limits import FIRST_PLACES, MAX_PLACES
from tests.journeys.stack import SYNC, Stack, running_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(700)]

AD_ACCOUNTS = 1000
SMALL = 20


def test_a_thousand_ad_accounts_and_two_workers():
    world = WorldSize(ad_accounts=AD_ACCOUNTS, campaigns_per_account=2, creatives_per_campaign=2, segments_per_pivot=2)
    # Syncs would gladly ask a hundred requests at once: 10 children, 11 kinds of figures each.
    with running_stack(world, SYNC_CONCURRENCY="12", SYNC_LEASE_SECONDS="30", LOG_LEVEL="WARNING") as stack:
        stack.fault("slow", seconds=0.15)
        for ad_account_id in stack.ad_account_ids:
            stack.ask(SYNC, ad_account_id)
        for name in ("one", "other"):
            stack.worker(name, concurrency=5)
        stack.wait_until_synced(600)
        runs = stack.runs()
        assert {run["status"] for run in runs} == {"success"}
        assert sorted(run["account_id"] for run in runs) == stack.ad_account_ids
        peaks = stack.calls()["peak_per_token"]
        print(f"peak of requests under way: {peaks}; {_per_minute(runs):.0f} ad accounts a minute")  # noqa: T201
        assert len(peaks) == 1
        assert FIRST_PLACES < max(peaks.values()) <= MAX_PLACES
        assert all("task_succeeded" in stack.log(name) for name in ("one", "other"))
        # What follows a sync, its audit and its snapshot, may still be in hand.
        stack.wait_until(lambda: not stack.queued() and not stack.in_hand(), 60, "workers at rest")


def _per_minute(runs):
    took = max(run["finished_at"] for run in runs) - min(run["started_at"] for run in runs)
    return len(runs) / took.total_seconds() * 60


def test_a_huge_ad_account_does_not_hold_up_small_ones():
    """Ten years of one ad account beside a month of each of the others, all with the same token."""
    since = datetime.now(UTC).date() - timedelta(days=3600)
    world = WorldSize(
        ad_accounts=SMALL + 1, campaigns_per_account=10, creatives_per_campaign=10, activity=1.0, dense=True,
        first_day=since,
    )  # fmt: skip
    with running_stack(world, BACKFILL_DAYS="30", SYNC_LEASE_SECONDS="30") as stack:
        stack.fault("slow", seconds=0.2)
        huge, *small = stack.ad_account_ids
        stack.ready_worker("worker", concurrency=4)
        command = _sync_by_hand(stack, huge, since)
        stack.wait_until(lambda: any(run["rows_stored"] > 10_000 for run in stack.runs(huge)), 60, "the huge sync")
        for ad_account_id in small:
            stack.ask(SYNC, ad_account_id)
        stack.wait_until_synced(240)
        assert command.wait(timeout=30) == 0, stack.log("huge")
        [huge_run] = stack.runs(huge)
        small_runs = [run for run in stack.runs() if run["account_id"] != huge]
        assert sorted(run["account_id"] for run in small_runs) == small
        assert {run["status"] for run in [huge_run, *small_runs]} == {"success"}
        last_small = max(run["finished_at"] for run in small_runs)
        slowest = max(run["finished_at"] - run["started_at"] for run in small_runs)
        print(f"small ones done {huge_run['finished_at'] - last_small} earlier; slowest {slowest}")  # noqa: T201
        assert last_small < huge_run["finished_at"]
        assert max(stack.calls()["peak_per_token"].values()) <= MAX_PLACES


def _sync_by_hand(stack: Stack, ad_account_id: int, since) -> subprocess.Popen[bytes]:
    words = ["manage.py", "sync", str(ad_account_id), "--since", since.isoformat()]
    return stack.start("huge", sys.executable, *words)
