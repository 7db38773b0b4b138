"""Exporting a list in a browser: asked for, watched, downloaded; and CSV for the Excel of whoever reads it."""

import pytest
from playwright.sync_api import expect

from tests.browser.steps import sign_in

pytestmark = pytest.mark.timeout(180)


def test_an_export_is_requested_watched_and_downloaded(stack, open_page):
    page = open_page(stack)
    sign_in(page)
    page.goto("/exports/")
    page.get_by_label("List or report", exact=True).select_option("campaign-metrics")
    page.get_by_label("Format", exact=True).select_option("csv:excel-comma")
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_text("is queued; a worker will write it")).to_be_visible()
    # The list refreshes itself.
    expect(page.get_by_text("ready", exact=True)).to_be_visible()
    with page.expect_download() as downloading:
        page.locator("#exports").get_by_role("link", name="Download").click()
    assert downloading.value.suggested_filename.startswith("campaign-metrics-")
    rows = downloading.value.path().read_text(encoding="utf-8-sig").splitlines()
    stored = stack.rows("SELECT count(*) FROM campaign_daily_metrics")[0]["count"]
    assert len(rows) == stored + 1


@pytest.mark.slow
@pytest.mark.parametrize(("locale", "dialect"), [("de-DE", "excel"), ("en-US", "excel-comma")])
def test_csv_for_excel_follows_the_language_of_the_browser(stack, open_page, locale, dialect):
    page = open_page(stack, locale=locale)
    sign_in(page)
    page.goto("/admin/ingestion/campaign/")
    link = page.get_by_role("link", name="CSV for Excel")
    expect(link).to_have_attribute("href", f"/admin/ingestion/campaign/export/{dialect}/?")
    page.goto("/report/")
    link = page.locator("[data-section=spend] [data-for-excel]")
    page.get_by_label("Trend by").select_option("week")
    expect(link).to_have_attribute("href", f"/report/sections/spend/?by=week&format=csv&dialect={dialect}")
