"""The first day: an owner connects LinkedIn in the browser, and everything else happens by itself."""

import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import connect_linkedin, menu_entry, sign_in

pytestmark = pytest.mark.timeout(180)

RUNS = "/admin/ingestion/synclog/"


def statuses_of_runs(page: Page) -> list[str]:
    """As the list of sync runs shows them, without that of the discovery."""
    page.goto(RUNS)
    rows = page.locator("#result_list tbody tr").all()
    return [row.locator("td.field-status").inner_text() for row in rows if "all" not in row.inner_text().split("\n")]


def wait_for_runs(page: Page, status: str, number: int) -> None:
    end = time.monotonic() + 60
    while statuses_of_runs(page).count(status) < number:
        assert time.monotonic() < end, f"no {number} runs are {status}: {page.locator('#main').inner_text()}"
        time.sleep(0.2)


def test_an_owner_connects_linkedin_and_the_ad_accounts_sync_by_themselves(new_stack, open_page):
    assert not new_stack.runs(), "this test comes first: the others use what it connects"
    page = open_page(new_stack)
    sign_in(page)
    # So slow that somebody who looks sees the syncs run.
    new_stack.fault("slow", seconds=0.5)
    connect_linkedin(page)
    expect(page).to_have_url(f"{new_stack.pages_url}/admin/")

    wait_for_runs(page, "Running", 1)
    new_stack.no_faults()
    wait_for_runs(page, "Success", 2)

    menu_entry(page, "Ad accounts").click()
    ad_accounts = new_stack.rows("SELECT name FROM ad_accounts")
    assert len(ad_accounts) == 2
    for ad_account in ad_accounts:
        expect(page.locator("#result_list").get_by_text(ad_account["name"])).to_be_visible()
