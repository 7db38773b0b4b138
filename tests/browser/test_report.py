"""The visual report as people use it: every choice lives in the address, and nothing on the page complains."""

import csv
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from ingestion.catalogue import DAILY
from tests.browser.steps import menu_entry, sign_in

pytestmark = pytest.mark.timeout(180)

SECTION_NAMES = (
    "key-figures",
    "trend",
    "campaigns",
    "spend",
    "funnel",
    "budgets",
    "engagement",
    "creatives",
    "demographics",
)


@pytest.fixture(scope="module")
def signed_in(stack: Any, chromium: Browser) -> Any:
    """The owner's cookies, once for all tests of the report."""
    context = chromium.new_context(base_url=stack.pages_url)
    page = context.new_page()
    sign_in(page)
    menu_entry(page, "Visual report").click()
    expect(page).to_have_url(f"{stack.pages_url}/report/")
    cookies = context.storage_state()
    context.close()
    return cookies


@pytest.fixture
def report(stack: Any, open_page: Any, signed_in: Any) -> Page:
    page: Page = open_page(stack, viewport={"width": 1280, "height": 900}, storage_state=signed_in)
    page.goto("/report/")
    wait(page)
    return page


def wait(page: Page) -> None:
    """Until every section shows what it has."""
    expect(page.locator("[data-section][aria-busy=false]")).to_have_count(len(SECTION_NAMES))


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


@pytest.mark.slow
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
    expect(report.get_by_label("Period")).not_to_have_value("last_7_days")
    wait(report)
    assert rows(report, "key-figures") == before


@pytest.mark.slow
def test_today_is_left_out_and_the_days_compared_with_stay(report):
    today, first = (
        report.evaluate(f"new Date(Date.now() - {days} * 864e5).toISOString().slice(0, 10)") for days in (0, 9)
    )
    address = f"/report/?period=custom&first_day={first}&last_day={today}"
    report.goto(address)
    wait(report)
    compared = report.locator("#report-head time.day").all_text_contents()
    report.get_by_label("Leave out").check()
    report.wait_for_url(f"**{address}&without_today=1")
    wait(report)
    expect(report.locator("#report-head")).not_to_contain_text("Today is not over")
    kept = report.locator("#report-head time.day").all_text_contents()
    assert (kept[0], kept[2]) == (compared[0], compared[2])
    report.reload()
    expect(report.get_by_label("Leave out")).to_be_checked()
    report.get_by_label("Leave out").uncheck()
    report.wait_for_url(f"**{address}")


@pytest.mark.slow
def test_every_day_on_the_page_is_in_the_viewers_format(report):
    report.evaluate("document.querySelectorAll('details.figures').forEach((one) => { one.open = true; })")
    for name in SECTION_NAMES:
        assert not re.findall(r".{20}\b\d{4}-\d{2}-\d{2}\b", section(report, name).inner_text()), name
    assert not re.findall(r"\b\d{4}-\d{2}-\d{2}\b", report.locator("#report-head").inner_text())


@pytest.mark.slow
def test_ad_accounts_are_chosen_by_keyboard(report):
    report.locator("summary", has_text="Ad accounts").focus()
    report.keyboard.press("Enter")
    report.keyboard.press("Tab")
    report.keyboard.press("Space")
    report.wait_for_url("**/report/?ad_account=*")
    expect(report.locator("[data-count=ad_account]")).to_have_text("1 selected")
    wait(report)
    assert section(report, "campaigns").locator("canvas").count() == 1


@pytest.mark.slow
def test_days_typed_become_the_period(report):
    days = report.locator("[data-section=trend] details.figures").first.locator("tbody tr")
    first = report.evaluate("new Date(Date.now() - 3 * 864e5).toISOString().slice(0, 10)")
    expect(report.get_by_label("First day")).not_to_be_visible()
    report.get_by_label("Period").select_option("custom")
    expect(report.get_by_label("First day")).to_be_focused()
    report.get_by_label("First day").fill(first)
    report.get_by_label("Last day").fill(first)
    report.wait_for_url(f"**/report/?period=custom&first_day={first}&last_day={first}")
    expect(days).to_have_count(1)
    expect(report.get_by_label("Period")).to_have_value("custom")
    wait(report)


