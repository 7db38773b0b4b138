"""The visual report as people use it: every choice lives in the address, and nothing on the page complains."""

import csv
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.steps import menu_entry, sign_in

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(180)]

SECTIONS = 9


@pytest.fixture
def report(stack: Any, open_page: Any) -> Page:
    page: Page = open_page(stack, viewport={"width": 1280, "height": 900})
    sign_in(page)
    menu_entry(page, "Visual report").click()
    wait(page)
    return page


def wait(page: Page) -> None:
    """Until every section shows what it has."""
    expect(page.locator("[data-section][aria-busy=false]")).to_have_count(SECTIONS)


def section(page: Page, name: str) -> Locator:
    return page.locator(f"[data-section={name}]")


def rows(page: Page, name: str) -> list[str]:
    return section(page, name).locator("details.figures tbody tr").all_text_contents()


def test_every_section_draws_its_charts(report):
    expect(report.locator("canvas").first).to_be_visible()
    for name in ("trend", "campaigns", "spend", "funnel", "budgets", "engagement", "creatives", "demographics"):
        assert section(report, name).locator("canvas").count() >= 1, name
    assert section(report, "key-figures").locator(".tile").count() >= 12
    blank = report.locator("canvas").evaluate_all(_ARE_BLANK)
    assert not any(blank)


def test_a_filter_goes_into_the_address_which_shows_the_same_again(report):
    before = rows(report, "key-figures")
    # Not by clicking, which scrolls to where it clicks.
    report.evaluate("scrollTo(0, 600)")
    report.get_by_label("Period").evaluate(_CHOOSE, "last_7_days")
    report.wait_for_url("**/report/?period=last_7_days")
    expect(section(report, "trend").locator("details.figures").first.locator("tbody tr")).to_have_count(7)
    wait(report)
    assert report.evaluate("scrollY") == 600
    after = rows(report, "key-figures")
    assert after != before
    report.reload()
    wait(report)
    assert rows(report, "key-figures") == after
    expect(report.get_by_label("Period")).to_have_value("last_7_days")
    report.go_back()
    wait(report)
    assert rows(report, "key-figures") == before


def test_ad_accounts_are_chosen_by_keyboard(report):
    report.locator("summary", has_text="Ad accounts").focus()
    report.keyboard.press("Enter")
    report.keyboard.press("Tab")
    report.keyboard.press("Space")
    report.wait_for_url("**/report/?ad_account=*")
    expect(report.locator("[data-count=ad_account]")).to_have_text("1 chosen")
    wait(report)
    assert section(report, "campaigns").locator("canvas").count() == 1


def test_days_typed_become_the_period(report):
    days = report.locator("[data-section=trend] details.figures").first.locator("tbody tr")
    first = report.evaluate("new Date(Date.now() - 3 * 864e5).toISOString().slice(0, 10)")
    report.get_by_label("First day").fill(first)
    report.get_by_label("Last day").fill(first)
    report.wait_for_url(f"**/report/?period=custom&first_day={first}&last_day={first}")
    expect(days).to_have_count(1)
    expect(report.get_by_label("Period")).to_have_value("custom")
    wait(report)


def test_figures_of_the_trend_are_switched_on_and_off(report):
    switch = section(report, "trend").get_by_role("button", name="Impressions")
    expect(switch).to_have_attribute("aria-pressed", "false")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    assert report.url.endswith("?trend=spend,clicks,impressions")
    section(report, "trend").get_by_role("button", name="CTR").click()
    expect(section(report, "trend").get_by_role("status")).to_contain_text("this was switched off: Spend")
    report.reload()
    wait(report)
    pressed = section(report, "trend").locator("[aria-pressed=true]")
    expect(pressed).to_have_text(["Impressions", "Clicks", "CTR"])


def test_campaigns_are_compared_by_another_figure(report):
    section(report, "campaigns").get_by_role("combobox").select_option("clicks")
    expect(section(report, "campaigns").locator("h3").first).to_contain_text("Campaigns by clicks")
    assert report.url.endswith("?campaign_metric=clicks")


def test_the_table_is_downloaded_as_csv_and_the_chart_as_png(report):
    shown = section(report, "campaigns").locator("tbody tr").count()
    with report.expect_download() as download:
        section(report, "campaigns").get_by_role("link", name="CSV").click()
    found = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert len(found) == shown
    assert found[0]["Campaign"]
    with report.expect_download() as download:
        section(report, "campaigns").get_by_role("button", name="PNG").first.click()
    assert download.value.suggested_filename.startswith("campaigns-")
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_a_section_that_fails_says_so_and_can_be_asked_again(stack, open_page):
    page = open_page(stack)
    sign_in(page)
    asked: list[str] = []

    def broken_once(route: Any) -> None:
        """No JSON, as a proxy may answer; a status of trouble would count as a fault of the page."""
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(body="broken", content_type="text/html")
        else:
            route.continue_()

    page.route("**/report/sections/funnel/**", broken_once)
    page.goto("/report/")
    wait(page)
    expect(section(page, "funnel").get_by_role("alert")).to_contain_text("could not be loaded")
    section(page, "funnel").get_by_role("button", name="Try again").click()
    expect(section(page, "funnel").locator("canvas")).to_have_count(1)


def test_the_theme_may_change_and_paper_is_light(report):
    canvas = section(report, "trend").locator("canvas").first
    light = canvas.evaluate("canvas => canvas.toDataURL()")
    report.evaluate("document.documentElement.classList.add('dark')")
    report.wait_for_function(
        "before => document.querySelector('[data-section=trend] canvas').toDataURL() !== before", arg=light
    )
    report.emulate_media(media="print")
    report.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(report.locator("#nav-sidebar")).not_to_be_visible()
    expect(report.locator("#report-filters")).not_to_be_visible()
    expect(section(report, "trend").locator("table").first).to_be_visible()
    assert "dark" not in (report.locator("html").get_attribute("class") or "")
    report.evaluate("dispatchEvent(new Event('afterprint'))")
    assert "dark" in (report.locator("html").get_attribute("class") or "")


def test_without_scripts_the_form_still_asks(stack, open_page, chromium):
    signed_in = open_page(stack)
    sign_in(signed_in)
    plain = chromium.new_context(
        base_url=stack.pages_url, java_script_enabled=False, storage_state=signed_in.context.storage_state()
    )
    page = plain.new_page()
    page.goto("/report/")
    page.get_by_label("Period").select_option("last_14_days")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Period")).to_have_value("last_14_days")
    assert "period=last_14_days" in page.url
    expect(page.locator("noscript p")).to_be_visible()
    assert "format=csv" in (section(page, "trend").get_by_role("link", name="CSV").get_attribute("href") or "")
    plain.close()


def test_nothing_to_show_leads_to_what_there_is(report):
    report.goto("/report/?period=custom&first_day=2010-01-01&last_day=2010-01-31")
    wait(report)
    expect(section(report, "trend")).to_contain_text("Nothing happened in these days")
    report.get_by_role("link", name="show the latest of them").click()
    wait(report)
    assert section(report, "trend").locator("canvas").count() >= 1


_CHOOSE = """(select, value) => {
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
}"""
# A chart that was never drawn is transparent all over.
_ARE_BLANK = """canvases => canvases.map(canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return !data.some(value => value);
})"""
