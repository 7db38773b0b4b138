"""People start a sync, watch it, end it, and find out what went wrong with one."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import menu_entry, sign_in

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def owner(stack, open_page):
    """An owner at work; LinkedIn is well again afterwards, and no sync runs on."""
    page = open_page(stack)
    sign_in(page)
    yield page
    stack.no_faults()
    stack.wait_until(lambda: not unfinished(stack), 60, "every sync ended")


def unfinished(stack):
    return [run for run in stack.runs() if run["status"] in ("queued", "running")]


PHONE = {"width": 390, "height": 844}


def ask_for_a_plan(page: Page, ad_account: str) -> None:
    """From the sync page's form, for one ad account, however fresh it is."""
    page.get_by_text("Start a sync").click()
    page.get_by_label(ad_account).check()
    page.get_by_label("Sync again anyway").check()
    page.get_by_role("button", name="Show the plan").click()


def shown_status(page: Page):
    return page.locator("#run .badge").first


@pytest.mark.slow
def test_a_failed_sync_is_understood_and_tried_again(stack, owner):
    broken = stack.rows("SELECT id, name FROM ad_accounts ORDER BY name")[0]
    stack.fault("sunset_version")
    menu_entry(owner, "Sync").click()
    ask_for_a_plan(owner, broken["name"])
    owner.get_by_role("button", name="Start 1 sync").click()
    stack.wait_until(lambda: stack.runs(broken["id"])[-1]["status"] == "failed", 60, "a failed sync")

    menu_entry(owner, "Overview").click()
    attention = owner.get_by_role("region", name="Needs attention")
    line = attention.get_by_role("listitem").filter(has_text=broken["name"])
    expect(line).to_contain_text("critical")
    expect(line).to_contain_text(f"The sync of {broken['name']} failed once since its last success")
    line.get_by_role("link", name="View").click()

    expect(shown_status(owner)).to_have_text("failed")
    trouble = owner.get_by_role("region", name="What went wrong")
    expect(trouble).to_contain_text("Set LINKEDIN_API_VERSION to a supported release")

    stack.no_faults()
    # So slow that somebody who looks sees the sync run.
    stack.fault("slow", seconds=0.5)
    owner.get_by_role("button", name="Try again").click()
    expect(owner.locator("#run progress")).to_be_visible()
    stack.no_faults()
    # The page refreshes itself: nobody reloads it.
    expect(shown_status(owner)).to_have_text("success", timeout=60_000)
    expect(trouble).to_have_count(0)
    expect(owner.get_by_role("button", name="Cancel")).to_have_count(0)

    menu_entry(owner, "Overview").click()
    expect(attention).to_contain_text("Syncs and consents are fine")


@pytest.mark.slow
def test_a_sync_is_planned_started_and_cancelled(stack, owner):
    ad_account = stack.rows("SELECT id, name FROM ad_accounts ORDER BY name")[1]
    stack.fault("slow", seconds=1)
    before = len(stack.runs(ad_account["id"]))
    owner.goto("/sync/")
    ask_for_a_plan(owner, ad_account["name"])
    plan = owner.get_by_role("region", name="What this sync will request from LinkedIn")
    expect(plan.get_by_role("row")).to_have_count(2)
    expect(plan).to_contain_text(ad_account["name"])
    assert int(plan.locator("td[data-label=Calls]").inner_text()) > 0
    assert len(stack.runs(ad_account["id"])) == before, "a plan starts nothing"

    owner.get_by_role("button", name="Start 1 sync").click()
    expect(owner.get_by_text(f"You requested a sync of {ad_account['name']} ({ad_account['id']})")).to_be_visible()
    row = owner.locator("#runs tbody tr").filter(has_text=ad_account["name"]).first
    expect(row.locator(".badge")).to_have_text("running")
    row.get_by_role("link").first.click()
    owner.get_by_role("button", name="Cancel").click()
    expect(owner.get_by_text("It ends after its current request")).to_be_visible()
    expect(shown_status(owner)).to_have_text("cancelled", timeout=30_000)
    expect(owner.get_by_role("button", name="Try again")).to_be_visible()
    assert stack.runs(ad_account["id"])[-1]["status"] == "cancelled"


@pytest.mark.slow
def test_a_plan_fits_a_phone(stack, open_page):
    page = open_page(stack, viewport=PHONE, is_mobile=True, has_touch=True)
    sign_in(page)
    page.goto("/sync/")
    ask_for_a_plan(page, stack.rows("SELECT name FROM ad_accounts ORDER BY name")[0]["name"])
    expect(page.get_by_role("button", name="Start 1 sync")).to_be_in_viewport()
    assert page.evaluate("document.body.scrollWidth <= document.documentElement.clientWidth")
