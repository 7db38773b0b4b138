"""Answers that need not be sent again, and those that are refused: too many, too slow, broken."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.api.throttling import PerMinute
from accounts.models import AdAccount, ApiToken, User
from accounts.shell import valkey
from ingestion.models import SyncLog
from reporting.queries.coverage import Coverage, CoveredRows, SelectionCoverage
from tests import builders
from tests.builders import NOW
from tests.reporting.api.asking import error, get, token_of

pytestmark = pytest.mark.django_db

PATH = "/api/v1/campaign-metrics"


@pytest.fixture(autouse=True)
def nothing_counted(db: None) -> None:
    for key in valkey.client().scan_iter(valkey.key("api", "*")):
        valkey.client().delete(key)


# --- unchanged ---


def again(client: Client, etag: str, path: str = PATH, **headers: str) -> Any:
    return client.get(path, headers={"If-None-Match": etag, **headers})


@pytest.mark.parametrize("path", [PATH, "/api/v1/reports/performance", "/api/v1/campaigns", "/api/v1/ad-accounts"])
def test_nothing_is_sent_again_while_nothing_changed(as_bob: Client, bobs_ad_account: AdAccount, path: str) -> None:
    builders.make_sync_run(account=bobs_ad_account)
    first = as_bob.get(path)
    assert first["Last-Modified"] == "Fri, 20 Nov 2026 12:00:00 GMT"
    assert first["Cache-Control"] == "private, no-cache"
    second = again(as_bob, first["ETag"], path)
    assert (second.status_code, second.content, second["ETag"]) == (304, b"", first["ETag"])
    builders.make_sync_run(account=bobs_ad_account, finished_at=NOW + timedelta(minutes=1))
    assert again(as_bob, first["ETag"], path).status_code == 200


def test_tags_are_compared_weakly(as_bob: Client, bobs_ad_account: AdAccount) -> None:
    """A proxy that compresses the response makes its tag weak."""
    etag = as_bob.get(PATH)["ETag"]
    for sent in (f"W/{etag}", f'"another", W/{etag}', "*"):
        response = again(as_bob, sent)
        assert (response.status_code, response.content, response["ETag"]) == (304, b"", etag)
    assert again(as_bob, 'W/"another"').status_code == 200


def test_any_representation_is_one_that_exists(as_bob: Client, bobs_ad_account: AdAccount) -> None:
    assert again(as_bob, "*", f"/api/v1/ad-accounts/{bobs_ad_account.pk}").status_code == 304
    assert again(as_bob, "*", "/api/v1/ad-accounts/404").status_code == 404
    assert again(as_bob, "*", f"{PATH}?order=colour").status_code == 400


def test_a_tag_belongs_to_one_selection_and_one_person(as_bob: Client, as_alice: Client, bob: User) -> None:
    addresses = [
        PATH,
        f"{PATH}?fields=date",
        f"{PATH}?date_from=2026-11-01",
        f"{PATH}?page_size=7",
        "/api/v1/campaigns",
    ]
    tags = [browser.get(address)["ETag"] for browser in (as_bob, as_alice) for address in addresses]
    tags.append(Client().get(PATH, headers=token_of(bob))["ETag"])
    tags.append(as_bob.get(PATH, headers={"host": "localhost"})["ETag"])
    assert len(set(tags)) == len(tags)
    assert {"Authorization", "Cookie"} <= set(as_bob.get(PATH)["Vary"].split(", "))


def test_a_running_sync_may_change_an_answer_at_any_moment(as_bob: Client, bobs_ad_account: AdAccount) -> None:
    etag = as_bob.get(PATH)["ETag"]
    builders.make_sync_run(account=bobs_ad_account, status=SyncLog.Status.RUNNING, finished_at=None)
    response = again(as_bob, etag)
    assert (response.status_code, response.has_header("ETag")) == (200, False)


def test_another_question_person_grant_or_day_is_another_answer(
    as_bob: Client, as_alice: Client, bob: User, bobs_ad_account: AdAccount, clock: Any, settings: Any
) -> None:
    # Bob is still signed in on the next day.
    settings.SESSION_HOURS, settings.SESSION_COOKIE_AGE = 48, 48 * 3600
    builders.make_sync_run(account=bobs_ad_account)
    etag = as_bob.get(PATH)["ETag"]
    assert again(as_bob, etag).status_code == 304
    assert again(as_bob, etag, f"{PATH}?order=-date").status_code == 200
    assert again(as_alice, etag).status_code == 200
    assert again(as_bob, etag, **token_of(bob)).status_code == 200
    clock.move_to(NOW + timedelta(days=1))
    assert again(as_bob, etag).status_code == 200
    clock.move_to(NOW)
    builders.make_access(user=bob)
    assert again(as_bob, etag).status_code == 200


def test_a_stranger_is_not_told_that_nothing_changed(as_bob: Client, bobs_ad_account: AdAccount) -> None:
    assert again(Client(), as_bob.get(PATH)["ETag"]).status_code == 401


# --- too many ---


def test_a_token_that_asks_too_often_waits(alice: User, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    token, other = token_of(alice), token_of(alice)
    assert [Client().get("/api/v1/me", headers=token).status_code for _ in range(3)] == [200, 200, 429]
    [counted] = valkey.client().scan_iter(valkey.key("api", "*"))
    valkey.client().expire(counted, 40)
    response = Client().get("/api/v1/status", headers=token)
    assert error(response)[:2] == (429, "throttled")
    assert 38 <= int(response["Retry-After"]) <= 40
    assert f"Wait {response['Retry-After']} s" in response.json()["remedy"]
    assert Client().get("/api/v1/me", headers=other).status_code == 200
    # The minute is over once Valkey has dropped the count.
    valkey.client().pexpire(counted, 1)
    time.sleep(0.05)
    assert Client().get("/api/v1/me", headers=token).status_code == 200


def test_what_many_processes_count_at_once_is_counted_once(alice: User, settings: Any) -> None:
    """Counting and comparing in two steps would let some of them through."""
    settings.API_REQUESTS_PER_MINUTE = 20
    request = Request(APIRequestFactory().get(PATH))
    request.user, request.auth = alice, ApiToken(pk=7)
    with ThreadPoolExecutor(8) as threads:
        allowed = list(threads.map(lambda _: PerMinute().allow_request(request, APIView()), range(100)))
    assert sum(allowed) == 20


def test_files_count_apart(as_alice: Client, settings: Any) -> None:
    settings.API_EXPORTS_PER_MINUTE = 1
    assert as_alice.get(f"{PATH}?format=csv").getvalue()
    assert as_alice.get(f"{PATH}?format=csv").status_code == 429
    get(as_alice, "campaign-metrics")


@pytest.mark.usefixtures("no_valkey")
def test_without_valkey_nobody_is_refused(as_alice: Client, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1
    for _ in range(2):
        get(as_alice, "me")


# --- too slow, broken ---


def test_a_question_that_takes_too_long_is_given_up(as_alice: Client) -> None:
    def slow(**_: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '20ms'")
            cursor.execute("SELECT pg_sleep(5)")

    with patch("reporting.api.performance_report.performance", slow):
        response = as_alice.get("/api/v1/reports/performance")
    assert error(response) == (503, "unavailable", "The query took too long.")
    assert "fewer days" in response.json()["remedy"]


def test_every_question_has_a_limit(as_alice: Client, settings: Any) -> None:
    settings.API_STATEMENT_SECONDS = 7
    limits = []

    def look(**asked: Any) -> CoveredRows[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            limits.append(cursor.fetchone())
        return CoveredRows([], SelectionCoverage(Coverage(period=asked["period"]), {}, {}))

    with patch("reporting.api.performance_report.performance", look):
        get(as_alice, "reports/performance")
    assert limits == [("7s",)]


def test_a_bug_is_told_in_json(as_alice: Client) -> None:
    as_alice.raise_request_exception = False
    with patch("reporting.api.performance_report.performance", side_effect=ZeroDivisionError("secret")):
        response = as_alice.get("/api/v1/reports/performance")
    assert error(response)[:2] == (500, "internal")
    assert "secret" not in response.content.decode()
    assert response["X-Request-ID"] in response.json()["remedy"]


# --- what is left ---


def test_every_response_says_how_many_requests_are_left(as_bob: Client, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE, settings.API_EXPORTS_PER_MINUTE = 3, 2
    left = [as_bob.get("/api/v1/me")["RateLimit"] for _ in range(2)]
    assert [one.split(";t=")[0] for one in left] == ['"requests";r=2', '"requests";r=1']
    file = as_bob.get(f"{PATH}?format=csv")
    assert file["RateLimit-Policy"] == '"requests";q=3;w=60, "exports";q=2;w=60'
    assert [one.split(";t=")[0] for one in file["RateLimit"].split(", ")] == ['"requests";r=0', '"exports";r=1']
    refused = as_bob.get("/api/v1/me")
    assert refused.status_code == 429
    assert refused["RateLimit"].split(";t=")[0] == '"requests";r=0'
    assert abs(int(refused["RateLimit"].split("t=")[1]) - int(refused["Retry-After"])) <= 1
    assert not as_bob.get("/sync/").has_header("RateLimit")
