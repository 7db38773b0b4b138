"""Checking ad accounts now, and watching until it is done."""

import pytest
from playwright.sync_api import expect

from tests.browser.steps import menu_entry, sign_in

pytestmark = pytest.mark.timeout(120)


@pytest.mark.slow
def test_judge_now_shows_when_it_is_done(stack, open_page):
    """The worker is often faster than the page, which then shows the new list at once; so a wait is made up."""
    page = open_page(stack)
    sign_in(page)
    menu_entry(page, "Action center").click()
    before = page.locator("article h3").count()
    page.get_by_role("button", name="Check now").click()
    stack.wait_until(lambda: not stack.rows("SELECT * FROM audit_requests"), 60, "all checked")
    stack.rows("INSERT INTO audit_requests SELECT id, now() FROM ad_accounts RETURNING ad_account_id")
    page.reload()
    progress = page.locator("#check-progress")
    expect(progress).to_contain_text(f"0 of {stack.world.ad_accounts} ad accounts checked")
    stack.rows("DELETE FROM audit_requests RETURNING ad_account_id")
    expect(progress).to_contain_text(f"{stack.world.ad_accounts} ad accounts rechecked")
    progress.get_by_role("link", name="Show the updated list").click()
    expect(progress).to_be_empty()
    expect(page.locator("article h3")).to_have_count(before)
    assert before
