"""The API's description in Swagger UI: shown, signed in to with a token, and tried out."""

from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect

from tests.browser.steps import sign_in

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"

pytestmark = pytest.mark.timeout(180)


def issued_token(page: Page) -> str:
    """Of scope `read`, as the form offers first."""
    page.goto("/people/me/tokens/")
    page.get_by_label("Name").fill("Swagger UI")
    page.get_by_role("button", name="Create token").click()
    return page.locator("#new-token").input_value()


@pytest.mark.slow
def test_a_token_is_tried_out_in_swagger_ui(stack, open_page):
    page = open_page(stack)
    sign_in(page)
    token = issued_token(page)
    page.goto("/api/v1/docs/")
    paths = yaml.safe_load(DOCUMENT.read_text())["paths"]
    expect(page.locator(".opblock")).to_have_count(sum(len(operations) for operations in paths.values()))

    page.get_by_role("button", name="Authorize", exact=True).click()
    scheme = page.locator(".auth-container").filter(has_text="token (http, Bearer)")
    scheme.locator("input").fill(token)
    scheme.get_by_role("button", name="Apply credentials").click()
    scheme.locator("..").get_by_role("button", name="Close").first.click()

    page.locator("#operations-me-me_retrieve").click()
    operation = page.locator("#operations-me-me_retrieve")
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response")
    expect(answer.locator(".response-col_status")).to_have_text("200")
    # In the browser's own session there would be no scope.
    expect(answer.locator(".response-col_description")).to_contain_text('"token_scope": "read"')
