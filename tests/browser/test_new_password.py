"""The strength of a new password is shown while it is typed."""

import pytest
from playwright.sync_api import expect

from tests.browser.steps import sign_in

pytestmark = pytest.mark.timeout(180)


@pytest.mark.slow
def test_the_strength_is_shown_while_typing_and_the_server_decides(stack, open_page):
    page = open_page(stack)
    sign_in(page)
    page.goto("/people/me/password/")
    field = page.locator("[name=new_password1]")
    for typed, words in (
        ("short", "Too short: 7 more characters"),
        ("aaaaaaaaaaaaaaaa", "Weak"),
        ("iloveyouiloveyou", "Weak"),
        ("password1234", "Weak"),
        ("alicealicealice1", "Weak"),
        ("correct horse battery staple", "Good"),
        ("Vk3#pz9!qLw2", "Strong"),
        ("", ""),
    ):
        field.fill(typed)
        expect(page.locator(".password-strength")).to_contain_text(words)
    expect(page.locator("meter.password-meter")).to_have_count(1)
    page.locator("[name=old_password]").fill("of these tests alone")
    field.fill("iloveyouiloveyou")
    page.locator("[name=new_password2]").fill("iloveyouiloveyou")
    page.get_by_role("button", name="Change my password").click()
    expect(page.get_by_text("This password is easy to guess")).to_be_visible()
