"""Single sign-on in a real browser, whose Content-Security-Policy names no provider."""

import pytest
from playwright.sync_api import Browser, expect

from ingestion.linkedin_simulator.world import WorldSize
from tests.accounts.sign_in.openid_provider import CLIENT_ID, CLIENT_SECRET, running_provider
from tests.journeys.stack import OWNER_EMAIL, running_stack

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow, pytest.mark.installation]


def test_the_button_leads_through_the_provider_and_back(chromium: Browser) -> None:
    world = WorldSize(ad_accounts=1, campaigns_per_account=1, creatives_per_campaign=1)
    with (
        running_provider() as provider,
        running_stack(
            world,
            connected=False,
            SIGN_IN_WITH="sso",
            OIDC_ENDPOINT=provider.url,
            OIDC_CLIENT_ID=CLIENT_ID,
            OIDC_CLIENT_SECRET=CLIENT_SECRET,
            OIDC_NAME="Example Corp",
        ) as stack,
    ):
        provider.claims["email"] = OWNER_EMAIL
        stack.make_owner()
        stack.ready_web()
        context = chromium.new_context(base_url=stack.pages_url)
        problems: list[str] = []
        context.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page = context.new_page()
        page.goto("/report/")
        expect(page.get_by_label("Password")).to_have_count(0)
        page.get_by_role("button", name="Sign in with Example Corp").click()
        expect(page.get_by_role("heading", name="Visual report")).to_be_visible()
        assert [path for path in provider.asked if path.startswith("/elsewhere")]
        context.close()
        assert not problems
