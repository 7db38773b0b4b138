"""The guard of every browser test hears what it should; no server is needed."""

import pytest

from tests.browser.watch import Watch

SITE = "http://127.0.0.1:1"


@pytest.fixture
def page(chromium):
    context = chromium.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    ("body", "policy", "heard"),
    [
        ("<script>console.error('broken')</script>", "", "console: broken"),
        ("<script>throw new Error('broken')</script>", "", "page error: broken"),
        ("<p onclick='open()'>", "script-src 'self'", "script-src-attr forbids inline"),
        ("<img src='http://elsewhere.example/a.png'>", "", "another host: http://elsewhere.example/a.png"),
        ("<img src='/absent.png'>", "", f"404: {SITE}/absent.png"),
        ("<img src='/dropped.png'>", "", f"failed: {SITE}/dropped.png"),
    ],
    ids=["console", "page error", "policy", "another host", "not found", "no answer"],
)
def test_watch_hears(page, body, policy, heard):
    watch = Watch(page.context, sites=[SITE])
    page.route("**/absent.png", lambda route: route.fulfill(status=404))
    page.route("**/dropped.png", lambda route: route.abort("connectionreset"))
    headers = {"Content-Security-Policy": policy} if policy else {}
    page.route(f"{SITE}/", lambda route: route.fulfill(body=body, content_type="text/html", headers=headers))
    page.goto(f"{SITE}/", wait_until="networkidle")
    assert any(heard in complaint for complaint in watch.complaints), watch.complaints


@pytest.mark.slow
def test_watch_is_silent_about_a_page_without_faults(page):
    watch = Watch(page.context, sites=[SITE])
    page.route("**/*", lambda route: route.fulfill(body="<p>fine</p>", content_type="text/html"))
    page.goto(f"{SITE}/", wait_until="networkidle")
    assert watch.complaints == []
