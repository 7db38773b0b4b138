"""Every page is whole on every screen, in light and in dark."""

import pytest
from playwright.sync_api import expect

from tests.browser.pages import PAGES, Visitor
from tests.browser.steps import menu_entry, sign_in

pytestmark = pytest.mark.timeout(180)

PHONE = {"width": 390, "height": 844}
_TOO_WIDE = "document.body.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.slow
def test_every_page_fits_a_phone(stack, open_page):
    page = open_page(stack, viewport=PHONE, is_mobile=True, has_touch=True)
    visitor = Visitor(stack)
    too_wide = []
    for signed_in in (False, True):
        if signed_in:
            sign_in(page)
        for site in (site for site in PAGES if site.signed_in is signed_in):
            visitor.visit(page, site)
            if page.evaluate(_TOO_WIDE):
                too_wide.append(site.name)
    assert not too_wide


@pytest.mark.slow
def test_somebody_on_a_phone_reaches_the_ad_accounts_through_the_menu(stack, open_page):
    page = open_page(stack, viewport=PHONE, is_mobile=True, has_touch=True)
    sign_in(page)
    entry = menu_entry(page, "Ad accounts")
    expect(entry).not_to_be_in_viewport()
    page.locator("#header-inner").get_by_text("dock_to_right").filter(visible=True).tap()
    expect(entry).to_be_in_viewport()
    entry.tap()
    expect(page.locator("#result_list tbody tr")).to_have_count(stack.world.ad_accounts)
    expect(page.locator("h1")).to_contain_text("Ad accounts")
    assert not page.evaluate(_TOO_WIDE)


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_pages_follow_what_the_device_prefers(stack, open_page, scheme, is_dark):
    page = open_page(stack, color_scheme=scheme)
    sign_in(page)
    background = page.locator("#main").evaluate(_LIGHTNESS)
    assert (background < 0.5) is is_dark


# As drawn, whatever way the style sheet spells the colour.
_LIGHTNESS = """element => {
    const pixel = document.createElement("canvas").getContext("2d");
    pixel.fillStyle = getComputedStyle(element).backgroundColor;
    pixel.fillRect(0, 0, 1, 1);
    const [red, green, blue] = pixel.getImageData(0, 0, 1, 1).data;
    return (red + green + blue) / 3 / 255;
}"""
