"""Refusals name the field, say what is wrong in our own words, and what to do."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import AdAccount, User
from accounts.roles import Role
from tests import builders
from tests.conftest import signed_in
from tests.reporting.api.asking import error, token_of

pytestmark = pytest.mark.django_db

# How Django REST framework, django-filter, knox and Django speak.
_OF_LIBRARIES = re.compile(
    r"JSON parse error|credentials were not provided|not allowed\.|Ensure this|Expected a dict|valid choice"
    r"|wrong format|A valid|Must be a valid|matches the given query|Could not satisfy|in request\.|CSRF Failed"
    r"|Invalid token|Not found|throttled|Select a valid|Not a valid string|may not be null"
)
REVERSED = "first_day=2026-11-02&last_day=2026-11-01"
# By address, the field and a part of the sentence.
READ: list[tuple[str, int, str | None, str]] = [
    (f"reports/performance?{REVERSED}", 400, "last_day", "is after the last day"),
    (f"reports/demographics?{REVERSED}", 400, "last_day", "is after the last day"),
    ("reports/performance?first_day=2026-11-02", 400, "last_day", "The last day is missing"),
    ("reports/performance?last_day=2026-11-02", 400, "first_day", "The first day is missing"),
    ("reports/performance?first_day=x&last_day=2026-11-02", 400, "first_day", "is not a valid date"),
    ("reports/performance?first_day=1990-01-01&last_day=1990-01-02", 400, "first_day", "is not between"),
    ("reports/performance?first_day=2026-01-01&last_day=2150-01-02", 400, "last_day", "is not between"),
    ("reports/performance?first_day=2001-01-01&last_day=2026-01-02", 400, "first_day", "longer than 10 years"),
    ("reports/performance?period=last_30_days&first_day=2026-11-02", 400, "period", "not both"),
    ("reports/performance?compare=previous&group_by=day&limit=5", 400, "limit", "do not apply"),
    ("reports/performance?compare=previous&group_by=day&order=spend", 400, "order", "do not apply"),
    ("reports/performance?compare=previous&first_day=2000-01-01&last_day=2000-01-05", 400, "compare", "is not between"),
    ("reports/performance?limit=0", 400, "limit", "Give at least 1."),
    ("reports/performance?limit=x", 400, "limit", "Give a whole number."),
    ("campaigns?page=99", 404, "page", "There is no such page"),
    ("findings?page=99", 404, "page", "There is no such page"),
    ("connections?page=99", 404, "page", "There is no such page"),
    ("campaign-metrics?date_from=2026-11-02&date_to=2026-11-01", 400, "date_to", "is before date_from"),
    ("campaigns?ad_account_id=404", 404, "ad_account_id", "There is no such ad account"),
    ("reports/performance?campaign_id=404", 404, "campaign_id", "There is no such campaign"),
    ("me?fields=email", 400, "fields", "Unknown parameter"),
    ("campaigns/abc", 404, None, "There is no such row"),
    ("campaigns/-1", 404, None, "There is no such row"),
    ("campaigns/99999999999999999999", 404, None, "There is no such row"),
    ("campaigns/404", 404, None, "There is no such row"),
    ("findings/abc", 404, None, "There is no such finding"),
    ("snapshots/abc/document", 404, None, "There is no such snapshot"),
    ("ad-accounts/abc/plan", 404, None, "There is no such ad account"),
    ("ad-accounts/x/audit", 404, None, "There is no such ad account"),
    ("connections/404", 404, None, "There is no such row"),
    ("schedules/abc", 404, None, "There is no such row"),
    ("campaigns/abc/def", 404, None, "There is no such endpoint."),
    ("nothing", 404, None, "There is no such endpoint."),
    ("ad-accounts/{id}/plan?first_day=yesterday", 400, "first_day", "Not a valid date; write it as YYYY-MM-DD."),
    ("ad-accounts/{id}/plan?first_day=2026-11-02&last_day=2026-11-01", 400, "last_day", "swap them"),
]


@pytest.mark.parametrize(("path", "status", "field", "words"), READ)
def test_what_is_asked(
    as_alice: Client, bobs_ad_account: AdAccount, path: str, status: int, field: str | None, words: str
) -> None:
    answer = as_alice.get(f"/api/v1/{path.format(id=bobs_ad_account.pk)}")
    found, _, detail = error(answer)
    assert (found, answer.json()["field"]) == (status, field)
    assert words in detail
    assert_in_our_words(answer)


SENT: list[tuple[str, str, str | None, str]] = [
    ("ad-accounts/{id}/sync", "{", None, "The body is not valid JSON; see line 1, column 2."),
    ("ad-accounts/{id}/sync", "[1]", None, "Send a JSON object, with fields and their values."),
    ("ad-accounts/{id}/sync", '{"force": "perhaps"}', "force", "Use true or false."),
    ("ad-accounts/{id}/sync", '{"first_day": "1.2.2026"}', "first_day", "Not a valid date; write it as YYYY-MM-DD."),
    ("snapshots", "{}", "ad_account_id", "This field is required."),
    ("snapshots", '{"ad_account_id": null}', "ad_account_id", "Give a value."),
    ("snapshots", '{"ad_account_id": "x"}', "ad_account_id", "Give a whole number."),
    ("snapshots", '{"ad_account_id": {id}, "days": 400}', "days", "Give at most 366."),
    ("findings/{finding}/accept", '{"reason": ""}', "reason", "Give a value."),
    ("findings/{finding}/accept", '{"reason": []}', "reason", "Give a text."),
    ("findings/{finding}/snooze", '{"until": "soon"}', "until", "Not a valid date; write it as YYYY-MM-DD."),
]


@pytest.mark.parametrize(("path", "body", "field", "words"), SENT)
def test_what_is_sent(
    as_alice: Client, bobs_ad_account: AdAccount, path: str, body: str, field: str | None, words: str
) -> None:
    finding = builders.make_finding(campaign=builders.make_campaign(account=bobs_ad_account))
    own = str(bobs_ad_account.pk)
    address = path.replace("{id}", own).replace("{finding}", str(finding.pk))
    answer = as_alice.post(f"/api/v1/{address}", body.replace("{id}", own), content_type="application/json")
    assert (error(answer)[0], answer.json()["field"], answer.json()["detail"]) == (400, field, words)
    assert_in_our_words(answer)


def test_who_asks_and_how(alice: User, bobs_ad_account: AdAccount) -> None:
    token, path = token_of(alice, "read_and_change"), f"/api/v1/ad-accounts/{bobs_ad_account.pk}/sync"
    checked = Client(enforce_csrf_checks=True)
    checked.force_login(alice, backend="accounts.sign_in.password_backend.PasswordBackend")
    answers = {
        401: [
            Client().get("/api/v1/me"),
            Client().get("/api/v1/me", headers={"Authorization": "Bearer"}),
            Client().get("/api/v1/me", headers={"Authorization": "Bearer two words"}),
        ],
        403: [checked.post(path, {}, content_type="application/json")],
        406: [Client().get("/api/v1/me", headers={**token, "Accept": "image/png"})],
        415: [Client().post(path, "<a/>", content_type="text/xml", headers=token)],
    }
    for status, each in answers.items():
        for answer in each:
            assert error(answer)[0] == status
            assert_in_our_words(answer)


@pytest.mark.parametrize("path", ["campaigns", "connections", "findings", "me", "snapshots", "ad-accounts/{id}/sync"])
@pytest.mark.parametrize("who", ["a token that reads", "a viewer"])
def test_a_method_that_is_possible_for_nobody_is_no_matter_of_permission(
    alice: User, bobs_ad_account: AdAccount, path: str, who: str
) -> None:
    address = f"/api/v1/{path.format(id=bobs_ad_account.pk)}"
    viewer = signed_in(builders.make_user(role=Role.VIEWER))
    for method in ("DELETE", "PUT", "PATCH"):
        if who == "a viewer":
            answer = viewer.generic(method, address)
        else:
            answer = Client().generic(method, address, headers=token_of(alice))
        assert error(answer) == (405, "method_not_allowed", f"{method} is not possible here.")
        assert "Use one of" in answer.json()["remedy"]


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("nothing", "Check the address; /api/v1 lists what there is."),
        ("campaigns/404", "Check the address; an ad account that you may not see is not found either."),
        ("campaigns?ad_account_id=404", "Check the ids; what you may not see is not found either."),
        ("campaigns?page=2", "Start again from page 1, and follow `next` until it is null."),
    ],
)
def test_what_is_not_found_has_a_way_on(as_alice: Client, path: str, remedy: str) -> None:
    answer = as_alice.get(f"/api/v1/{path}")
    assert (error(answer)[0], answer.json()["remedy"]) == (404, remedy)


def assert_in_our_words(answer: Any) -> None:
    detail = answer.json()["detail"]
    assert not _OF_LIBRARIES.search(detail), detail
    assert not re.search(r": (?!LinkedIn|Valkey|PostgreSQL)[A-Z][a-z]", detail), "a colon begins no sentence"
    assert detail[-1] in ".!"
