"""Eight processes need a new access token at the same moment: LinkedIn is asked for one."""

import pytest

from tests.journeys.stack import SYNC, Stack, busy_world, running_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

TASKS = 8


@pytest.mark.parametrize("how", ["ended", "refused"])
def test_eight_tasks_with_a_dead_access_token_refresh_it_once(how: str):
    with running_stack(busy_world(ad_accounts=TASKS, creatives=20, days=10), BACKFILL_DAYS="5") as stack:
        _end_access_token(stack, how)
        stack.fault("slow", seconds=1)
        stack.ready_worker("worker", concurrency=TASKS)
        for ad_account_id in stack.ad_account_ids:
            stack.ask(SYNC, ad_account_id)
        stack.wait_until(lambda: len(stack.runs()) == TASKS or stack.synced(), 60, "eight runs")
        stack.wait_until_synced(200)
        assert {run["status"] for run in stack.runs()} == {"success"}
        assert stack.calls()["statuses"]["accessToken"] == {"200": 1}
        first_end = min(run["finished_at"] for run in stack.runs())
        assert all(run["started_at"] < first_end for run in stack.runs()), "they ran side by side"


def _end_access_token(stack: Stack, how: str) -> None:
    """It reached its end, as we know, or LinkedIn refuses it before that. A brand-new one would not be renewed."""
    ends_at = "now() - interval '1 hour'" if how == "ended" else "access_token_expires_at"
    updated = stack.rows(
        f"UPDATE linkedin_connections SET access_token_expires_at = {ends_at}, "
        "connected_at = connected_at - interval '1 day' RETURNING id"
    )
    assert len(updated) == 1
    if how == "refused":
        stack.fault("expired_token")
