"""The browser that the tests drive: this machine's Chromium, never one that Playwright downloads."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

REMEDY = "install Debian's chromium"

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",  # containers have no user namespaces
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever a page asks of another host fails, and is heard by `Watch`.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def executable() -> str | None:
    """Where this machine's Chromium is, if it has one."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def require_chromium() -> None:
    """Skips where there is none; fails where nothing may be skipped."""
    if executable() is None:
        if os.environ.get("CI"):
            pytest.fail(REMEDY, pytrace=False)
        pytest.skip(REMEDY)


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """A headless browser that ends with its `with`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
