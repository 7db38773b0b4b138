"""What no tool sends on purpose: refused with the API's own error, never with a failure."""

from typing import Any

import pytest
import yaml
from django.test import Client

from accounts.models import AdAccount, User
from tests import builders
from tests.contract.test_every_reply import DOCUMENT
from tests.contract.world import bearer

pytestmark = pytest.mark.django_db


@pytest.fixture
def headers(alice: User) -> dict[str, str]:
    return bearer(alice)


def _assert_refused(response: Any, *statuses: int) -> None:
    assert response.status_code in statuses, response.content
    assert response["Content-Type"] == "application/problem+json"
    said = response.json()
    assert said.keys() == {"type", "title", "status", "detail", "instance", "field", "remedy"}
    assert said["status"] == response.status_code


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", yaml.load(DOCUMENT.read_text(), yaml.CSafeLoader)["paths"])
def test_other_methods(headers: dict[str, str], bobs_ad_account: AdAccount, path: str) -> None:
    address = path.replace("{id}", str(bobs_ad_account.pk))
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "NONSENSE"):
        _assert_refused(Client().generic(method, address, headers=headers), 405)
    assert Client().head(address, headers=headers).status_code in {200, 404, 405}
    assert Client().options(address, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"\xff", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"{}", "application/json; charset=utf-16", 400),
        (b'{"force": 1e999}', "application/json", 400),
        (b'{"frist_day": "2026-11-01"}', "application/json", 400),
        (b'{"first_day": "0001-01-01"}', "application/json", 400),
        (b'{"last_day": "0001-01-01"}', "application/json", 400),
        (b'{"first_day": "2026-11-01\\u0000"}', "application/json", 400),
        (b"force=true", "application/x-www-form-urlencoded", 415),
    ],
)
def test_bodies(
    headers: dict[str, str], bobs_ad_account: AdAccount, body: bytes, content_type: str, status: int
) -> None:
    path = f"/api/v1/ad-accounts/{bobs_ad_account.pk}/sync"
    _assert_refused(Client().generic("POST", path, body, content_type=content_type, headers=headers), status)


@pytest.mark.parametrize(
    "question",
    [
        "campaign-metrics?cursor=%ff",
        "campaign-metrics?cursor=",
        "campaign-metrics?order=%00",
        "campaign-metrics?ad_account_id=",
        "campaign-metrics?ad_account_id=1,",
        "campaign-metrics?ad_account_id=1e3",
        "campaign-metrics?ad_account_id=-1",
        "campaign-metrics?ad_account_id=9223372036854775808",
        "campaign-metrics?date_from=3/4/2026",
        "campaign-metrics?date_from=2026-01-01&date_from=2026-01-02",
        "campaign-metrics?fetched_at_from=0001-01-01T00:00:00%2B23:59",
        "campaign-metrics?fetched_at_from=9999-12-31T23:59:59-23:59",
        "campaigns?page=0",
        "campaigns?page=last",
        "campaigns?page=99999999999999999999",
        "campaigns?format=pdf",
        "creatives?is_serving=perhaps",
        "connections?person=alice",
        "status?ad_account=1",
        "me?format=csv",
        "me?role=owner",
        "campaigns?status=RUNNING",
        "campaigns?objective=FAME",
        "creatives?review_status=FINE",
        "ad-accounts?currency=euro",
        "campaign-metrics?date_from=2026-11-02&date_to=2026-11-01",
        "demographics?month_start_from=2026-11-01&month_start_to=2026-10-01",
        "sync-logs?started_at_from=2026-11-02T00:00:00Z&started_at_before=2026-11-01T00:00:00Z",
        "reports/performance?limit=99999999999999999999",
        "reports/performance?period=last_7_days&period=last_30_days",
        "reports/performance?first_day=0001-01-01&last_day=0001-01-02",
        "reports/performance?ad_account_id=99999999999999999999",
        "reports/demographics?top=0",
    ],
)
def test_questions(headers: dict[str, str], question: str) -> None:
    _assert_refused(Client().get(f"/api/v1/{question}", headers=headers), 400)


@pytest.mark.parametrize(
    "path",
    [
        "creatives/a%00b",
        "creatives/%ff",
        "campaigns/9223372036854775808",
        "campaigns?page=99",
        "campaigns/",
        "x",
        "campaigns?ad_account_id=404",
        "campaigns?id=404",
        "creative-metrics?creative_id=urn:li:sponsoredCreative:404",
        "rejected-records?run_id=404",
        "reports/performance?campaign_id=404",
        "reports/demographics?ad_account_id=404",
    ],
)
def test_addresses(headers: dict[str, str], path: str) -> None:
    _assert_refused(Client().get(f"/api/v1/{path}", headers=headers), 404)


def test_an_instant_may_have_any_offset(headers: dict[str, str]) -> None:
    """PostgreSQL itself knows none beyond sixteen hours."""
    question = "/api/v1/campaign-metrics?fetched_at_from=2026-11-20T12:00:00%2B23:59"
    assert Client().get(question, headers=headers).status_code == 200


def test_parameters_of_one_name_are_several_values(headers: dict[str, str], bobs_ad_account: AdAccount) -> None:
    """Generated clients write lists so."""
    another = builders.make_ad_account()
    builders.make_ad_account()
    answer = Client().get(f"/api/v1/ad-accounts?id={bobs_ad_account.pk}&id={another.pk}&order=id", headers=headers)
    assert {row["id"] for row in answer.json()["results"]} == {bobs_ad_account.pk, another.pk}


def test_words_of_linkedin_that_are_new_are_found(headers: dict[str, str], bobs_ad_account: AdAccount) -> None:
    """A status that LinkedIn documents nowhere is known once a row has it."""
    campaign = builders.make_campaign(account=bobs_ad_account, status="HIBERNATING")
    answer = Client().get("/api/v1/campaigns?status=HIBERNATING", headers=headers)
    assert [row["id"] for row in answer.json()["results"]] == [campaign.pk]
