"""What people do on the pages, in their own words."""

from playwright.sync_api import Locator, Page, expect

from tests.journeys.stack import OWNER_EMAIL, OWNER_PASSWORD


def sign_in(page: Page, *, email: str = OWNER_EMAIL, password: str = OWNER_PASSWORD) -> None:
    """From the front door to the home page."""
    page.goto("/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#main")).to_be_visible()


def connect_linkedin(page: Page) -> None:
    """From any page of the admin, through LinkedIn's consent page, and back."""
    menu_entry(page, "Connections").click()
    page.get_by_role("link", name="Connect LinkedIn").click()
    page.get_by_role("button", name="Continue to LinkedIn").click()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("LinkedIn is connected")).to_be_visible()


def menu_entry(page: Page, title: str) -> Locator:
    """A line of the sidebar; its symbol is part of its name."""
    return page.locator("#nav-sidebar").get_by_role("link").filter(has=page.get_by_text(title, exact=True))
