"""Pages in a real browser, against the real processes; what goes wrong in a page fails its test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ingestion.linkedin_simulator.world import WorldSize
from tests.browser.chromium import require_chromium, running_chromium
from tests.browser.steps import connect_linkedin, sign_in
from tests.browser.watch import Watch
from tests.journeys.stack import Stack, running_stack

# Shorter than the test's own time, so that it is the click that leads nowhere which is named; long enough for a busy
# machine, where Playwright's own five seconds for `expect` are not.
WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    require_chromium()
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def new_stack(chromium: Browser) -> Iterator[Stack]:
    """An installation with an owner, to which nobody has connected LinkedIn yet; only the first test finds it so."""
    world = WorldSize(ad_accounts=2, campaigns_per_account=3, creatives_per_campaign=2)
    with running_stack(world, connected=False) as running:
        running.worker("worker")
        running.make_owner()
        running.ready_web()
        yield running


@pytest.fixture(scope="package")
def stack(new_stack: Stack, chromium: Browser) -> Stack:
    """The same with synced data; whoever changes it puts it back."""
    if not new_stack.runs():
        context = chromium.new_context(base_url=new_stack.pages_url)
        page = context.new_page()
        sign_in(page)
        connect_linkedin(page)
        context.close()
    new_stack.wait_until(lambda: len(new_stack.synced()) == new_stack.world.ad_accounts, 60, "all synced")
    return new_stack


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Gives a page of an installation in a browser nobody has used; options as of `new_context`."""
    opened: list[tuple[Any, Watch]] = []

    def open_page(stack: Stack, **options: Any) -> Page:
        context = chromium.new_context(base_url=stack.pages_url, **options)
        context.set_default_timeout(WAIT_MS)
        opened.append((context, Watch(context, sites=[stack.pages_url, stack.url])))
        return context.new_page()

    yield open_page
    for context, _ in opened:
        context.close()
    complaints = [complaint for _, watch in opened for complaint in watch.complaints]
    assert not complaints
