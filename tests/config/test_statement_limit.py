"""A statement of a request ends within its limit, and none but that one."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import include, path
from psycopg.errors import QueryCanceled

from config import error_pages, statement_limit
from config.statement_limit import _Statement

SLOW_SECONDS = 30


def sleep(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


def slow(request: HttpRequest) -> HttpResponse:
    sleep(SLOW_SECONDS)
    return HttpResponse("done")


def slow_then_stream(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[bytes]:
        sleep(0.8)
        yield b"all of it"

    return StreamingHttpResponse(chunks())


def several(request: HttpRequest) -> HttpResponse:
    for _ in range(4):
        sleep(0.2)
    return HttpResponse("done")


handler500 = error_pages.server_error
urlpatterns = [
    path("slow/", slow),
    path("api/v1/slow", slow),
    path("stream/", slow_then_stream),
    path("several/", several),
    path("", include("config.urls")),
]

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def half_a_second(settings: Any) -> None:
    settings.API_STATEMENT_SECONDS = 0.5


@pytest.mark.parametrize("address", ["/slow/?ad_account=1", "/slow/", "/api/v1/slow"])
def test_a_statement_of_a_request_is_cancelled(address: str) -> None:
    began = time.monotonic()
    response = Client().get(address)
    assert time.monotonic() - began < 3
    assert response.status_code == 503
    said = response.content.decode()
    assert "took too long" in said
    assert ('href="/slow/"' in said) is ("?" in address)
    # The connection goes on.
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_what_is_streamed_takes_as_long_as_it_takes() -> None:
    assert Client().get("/stream/").getvalue() == b"all of it"


def test_monitoring_is_limited_too() -> None:
    """It is answered before most of the middleware."""
    began = time.monotonic()
    with patch("reporting.queries.operations.service_state", side_effect=lambda _: sleep(SLOW_SECONDS)):
        said = Client(headers={"host": "127.0.0.1"}).get("/metrics").content.decode()
    assert time.monotonic() - began < 5
    assert 'linkedin_ads_up{part="database"} 0.0' in said


def test_each_statement_has_its_own_limit() -> None:
    assert Client().get("/several/").content == b"done"


def test_outside_of_requests_nothing_is_cancelled() -> None:
    sleep(0.8)


def test_a_statement_within_a_transaction_is_cancelled_and_the_next_is_not(settings: Any) -> None:
    with connection.execute_wrapper(statement_limit._execute_within_limit):
        for _ in range(2):
            with pytest.raises(OperationalError) as error:
                sleep(SLOW_SECONDS)
            assert isinstance(error.value.__cause__, QueryCanceled)
            sleep(0.01)
    assert not statement_limit._running


@pytest.mark.slow
def test_a_late_cancellation_never_reaches_the_next_statement(settings: Any) -> None:
    """Statements that end at the very moment at which they are due."""
    settings.API_STATEMENT_SECONDS = statement_limit._TICK_SECONDS
    with connection.execute_wrapper(statement_limit._execute_within_limit):
        for _ in range(40):
            with suppress(OperationalError):
                sleep(statement_limit._TICK_SECONDS)
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")


def test_one_thread_watches_all_statements() -> None:
    connection.ensure_connection()
    with _Statement(connection.connection, seconds=60), _Statement(connection.connection, seconds=60):
        assert [one.name for one in threading.enumerate()].count("statement-limit") == 1
