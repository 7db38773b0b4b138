"""`python -m tests.browser.screenshots [NAME …]`: pictures of every page into `.local/screenshots/`.

Each page of `pages.py`, or those named, light and dark, wide and narrow, of an installation with the demo's data.
With `--readme` those that the README shows, into `docs/screenshots/`; a running sync and its plan are taken by hand.
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
README_FOLDER = ROOT / "docs" / "screenshots"
_WIDTHS = {"wide": (1440, 900), "narrow": (390, 844)}
Scheme = Literal["light", "dark"]
_SCHEMES: tuple[Scheme, ...] = ("light", "dark")
# What the README shows: the page, its width, how much of it, and its light.
_README: dict[str, tuple[str, str, int, Scheme]] = {
    "overview": ("/admin/", "wide", 900, "light"),
    "overview-phone": ("/admin/", "narrow", 844, "dark"),
    "report": ("/report/?currency=USD", "wide", 1180, "light"),
    "action-center": ("/actions/", "wide", 900, "light"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=", ".join(site.name for site in PAGES))
    parser.add_argument("--readme", action="store_true", help="the README's pictures instead")
    asked = parser.parse_args()
    names = asked.name
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
        if asked.readme:
            _take_for_readme(browser, stack)
            return
        for scheme, width in product(_SCHEMES, _WIDTHS):
            _take(browser, stack, wanted, scheme, width)
    sys.stdout.write(f"{len(wanted) * 4} pictures in {FOLDER.relative_to(ROOT)}/\n")


def _take_for_readme(browser: Browser, stack: Stack) -> None:
    """The upper part of a few pages."""
    for name, (path, width, height, scheme) in _README.items():
        with _context(browser, stack, scheme, width) as context:
            page = context.new_page()
            sign_in(page)
            page.set_viewport_size({"width": _WIDTHS[width][0], "height": height})
            page.goto(path)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=README_FOLDER / f"{name}.png")


def _take(browser: Browser, stack: Stack, wanted: list[Site], scheme: Scheme, width: str) -> None:
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
def _context(browser: Browser, stack: Stack, scheme: Scheme, width: str) -> Iterator[BrowserContext]:
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
