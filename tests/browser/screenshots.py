"""`python -m tests.browser.screenshots [NAME …]`: pictures of every page into `.local/screenshots/`.

Each page of `pages.py`, or those named, light and dark, wide and narrow, of an installation with the demo's data.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, Page

from ingestion.linkedin_simulator.world import WorldSize
from tests.browser.chromium import REMEDY, executable, running_chromium
from tests.browser.pages import PAGES, Site, Visitor
from tests.browser.steps import sign_in
from tests.journeys.stack import ROOT, Stack, running_stack

FOLDER = ROOT / ".local" / "screenshots"
_WIDTHS = {"wide": (1440, 900), "narrow": (390, 844)}
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=", ".join(site.name for site in PAGES))
    names = parser.parse_args().name
    if unknown := set(names) - {site.name for site in PAGES}:
        parser.error(f"no page is called {', '.join(sorted(unknown))}; see --help")
    if executable() is None:
        sys.exit(f"To take pictures, {REMEDY}.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = [site for site in PAGES if not names or site.name in names]
    with running_stack(WorldSize()) as stack, running_chromium() as browser:
        stack.worker("worker")
        stack.ask_as_beat()
        stack.make_owner()
        stack.ready_web()
        stack.wait_until_synced(120)
        for scheme, width in product(_SCHEMES, _WIDTHS):
            _take(browser, stack, wanted, scheme, width)
    sys.stdout.write(f"{len(wanted) * 4} pictures in {FOLDER.relative_to(ROOT)}/\n")


def _take(browser: Browser, stack: Stack, wanted: list[Site], scheme: Literal["light", "dark"], width: str) -> None:
    """Every page in one light and width; strangers' pages before signing in."""
    with _context(browser, stack, scheme, width) as context:
        page = context.new_page()
        visitor = Visitor(stack)
        for signed_in in (False, True):
            if signed_in:
                sign_in(page)
            for site in (site for site in wanted if site.signed_in is signed_in):
                visitor.visit(page, site)
                _picture(page, f"{site.name}-{scheme}-{width}.png")


def _picture(page: Page, name: str) -> None:
    """The whole page in a window as tall as it is: what stays at the window's edge would stand in the middle else."""
    usual = page.viewport_size
    assert usual
    page.wait_for_load_state("networkidle")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": usual["width"], "height": max(height, usual["height"])})
    page.screenshot(path=FOLDER / name)
    page.set_viewport_size(usual)


@contextmanager
def _context(browser: Browser, stack: Stack, scheme: Literal["light", "dark"], width: str) -> Iterator[BrowserContext]:
    across, down = _WIDTHS[width]
    context = browser.new_context(
        base_url=stack.pages_url, color_scheme=scheme, viewport={"width": across, "height": down}
    )
    try:
        yield context
    finally:
        context.close()


if __name__ == "__main__":
    main()
