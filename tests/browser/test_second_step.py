"""The second step in a real browser: a passkey of Chromium's virtual authenticator, an app's codes, recovery codes."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django_otp.oath import totp
from playwright.sync_api import Page, expect

from ingestion.linkedin_simulator.world import WorldSize
from tests.journeys.stack import OWNER_EMAIL, OWNER_PASSWORD, Stack, running_stack

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow, pytest.mark.installation]

PHONE = {"width": 390, "height": 844}
_TOO_WIDE = "document.body.scrollWidth > document.documentElement.clientWidth"
_CODES = "ul[aria-label='Recovery codes'] li"


@pytest.fixture
def own_stack() -> Iterator[Stack]:
    """At localhost, where browsers allow passkeys, with a second step required of its owner, who has none yet."""
    world = WorldSize(ad_accounts=1, campaigns_per_account=1, creatives_per_campaign=1)
    with running_stack(world, connected=False, SECOND_STEP_REQUIRED_FOR="owner") as running:
        running.pages_url = running.pages_url.replace("127.0.0.1", "localhost")
        running.make_owner()
        running.ready_web()
        yield running


def enter_password(page: Page) -> None:
    page.goto("/")
    page.get_by_label("E-mail address").fill(OWNER_EMAIL)
    page.get_by_label("Password").fill(OWNER_PASSWORD)
    page.get_by_role("button", name="Log in").click()


def sign_out(page: Page) -> None:
    page.context.clear_cookies()


def give_authenticator(page: Page) -> None:
    """As a laptop with a fingerprint reader whose owner always agrees."""
    protocol = page.context.new_cdp_session(page)
    protocol.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    protocol.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def fits(page: Page) -> bool:
    return not page.evaluate(_TOO_WIDE)


def test_an_owner_sets_up_a_passkey_and_an_app_and_signs_in_with_each(own_stack, open_page, tmp_path):
    page: Page = open_page(own_stack, viewport=PHONE)
    give_authenticator(page)
    enter_password(page)
    expect(page.get_by_text("Your role needs a second step")).to_be_visible()
    expect(page.locator("#nav-sidebar")).to_have_count(0)
    assert fits(page)

    page.get_by_label("Name").first.fill("Test laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("“Test laptop” is your second step from now on.")).to_be_visible()
    page.get_by_role("button", name="Show my recovery codes").click()
    expect(page.locator(_CODES)).to_have_count(10)
    assert fits(page)
    codes = page.locator(_CODES).all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    kept = tmp_path / "codes.txt"
    download.value.save_as(kept)
    assert kept.read_text().splitlines()[1:] == codes

    sign_out(page)
    enter_password(page)
    expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    page.goto("/people/me/second-step/")
    expect(page.get_by_text("Test laptop")).to_be_visible()
    page.get_by_label("Name").last.fill("Test phone")
    page.get_by_role("button", name="Add an authenticator app").click()
    expect(page.locator(".qr-frame svg")).to_be_visible()
    assert fits(page)
    page.get_by_text("Cannot scan? Type it in").click()
    secret = page.locator("details .font-mono").inner_text().replace(" ", "")
    key = base64.b32decode(secret)
    page.get_by_label("Code").fill(f"{totp(key):06d}")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("“Test phone” is your second step from now on.")).to_be_visible()

    sign_out(page)
    enter_password(page)
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("This code is not valid")).to_be_visible()
    # The code of the next half minute, since the first one was used.
    page.get_by_label("Code").fill(f"{totp(key, drift=1):06d}")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    sign_out(page)
    enter_password(page)
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("9 recovery codes are left")).to_be_visible()
    assert re.search(r"9 unused codes left", page.locator("#main").inner_text())
    assert Path(kept).exists()


def test_a_browser_says_what_went_wrong_with_a_passkey(own_stack, open_page):
    page: Page = open_page(own_stack, viewport={"width": 320, "height": 640})
    enter_password(page)
    # No device of this browser makes one.
    page.evaluate(
        """() => { navigator.credentials.create = () => Promise.reject(new DOMException("", "NotAllowedError")); }"""
    )
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("alert")).to_have_text("Nothing was chosen in time; try again when you are ready.")
    expect(page.get_by_role("button", name="Add a passkey")).to_be_enabled()
    page.get_by_role("button", name="Add an authenticator app").click()
    expect(page.locator(".qr-frame svg")).to_be_visible()
    assert fits(page)