@pytest.mark.slow
def test_a_phone_jumps_to_a_section_without_loading_the_page_again(stack, open_page):
    page = open_page(stack, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    sign_in(page)
    page.goto("/report/?period=last_7_days")
    wait(page)
    page.evaluate("window.isTheSamePage = true")
    jumps = page.get_by_role("navigation", name="Sections of the report")
    for title in ("Budget utilisation", "Filters", "Demographics"):
        jumps.get_by_role("link", name=title).tap()
        expect(jumps).to_be_in_viewport()
    expect(section(page, "demographics").get_by_role("heading", name="Demographics")).to_be_in_viewport()
    expect(page.get_by_label("Period")).not_to_be_in_viewport()
    page.go_back()
    expect(page.get_by_label("Period")).to_be_in_viewport()
    assert page.evaluate("window.isTheSamePage")


@pytest.mark.slow
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


@pytest.mark.slow
def test_campaigns_are_compared_by_another_figure(report):
    section(report, "campaigns").get_by_role("combobox").select_option("clicks")
    expect(section(report, "campaigns").locator("h3").first).to_contain_text("Campaigns by clicks")
    assert report.url.endswith("?campaign_metric=clicks")


@pytest.mark.slow
def test_the_table_is_downloaded_as_csv_and_the_chart_as_png(report):
    shown = section(report, "campaigns").locator("tbody tr").count()
    with report.expect_download() as download:
        section(report, "campaigns").get_by_role("link", name="table as CSV").first.click()
    found = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert len(found) == shown
    assert found[0]["Campaign"]
    with report.expect_download() as download:
        section(report, "campaigns").get_by_role("button", name="PNG").first.click()
    assert download.value.suggested_filename.startswith("campaigns-")
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_section_that_fails_says_so_and_can_be_asked_again(stack, open_page, signed_in):
    page = open_page(stack, storage_state=signed_in)
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


@pytest.mark.slow
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


def test_without_scripts_the_form_still_asks(stack, chromium, signed_in):
    plain = chromium.new_context(base_url=stack.pages_url, java_script_enabled=False, storage_state=signed_in)
    page = plain.new_page()
    page.goto("/report/")
    page.get_by_label("Period").select_option("last_14_days")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Period")).to_have_value("last_14_days")
    assert "period=last_14_days" in page.url
    expect(page.locator("noscript p")).to_be_visible()
    assert "format=csv" in (
        section(page, "trend").get_by_role("link", name="table as CSV").first.get_attribute("href") or ""
    )
    plain.close()


@pytest.mark.slow
def test_nothing_to_show_leads_to_what_there_is(report):
    report.goto("/report/?period=custom&first_day=2010-01-01&last_day=2010-01-31")
    wait(report)
    expect(section(report, "trend")).to_contain_text("Nothing is stored for this period")
    report.get_by_role("link", name="show the most recent").click()
    wait(report)
    assert section(report, "trend").locator("canvas").count() >= 1


@pytest.mark.slow
def test_days_that_were_never_fetched_are_gaps_that_say_why(report):
    days = "new Date(Date.now() - %d * 864e5).toISOString().slice(0, 10)"
    first, last = (report.evaluate(days % ago) for ago in (93, 80))
    report.goto(f"/report/?period=custom&first_day={first}&last_day={last}")
    wait(report)
    lines = (
        section(report, "trend")
        .locator("canvas")
        .first.evaluate(
            "(canvas) => Chart.getChart(canvas).data.datasets.map(({ data, spanGaps }) => ({ data, spanGaps }))"
        )
    )
    now, before = lines[:2]
    assert now["spanGaps"] is before["spanGaps"] is False
    assert now["data"][:3] == [None] * 3
    assert None not in now["data"][3:]
    assert set(before["data"]) == {None}
    section(report, "trend").locator("details.figures summary").first.click()
    cell = section(report, "trend").locator("details.figures tbody tr").first.locator("td").first
    expect(cell).to_have_text("–, never fetched")
    expect(cell.locator("span").first).to_have_attribute("title", "Never fetched")
    assert section(report, "key-figures").locator(".tile dd.subtle").count() == 0
    expect(report.locator("#report-head")).to_contain_text("3 of 14 days of this period were never fetched")
    report.get_by_role("link", name="Plan a sync of these days").click()
    expect(report.get_by_role("button", name="Start 2 syncs")).to_be_visible()
    expect(report.locator("input[name=last_day]")).to_have_value(report.evaluate(days % 91))


@pytest.mark.slow
def test_a_colleague_who_is_sent_the_address_sees_the_same(stack, open_page, report):
    report.get_by_label("Period").evaluate(_CHOOSE, "last_14_days")
    report.wait_for_url("**/report/?period=last_14_days")
    section(report, "campaigns").get_by_role("combobox").select_option("clicks")
    expect(section(report, "campaigns").locator("h3").first).to_contain_text("Campaigns by clicks")
    section(report, "trend").get_by_role("button", name="Impressions").click()
    wait(report)
    with another_person(stack, "ana@example.com"):
        ana = open_page(stack, viewport={"width": 1280, "height": 900})
        sign_in(ana, email="ana@example.com")
        ana.goto(report.url)
        wait(ana)
        for name in SECTION_NAMES:
            assert rows(ana, name) == rows(report, name), name
        pressed = "[data-section=trend] [aria-pressed=true]"
        assert ana.locator(pressed).all_text_contents() == report.locator(pressed).all_text_contents()
        ana.context.close()


@pytest.mark.slow
def test_an_answer_that_comes_late_is_not_shown(report):
    """Another figure is chosen while the section is still on its way."""
    late: list[Any] = []
    address = "**/report/sections/campaigns/**"
    report.route(address, lambda route: route.continue_() if late else late.append(route))
    with report.expect_request(address):
        report.get_by_label("Period").evaluate(_CHOOSE, "last_14_days")
    title = section(report, "campaigns").locator("h3").first
    section(report, "campaigns").get_by_role("combobox").select_option("clicks")
    expect(title).to_contain_text("Campaigns by clicks")
    with report.expect_response(address) as answered:
        late[0].continue_()
    answered.value.finished()
    wait(report)
    report.wait_for_timeout(200)
    expect(title).to_contain_text("Campaigns by clicks")


@pytest.mark.slow
def test_the_whole_report_is_printed(report):
    """Chromium lists a PDF's headings in its outline, as plain text."""
    title = "document.querySelector('[data-section={}] h2').textContent"
    titles = [report.evaluate(title.format(name)).strip() for name in SECTION_NAMES]
    paper = report.pdf(outline=True, tagged=True, print_background=True)
    assert paper.startswith(b"%PDF")
    for one in titles:
        assert f"({one})".encode() in paper, one
    # Tables are printed too: without them everything fits on fewer pages.
    assert paper.count(b"/Type /Page\n") >= 4


@pytest.mark.slow
def test_one_campaign_on_one_day(stack, report):
    [seen] = stack.rows(
        "SELECT campaign_id AS id, date FROM campaign_daily_metrics ORDER BY date DESC, impressions DESC LIMIT 1"
    )
    report.goto(f"/report/?campaign={seen['id']}&period=custom&first_day={seen['date']}&last_day={seen['date']}")
    wait(report)
    assert len(rows(report, "trend")) == len(rows(report, "campaigns")) == 1
    for name in ("key-figures", "trend", "campaigns", "funnel", "creatives"):
        expect(section(report, name).locator("details.figures").first).to_be_attached()
    assert not any(report.locator("canvas").evaluate_all(_ARE_BLANK))


@pytest.mark.slow
def test_five_hundred_campaigns(stack, report):
    with five_hundred_campaigns(stack) as ad_account:
        report.goto(f"/report/?ad_account={ad_account}&period=last_30_days")
        wait(report)
        assert len(rows(report, "campaigns")) == 20
        assert len(rows(report, "spend")) == 8
        expect(section(report, "spend").locator("details.figures tbody tr").last).to_contain_text("493 more")
        assert not any(report.locator("canvas").evaluate_all(_ARE_BLANK))
        assert report.locator("[name=campaign]").count() == 500
        assert not report.evaluate("document.body.scrollWidth > document.documentElement.clientWidth")


@contextmanager
def another_person(stack: Any, email: str) -> Iterator[None]:
    """An analyst with the owner's password."""
    values = json.dumps({"id": 900_001, "email": email, "role": "analyst"})
    copied = "SELECT (jsonb_populate_record(one, %s)).* FROM users AS one WHERE role = 'owner'"
    stack.rows(f"INSERT INTO users {copied} RETURNING id", values)
    try:
        yield
    finally:
        stack.rows("DELETE FROM qsessions_session WHERE user_id = 900001 RETURNING user_id")
        stack.rows("DELETE FROM users WHERE id = 900001 RETURNING id")


@contextmanager
def five_hundred_campaigns(stack: Any) -> Iterator[int]:
    """An ad account of its own, with a day of figures for each."""
    number = "id - 900000000"
    figures = {one.column: "1" for one in DAILY} | {"impressions": "1000", "clicks": number, "spend": number}
    copied = "SELECT (jsonb_populate_record(one, %s)).* FROM ad_accounts AS one LIMIT 1"
    values = json.dumps({"id": 900_001, "name": "Five hundred"})
    stack.rows(f"INSERT INTO ad_accounts {copied} RETURNING id", values)
    stack.rows(
        "INSERT INTO campaigns SELECT (jsonb_populate_record(one, jsonb_build_object("
        " 'id', 900000000 + number, 'account_id', 900001, 'name', 'A campaign with a rather long name ' || number))).*"
        " FROM campaigns AS one, generate_series(1, 500) AS number"
        " WHERE one.id = (SELECT min(id) FROM campaigns) RETURNING id"
    )
    stack.rows(
        f"INSERT INTO campaign_daily_metrics (campaign_id, date, {', '.join(figures)}, fetched_at)"
        f" SELECT id, current_date - 1, {', '.join(figures.values())}, now()"
        " FROM campaigns WHERE account_id = 900001 RETURNING id"
    )
    stack.rows(
        "INSERT INTO covered_days (account_id, data_table, pivot_type, first_day, last_day, asked_at, is_whole)"
        " SELECT 900001, data_table, pivot_type, current_date - 89, current_date, now(), true"
        " FROM (SELECT DISTINCT data_table, pivot_type FROM covered_days) AS dataset RETURNING id"
    )
    try:
        yield 900_001
    finally:
        for table, column in (
            ("covered_days", "account_id = 900001"),
            ("campaign_daily_metrics", "campaign_id - 900000000 BETWEEN 1 AND 500"),
            ("campaigns", "account_id = 900001"),
            ("ad_accounts", "id = 900001"),
        ):
            stack.rows(f"DELETE FROM {table} WHERE {column} RETURNING id")


_CHOOSE = """(select, value) => {
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
}"""
# A chart that was never drawn is transparent all over.
_ARE_BLANK = """canvases => canvases.map(canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return !data.some(value => value);
})"""
