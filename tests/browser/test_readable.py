"""Our own pages can be read by weak eyes and walked through without a mouse."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.contrast import weak_texts
from tests.browser.pages import PAGES, Visitor
from tests.browser.steps import sign_in

pytestmark = pytest.mark.timeout(180)

OWN = [
    "login", "invitation", "forgotten-password", "home", "connect", "sync", "sync-run", "status", "end-consent",
    "your-account", "your-password", "tokens", "report", "action-center", "snapshots", "exports",
    "remove-ad-account",
]  # fmt: skip
# What the keyboard must reach on each page, by its name.
ACTIONS = {
    "login": "Log in",
    "invitation": "Join",
    "home": "Connect LinkedIn",
    "connect": "Continue to LinkedIn",
    "sync": "Start a sync",
    "sync-run": "Sync these days again",
    "tokens": "Create token",
    "report": "Show",
    "action-center": "Check now",
    "snapshots": "Take a snapshot",
    "exports": "Export",
    "remove-ad-account": "Remove with all its data",
}
_ENOUGH_STEPS = 40
# How the element that has the focus is called, and whether a ring is drawn around it.
_FOCUSED = """() => {
    const element = document.activeElement, style = getComputedStyle(element);
    const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    return [(element.innerText || element.ariaLabel || element.id || element.tagName).trim(), ring];
}"""


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(stack, open_page, scheme):
    page = open_page(stack, color_scheme=scheme)
    weak = {}
    for site in visited(page, stack, OWN):
        # Around our own content is the theme's frame.
        if found := weak_texts(page, "#content" if site.signed_in else "#page"):
            weak[site.name] = found
    assert weak == {}


def test_a_text_that_hardly_stands_out_is_noticed(stack, open_page):
    page = open_page(stack)
    page.goto("/admin/login/")
    page.locator("h1").evaluate("one => { one.innerHTML = '<b style=\"color: #999; background: #fff\">Faint</b>'; }")
    assert weak_texts(page, "#page") == ["Faint: 2.85"]


@pytest.mark.slow
def test_the_keyboard_reaches_what_a_page_is_for_and_shows_where_it_is(stack, open_page):
    page = open_page(stack)
    for site in visited(page, stack, ACTIONS):
        # Past the sidebar, as the first step of the keyboard offers.
        if site.signed_in:
            page.keyboard.press("Tab")
            expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
            page.keyboard.press("Enter")
        assert ACTIONS[site.name] in steps_of_the_keyboard(page, until=ACTIONS[site.name]), site.name


def visited(page: Page, stack, names):
    """Goes to each page in turn, strangers' pages first."""
    visitor = Visitor(stack)
    sites = sorted((site for site in PAGES if site.name in names), key=lambda site: site.signed_in)
    assert len(sites) == len(names)
    is_signed_in = False
    for site in sites:
        if site.signed_in and not is_signed_in:
            sign_in(page)
            is_signed_in = True
        visitor.visit(page, site)
        yield site


def steps_of_the_keyboard(page: Page, *, until: str) -> list[str]:
    """The names of what has the focus after each Tab, all of them with a ring."""
    names: list[str] = []
    while len(names) < _ENOUGH_STEPS and until not in names:
        page.keyboard.press("Tab")
        name, has_ring = page.evaluate(_FOCUSED)
        assert has_ring, f"nothing shows that the keyboard is at {name}"
        names.append(name.partition("\n")[0])
    return names
