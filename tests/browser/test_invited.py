"""Who was invited comes in through LinkedIn's login and sees exactly what was granted, until it is taken back."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import menu_entry, sign_in

pytestmark = pytest.mark.timeout(180)

# The simulated LinkedIn's first member, as its login names her.
ADA = "ada.moreno@example.com"
LISTS = (
    "accounts/adaccount",
    "ingestion/campaign",
    "ingestion/creative",
    "ingestion/campaigndailymetric",
    "ingestion/creativedailymetric",
    "ingestion/audiencedemographic",
    "ingestion/accountdailytotal",
    "ingestion/syncedadaccount",
    "ingestion/synclog",
)
# One row of an ad account at each address.
ROWS = {
    "/admin/accounts/adaccount/{}/change/": "SELECT id FROM ad_accounts WHERE id = %s",
    "/admin/ingestion/campaign/{}/change/": "SELECT id FROM campaigns WHERE account_id = %s LIMIT 1",
    "/admin/ingestion/synclog/{}/change/": "SELECT id FROM sync_log WHERE account_id = %s LIMIT 1",
    "/sync/runs/{}/": "SELECT id FROM sync_log WHERE account_id = %s LIMIT 1",
}


def invite(page: Page, *, email: str, ad_account: str) -> str:
    """As an owner, a viewer of one ad account; returns the link, which is shown once."""
    menu_entry(page, "Invitations").click()
    page.locator("a[href$='/invitation/add/']").filter(visible=True).first.click()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Role").select_option("Viewer")
    page.get_by_role("combobox", name="Ad accounts").click()
    page.get_by_role("option", name=ad_account).click()
    page.get_by_role("button", name="Save", exact=True).click()
    shown = page.get_by_text("shown only once").inner_text()
    return shown.split()[-1]


def join_with_linkedin(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_role("button", name="Continue with LinkedIn").click()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def take_grant_back(page: Page, *, name: str) -> None:
    """As an owner, the one grant of a person."""
    menu_entry(page, "Grants").click()
    row = page.locator("#result_list tbody tr").filter(has_text=name)
    row.get_by_role("link").first.click()
    page.locator("a[href$='/delete/']").click()
    page.get_by_role("button", name="Yes, I’m sure").click()
    expect(page.get_by_text("was deleted successfully")).to_be_visible()


def groups_of_the_menu(page: Page) -> set[str]:
    return {title.strip() for title in page.locator("#nav-sidebar h2").all_text_contents()}


def status_of(page: Page, path: str) -> int:
    """What the address brings, asked with the session of the page, without following to another."""
    status: int = page.request.get(path, max_redirects=0).status
    return status


def told_by_the_api(page: Page) -> dict[str, object]:
    shown: dict[str, object] = page.request.get("/api/v1/me").json()
    return shown


@pytest.mark.slow
def test_an_invited_viewer_sees_the_granted_ad_account_and_nothing_of_the_others(stack, open_page):
    granted, other = stack.rows("SELECT id, name FROM ad_accounts ORDER BY name")
    owner = open_page(stack)
    sign_in(owner)
    link = invite(owner, email=ADA, ad_account=granted["name"])
    assert link.startswith(f"{stack.pages_url}/people/invitation/")

    ada = open_page(stack)
    join_with_linkedin(ada, link)
    main = ada.locator("#main")
    expect(main).to_contain_text(granted["name"])
    expect(main).not_to_contain_text(other["name"])
    assert {"People", "LinkedIn"} <= groups_of_the_menu(owner)
    assert groups_of_the_menu(ada) == {"Data", "Sync"}

    for path in LISTS:
        ada.goto(f"/admin/{path}/")
        expect(ada.locator("#result_list tbody tr").first).to_be_visible()
        expect(main).not_to_contain_text(other["name"])
    ada.goto("/sync/")
    expect(main.get_by_role("cell", name=granted["name"]).first).to_be_visible()
    expect(main).not_to_contain_text(other["name"])
    expect(ada.get_by_text("Start a sync")).to_have_count(0)

    for address, query in ROWS.items():
        mine, theirs = (stack.rows(query, one["id"])[0]["id"] for one in (granted, other))
        assert status_of(ada, address.format(mine)) == 200, address
        assert status_of(ada, address.format(theirs)) == 404, address
    assert told_by_the_api(ada) == {"email": ADA, "role": "viewer", "token_scope": None, "ad_accounts": 1}

    take_grant_back(owner, name="Ada Moreno")
    ada.goto("/admin/")
    expect(main).to_contain_text("No ad accounts are shared with you yet")
    expect(main).to_contain_text("Ask an owner")
    expect(main).not_to_contain_text(granted["name"])
    assert told_by_the_api(ada)["ad_accounts"] == 0
    assert status_of(ada, f"/admin/accounts/adaccount/{granted['id']}/change/") == 404
