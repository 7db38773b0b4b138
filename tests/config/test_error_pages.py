"""Error pages say what to do next, need nothing that may have failed, and never show a secret."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
import structlog
from django.conf import settings as project_settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path
from django.views.debug import get_default_exception_reporter_filter, get_exception_reporter_class

from accounts.models import User
from config import error_pages
from config.database_errors import is_unreachable
from tests.reporting.api.asking import token_of

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


@contextmanager
def without_database() -> Iterator[None]:
    """As psycopg finds it, before any query and in the middle of one."""
    failed = OperationalError("connection failed: Connection refused\n\tIs the server running?")
    failed.__cause__ = psycopg.OperationalError("connection failed: Connection refused")
    with patch("django.db.backends.base.base.BaseDatabaseWrapper.cursor", side_effect=failed):
        yield


@pytest.mark.parametrize("address", ["/sync/", "/admin/", "/report/sections/trend/"])
def test_without_the_database_a_page_says_so_in_one_line_of_the_log(
    as_alice: Client, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    as_alice.raise_request_exception = False
    caplog.clear()
    with without_database():
        response = as_alice.get(address)
    assert (response.status_code, response["Retry-After"]) == (503, "10")
    assert "The database cannot be reached" in response.content.decode()
    _assert_one_line(caplog)


@pytest.mark.parametrize(
    "address", ["/api/v1/me", "/api/v1/campaigns", "/api/v1/reports/performance", "/api/v1/status"]
)
@pytest.mark.parametrize("by_token", [True, False])
def test_without_the_database_the_api_says_so_in_one_line_of_the_log(
    as_alice: Client, alice: User, caplog: pytest.LogCaptureFixture, address: str, by_token: bool
) -> None:
    browser = Client(headers=token_of(alice)) if by_token else as_alice
    browser.raise_request_exception = False
    caplog.clear()
    with without_database():
        response = browser.get(address)
    assert (response.status_code, response["Retry-After"]) == (503, "10")
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["type"]) == (503, "/api/v1/problems#unavailable")
    assert (body["detail"], body["instance"]) == ("The database cannot be reached.", address)
    _assert_one_line(caplog)


def _assert_one_line(caplog: pytest.LogCaptureFixture) -> None:
    [line] = caplog.records
    assert isinstance(line.msg, dict)
    assert line.msg["event"] == "the database cannot be reached"
    assert (line.msg["code"], line.msg["cause"]) == (503, "connection failed: Connection refused")
    assert not line.exc_info


@pytest.mark.parametrize(
    ("error", "is_so"),
    [
        (psycopg.OperationalError("connection failed"), True),
        (psycopg.errors.AdminShutdown("terminating connection"), True),
        (psycopg.errors.CannotConnectNow("the database system is starting up"), True),
        (psycopg.errors.TooManyConnections("sorry, too many clients already"), True),
        (psycopg.errors.QueryCanceled("canceling statement due to statement timeout"), False),
        (psycopg.errors.DiskFull("no space left on device"), False),
        (psycopg.errors.LockNotAvailable("could not obtain lock"), False),
    ],
)
def test_an_error_of_one_query_is_no_unreachable_database(error: psycopg.Error, is_so: bool) -> None:
    raised = OperationalError(str(error))
    raised.__cause__ = error
    assert is_unreachable(raised) is is_so
    assert is_unreachable(ValueError()) is False


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
