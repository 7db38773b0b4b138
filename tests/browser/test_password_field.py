"""What is typed into a password field can be shown, by mouse and by keyboard, and is hidden again when it is sent."""

from playwright.sync_api import expect


def test_a_password_is_shown_on_request_and_hidden_when_it_is_sent(new_stack, open_page):
    page = open_page(new_stack)
    page.goto("/admin/login/")
    field = page.get_by_label("Password")
    field.fill("what I type")
    expect(field).to_have_attribute("type", "password")
    page.get_by_role("button", name="Show what is typed").click()
    expect(field).to_have_attribute("type", "text")
    page.get_by_role("button", name="Hide what is typed").press("Enter")
    expect(field).to_have_attribute("type", "password")
