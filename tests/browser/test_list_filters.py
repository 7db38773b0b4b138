"""Lists are narrowed in a browser: rows found by typing, days chosen from a calendar."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import sign_in

METRICS = "/admin/ingestion/campaigndailymetric/"
ROWS = "#result_list tbody tr"
WIDE = {"width": 1600, "height": 1000}


def open_filters(page: Page) -> None:
    page.locator("#changelist a", has_text="filter_list").click()
    expect(page.locator("#filter-form")).to_be_visible()


def choose(page: Page, name: str, text: str) -> None:
    """Types into a search-as-you-type filter and takes what it finds."""
    field = page.locator(f"select[name={name}]")
    field.locator("xpath=following-sibling::span[contains(@class, 'select2')]").click()
    page.locator(".select2-search__field").fill(text)
    page.locator(".select2-results__option", has_text=text).first.click()


@pytest.mark.slow
def test_a_list_is_narrowed_to_a_campaign_and_a_day(stack, open_page):
    newest = stack.rows(
        "SELECT m.date, c.id, c.name, c.account_id FROM campaign_daily_metrics m"
        " JOIN campaigns c ON c.id = m.campaign_id ORDER BY m.date DESC, c.id LIMIT 1"
    )[0]
    page = open_page(stack, viewport=WIDE)
    sign_in(page)
    page.goto(METRICS)
    open_filters(page)
    choose(page, "ad_account", str(newest["account_id"]))
    choose(page, "campaign__id__exact", newest["name"])
    page.get_by_role("button", name="Apply Filters").click()
    expect(page).to_have_url(re.compile(f"campaign__id__exact={newest['id']}"))
    # The form has sent its empty days along; they must not stand in the way of these.
    open_filters(page)
    page.locator("#filter-form [name=date_from]").last.fill(str(newest["date"]))
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator(ROWS)).to_contain_text(newest["name"])
    open_filters(page)
    expect(page.locator(".select2-selection", has_text=newest["name"])).to_be_visible()


def choose_day(page: Page, number: int, name: str) -> None:
    """By its name in the calendar of the first or second day of a range."""
    open_filters(page)
    page.locator(f"#calendarlink{number}").click()
    page.locator(f"#calendarbox{number}").get_by_role("link", name=name).click()
    page.get_by_role("button", name="Apply Filters").click()


@pytest.mark.slow
def test_days_are_chosen_from_a_calendar(stack, open_page):
    page = open_page(stack, viewport=WIDE, timezone_id="America/New_York")
    sign_in(page)
    page.goto("/admin/ingestion/synclog/?started_at_from=2026-01-01")
    rows = page.locator(ROWS)
    before = rows.count()
    assert before > 0
    choose_day(page, 1, "Tomorrow")
    expect(page).to_have_url(re.compile(r"started_at_to=\d{4}-\d\d-\d\d"))
    expect(rows).to_have_count(before)
    choose_day(page, 0, "Tomorrow")
    expect(page.get_by_text("No matching rows")).to_be_visible()
    open_filters(page)
    expect(page.locator("#filter-form .timezonewarning").first).to_be_hidden()
