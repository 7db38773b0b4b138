"""Error pages say what to do next, need nothing that may have failed, and never show a secret."""

import sys
from typing import Any

import pytest
import structlog
from django.conf import settings as project_settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path
from django.views.debug import get_default_exception_reporter_filter, get_exception_reporter_class

from config import error_pages

TOKEN = "AQ-a-token-nobody-may-read"
CODE = "AQ-a-code-nobody-may-read"


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the database is gone")


def refuse(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def suspect(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation


handler500 = error_pages.server_error
urlpatterns = [
    path("fail/", fail),
    path("refuse/", refuse),
    path("suspect/", suspect),
    path("", include("config.urls")),
]


@pytest.fixture
def browser() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("address", "status", "says", "next_step"),
    [
        ("/suspect/", 400, "is not valid", "SITE_URL"),
        ("/refuse/", 403, "You do not have access to this", "Ask an owner"),
        ("/nowhere/", 404, "Page not found", "mistyped"),
        ("/fail/", 500, "Something went wrong on our side", "Try again in a minute"),
    ],
)
def test_an_error_says_what_to_do_next_without_the_database(
    browser: Client, address: str, status: int, says: str, next_step: str
) -> None:
    """Not marked for the database: asking it fails the test."""
    response = browser.get(address)
    page = response.content.decode()
    assert response.status_code == status
    assert says in page
    assert next_step in page
    assert 'href="/"' in page
    assert "<script" not in page
    assert "src=" not in page
    assert "the database is gone" not in page


def test_a_form_without_its_token_is_explained() -> None:
    response = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "x", "password": "y"})
    assert response.status_code == 403
    assert "reload the page and submit the form again" in response.content.decode()


@pytest.mark.urls(__name__)
def test_a_failure_names_the_request_as_the_log_does(browser: Client) -> None:
    with structlog.contextvars.bound_contextvars(request_id=None):
        page = error_pages.server_error(RequestFactory().get("/")).content.decode()
    assert "the request ID" not in page
    page = browser.get("/fail/", headers={"x-request-id": "8f14e45f"}).content.decode()
    assert "the request ID, which is in the log: <code>8f14e45f</code>" in page


# --- Tracebacks ---


@pytest.mark.parametrize(
    "name",
    [
        "FIELD_ENCRYPTION_KEYS", "SECRET_KEY", "LINKEDIN_CLIENT_SECRET", "LINKEDIN_LOGIN_CLIENT_SECRET",
        "DATABASE_URL", "EMAIL_HOST_PASSWORD", "REDIS_URL", "CELERY_BROKER_URL",
    ],
)  # fmt: skip
def test_a_traceback_page_hides_what_is_secret(name: str) -> None:
    shown = get_default_exception_reporter_filter().cleanse_setting(name, "the-secret")
    assert shown == "********************"


def test_no_setting_that_is_secret_is_shown(settings: Any) -> None:
    settings.LINKEDIN_CLIENT_SECRET = settings.EMAIL_HOST_PASSWORD = "a-secret-of-the-settings"
    settings.SOME_DATABASES = {"default": {"PASSWORD": "a-secret-of-the-settings"}}
    shown = repr(get_default_exception_reporter_filter().get_safe_settings())
    assert "a-secret-of-the-settings" not in shown
    for secret in (project_settings.SECRET_KEY, *project_settings.FIELD_ENCRYPTION_KEYS):
        assert secret not in shown


@pytest.mark.parametrize("debug", [True, False])
def test_a_traceback_shows_neither_tokens_nor_codes(settings: Any, debug: bool) -> None:
    settings.DEBUG = debug
    request = RequestFactory().post(
        f"/linkedin/callback/?code={CODE}&state={CODE}", {"password": TOKEN, "new_password1": TOKEN, "token": TOKEN}
    )
    access_token = TOKEN
    form = {"client_secret": TOKEN}
    harmless = "this may be read"
    try:
        assert not (access_token and form and harmless), "something fails"
    except AssertionError:
        kind, error, traceback = sys.exc_info()
    report = get_exception_reporter_class(request)(request, kind, error, traceback)
    frames = report.get_traceback_data()["frames"]
    shown = dict(frames[-1]["vars"])
    assert "this may be read" in shown["harmless"]
    assert TOKEN not in f"{shown['access_token']}{shown['form']}"
    data = report.get_traceback_data()
    parts = (
        dict(data["request_GET_items"]),
        data["request_insecure_uri"],
        data["request_meta"],
        data["filtered_POST_items"],
    )
    assert TOKEN not in repr(parts)
    assert CODE not in repr(parts)
    assert data["request_insecure_uri"] == "/linkedin/callback/"


def test_an_address_that_only_takes_buttons_says_so(as_alice: Client) -> None:
    response = as_alice.get("/sync/start/")
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert b"press the button" in response.content
    assert int(response["Content-Length"]) == len(response.content)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    ["/admin/accounts/adaccount/?status=%00x", "/admin/ingestion/campaign/?q=%00", "/actions/?ad_account=%00"],
)
def test_a_nul_in_an_address_is_refused_and_not_looked_for(as_alice: Client, address: str) -> None:
    page = as_alice.get(address)
    assert page.status_code == 400
    assert "Back to the home page" in page.content.decode()
