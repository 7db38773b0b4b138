"""A whole installation, and a token for it."""

import sys
from collections.abc import Iterator

import pytest

from ingestion.linkedin_simulator.world import WorldSize
from tests.journeys.stack import OWNER_EMAIL, SYNC, Stack, running_stack

_ISSUE = f"""
from django.utils import timezone
from accounts.api_tokens import token_store
from accounts.models import User
user = User.objects.get(email="{OWNER_EMAIL}")
print(token_store.issue(user=user, name="tools", scope="read_and_change", now=timezone.now())[1])
"""


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """Web and one worker, as production runs them."""
    # Figures on every day, so on yesterday, whenever that is.
    world = WorldSize(ad_accounts=1, campaigns_per_account=3, creatives_per_campaign=2, activity=1.0, dense=True)
    with running_stack(world) as running:
        running.worker("worker")
        running.make_owner()
        running.ready_web()
        yield running


@pytest.fixture(scope="package")
def synced_stack(stack: Stack) -> Stack:
    """The same with figures."""
    if not stack.synced():
        stack.ask(SYNC, stack.ad_account_ids[0])
        stack.wait_until_synced(60)
    return stack


@pytest.fixture(scope="package")
def token(stack: Stack) -> str:
    """Of an owner, for everything."""
    shell = stack.start("token", sys.executable, "manage.py", "shell", "--no-imports", "--command", _ISSUE)
    assert shell.wait(timeout=60) == 0, stack.log("token")
    return stack.log("token").split()[-1]
