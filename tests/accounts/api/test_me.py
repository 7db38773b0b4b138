"""`GET /api/v1/me` with real requests: which token is accepted, and what the response says otherwise."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.api.permissions import MaySync, WithinTokenScope
from accounts.api_tokens import token_store
from accounts.models import AdAccount, User
from accounts.roles import Role
from tests.builders import NOW, make_ad_account

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def token_of(user: User, **changes: Any) -> str:
    values: dict[str, Any] = {"name": "Looker", "scope": "read", "now": NOW}
    return token_store.issue(user=user, **values | changes)[1]


def ask(token: str, client: Client | None = None) -> Any:
    return (client or Client()).get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})


def error(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["detail"]


def test_me_shows_the_person_of_a_token(bob: User) -> None:
    make_ad_account(name="Somebody else's")
    response = ask(token_of(bob))
    assert response.status_code == 200
    assert response.json() == {"email": "bob@example.com", "role": "viewer", "token_scope": "read", "ad_accounts": 1}


def test_me_shows_the_person_of_a_session(as_alice: Client, bobs_ad_account: AdAccount) -> None:
    assert as_alice.get("/api/v1/me").json() == {
        "email": "alice@example.com",
        "role": "owner",
        "token_scope": None,
        "ad_accounts": 1,
    }


def test_a_stranger_sees_no_ad_account(charlie: User, bobs_ad_account: AdAccount) -> None:
    assert ask(token_of(charlie)).json()["ad_accounts"] == 0


def test_a_token_is_worth_what_its_person_may_now(bob: User) -> None:
    token = token_of(bob)
    make_ad_account()
    bob.role = Role.ANALYST
    bob.save()
    assert ask(token).json()["ad_accounts"] == 2
    bob.role = Role.VIEWER
    bob.save()
    bob.ad_account_access.all().delete()
    assert ask(token).json()["ad_accounts"] == 0


def test_nobody_learns_how_to_get_in() -> None:
    response = Client().get("/api/v1/me")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "/api/v1/problems#not_authenticated",
        "title": "You are not signed in",
        "status": 401,
        "detail": "This needs an API token, or a browser that is signed in.",
        "instance": "/api/v1/me",
        "field": None,
        "remedy": "Send the header Authorization: Bearer <token>; /people/me/tokens/ issues one to you.",
    }


@pytest.mark.parametrize("wrong", ["laac_" + "0" * 64, "short", "x" * 5000, "laac_é" + "0" * 60, "a\0" + "0" * 60])
def test_a_wrong_token_is_refused(alice: User, wrong: str) -> None:
    token_of(alice)
    response = ask(wrong)
    assert error(response) == (401, "This API token is unknown; it is wrong or was revoked.")
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_token_with_one_letter_changed_is_refused(alice: User) -> None:
    token = token_of(alice)
    assert ask(token[:-1] + ("0" if token[-1] != "0" else "1")).status_code == 401


def test_bytes_that_are_no_text_are_refused(alice: User) -> None:
    response = Client().get("/api/v1/me", HTTP_AUTHORIZATION=b"Bearer \xff\xfe" + b"0" * 60)
    assert response.status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer one two"])
def test_a_header_that_is_no_token_is_refused(header: str) -> None:
    assert Client().get("/api/v1/me", headers={"Authorization": header}).status_code == 401


def test_a_wrong_token_is_refused_although_the_browser_is_signed_in(as_alice: Client) -> None:
    assert ask("laac_" + "0" * 64, as_alice).status_code == 401


def test_an_expired_token_is_refused_and_stays_listed(alice: User, clock: Any) -> None:
    token = token_of(alice, days=30)
    clock.move_to(NOW + timedelta(days=30) - timedelta(seconds=1))
    assert ask(token).status_code == 200
    clock.move_to(NOW + timedelta(days=30))
    assert error(ask(token)) == (401, "This API token expired on 2026-12-20.")
    assert token_store.of(alice).count() == 1


def test_a_revoked_token_is_refused_at_once(alice: User) -> None:
    token = token_of(alice)
    assert ask(token).status_code == 200
    token_store.revoke(token_store.of(alice).get(), actor=alice)
    assert error(ask(token)) == (401, "This API token is unknown; it is wrong or was revoked.")


def test_a_token_of_an_inactive_person_is_refused(bob: User) -> None:
    token = token_of(bob)
    bob.is_active = False
    bob.save()
    assert error(ask(token)) == (401, "The person of this API token is no longer active here.")
    assert token_store.of(bob).get().last_used_at is None


def test_use_is_recorded_at_most_once_a_minute(alice: User, clock: Any, django_assert_num_queries: Any) -> None:
    token = token_of(alice)
    for seconds, queries, noted in ((0, 3, 0), (59, 2, 0), (60, 3, 60)):
        clock.move_to(NOW + timedelta(seconds=seconds))
        with django_assert_num_queries(queries):
            ask(token)
        assert token_store.of(alice).get().last_used_at == NOW + timedelta(seconds=noted)


def test_only_reading_is_offered(alice: User) -> None:
    token = token_of(alice, scope="read_and_sync")
    response = Client().post("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert error(response) == (405, "POST is not possible here.")
    assert (response["Allow"], response.json()["remedy"]) == (
        "GET, HEAD, OPTIONS",
        "Use one of GET, HEAD, OPTIONS.",
    )


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_token_for_reading_changes_nothing_even_an_owners(alice: User, method: str) -> None:
    headers = {"Authorization": f"Bearer {token_of(alice)}"}
    response = getattr(Client(), method)("/api/v1/me", headers=headers)
    assert error(response) == (405, f"{method.upper()} is not possible here.")
    if method == "post":
        assert error(Client().post("/api/v1/snapshots", headers=headers)) == (403, "This API token may only read.")


@pytest.mark.parametrize(
    ("role", "scope", "may"),
    [
        (Role.OWNER, None, True),
        (Role.OWNER, "read_and_sync", True),
        (Role.OWNER, "read", False),
        (Role.MANAGER, "read_and_sync", True),
        (Role.ANALYST, "read_and_sync", False),
        (Role.VIEWER, "read_and_sync", False),
        (Role.ANALYST, None, False),
    ],
)
def test_permissions_say_what_access_says(
    bob: User, bobs_ad_account: AdAccount, role: Role, scope: str | None, may: bool
) -> None:
    bob.role, bob.token_scope = role, scope
    bob.save()
    request: Any = APIRequestFactory().post("/")
    request.user = bob
    view = APIView()
    view.post = lambda request: None  # type: ignore[attr-defined]
    assert MaySync().has_permission(request, view) is may
    assert MaySync().has_object_permission(request, view, bobs_ad_account) is may
    assert WithinTokenScope().has_permission(request, view) is (scope != "read")
