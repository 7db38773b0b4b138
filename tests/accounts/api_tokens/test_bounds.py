"""Tokens that show some ad accounts only, work from some networks only, and end when they should."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts import access
from accounts.api_tokens import token_store
from accounts.errors import ApiTokenRefused
from accounts.models import AdAccount, ApiToken, AuditEvent, User
from accounts.people import membership
from accounts.roles import Role
from tests.builders import NOW, make_access, make_ad_account, make_campaign, make_connection, make_user

pytestmark = pytest.mark.django_db

OLD, NEW = "correct horse battery staple", "an even longer staple of horses"


def program(user: User, **bounds: Any) -> Client:
    _, plain = token_store.issue(
        user=user, name="Sheet", scope=bounds.pop("scope", "read"), now=timezone.now(), **bounds
    )
    return Client(headers={"Authorization": f"Bearer {plain}"})


def ids(response: Any) -> set[int]:
    return {row["id"] for row in response.json()["results"]}


# --- Ad accounts ---


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER, Role.ANALYST, Role.VIEWER])
def test_a_token_shows_no_more_than_the_ad_accounts_it_names(role: Role) -> None:
    person, named, other = make_user(role=role), make_ad_account(), make_ad_account()
    for one in (named, other):
        make_access(user=person, ad_account=one)
        make_campaign(account=one)
    make_connection()
    bound = program(person, ad_account_ids=[named.pk])
    assert ids(bound.get("/api/v1/ad-accounts")) == {named.pk}
    assert {row["ad_account_id"] for row in bound.get("/api/v1/campaigns").json()["results"]} == {named.pk}
    assert bound.get(f"/api/v1/ad-accounts/{other.pk}").status_code == 404
    assert bound.get("/api/v1/me").json()["ad_accounts"] == 1
    # They are about all ad accounts.
    assert bound.get("/api/v1/connections").status_code == 403
    assert bound.get("/api/v1/schedules").status_code == 403
    assert bound.get("/api/v1/status").json()["service"] is None
    assert ids(program(person).get("/api/v1/ad-accounts")) == {named.pk, other.pk}


def test_a_token_names_no_ad_account_that_its_person_may_not_see(bob: User, bobs_ad_account: AdAccount) -> None:
    foreign = make_ad_account()
    assert ids(program(bob, ad_account_ids=[foreign.pk]).get("/api/v1/ad-accounts")) == set()


def test_a_token_of_a_removed_ad_account_shows_nothing_and_not_everything(alice: User) -> None:
    gone, _ = make_ad_account(), make_ad_account()
    bound = program(alice, ad_account_ids=[gone.pk])
    gone.delete()
    assert ids(bound.get("/api/v1/ad-accounts")) == set()


def test_a_bound_token_changes_nothing_elsewhere(alice: User) -> None:
    named, other = make_ad_account(), make_ad_account()
    alice.token_scope, alice.token_ad_account_ids = "read_and_change", frozenset({named.pk})
    assert access.may_sync(alice, named.pk)
    assert not access.may_sync(alice, other.pk)
    assert not access.sees_every_ad_account(alice)


def test_one_token_is_not_answered_with_what_another_asked_for(alice: User) -> None:
    """`If-None-Match` and `Idempotency-Key` belong to what the token may see."""
    make_ad_account()
    address, named = "/api/v1/reports/performance?group_by=day", make_ad_account()
    whole, bound = program(alice), program(alice, ad_account_ids=[named.pk])
    tag = whole.get(address).headers.get("ETag")
    assert tag
    assert bound.get(address, headers={"If-None-Match": tag}).status_code == 200


# --- Networks ---


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        (["203.0.113.0/24"], "203.0.113.9", 200),
        (["203.0.113.0/24"], "203.0.114.9", 401),
        (["203.0.113.9"], "203.0.113.9", 200),
        (["203.0.113.9"], "::ffff:203.0.113.9", 200),
        (["2001:db8::/32"], "2001:db8:1::1", 200),
        (["2001:db8::/32"], "203.0.113.9", 401),
        (["10.0.0.0/8", "203.0.113.0/24"], "10.1.1.1", 200),
        (["10.0.0.0/8"], "", 401),
        ([], "", 200),
    ],
)
def test_a_token_works_from_its_networks_only(bob: User, networks: list[str], address: str, status: int) -> None:
    response = program(bob, networks=networks).get("/api/v1/me", REMOTE_ADDR=address)
    assert response.status_code == status
    if status == 401:
        assert response.json()["detail"] == "This API token may not be used from this network."


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "everywhere", "10.0.0"])
def test_what_is_no_network_is_refused(bob: User, as_bob: Client, text: str) -> None:
    with pytest.raises(ApiTokenRefused, match="is not a network"):
        program(bob, networks=[text])
    form = {"name": "Sheet", "scope": "read", "days": "90", "networks": text}
    assert "is not a network" in as_bob.post("/people/me/tokens/", form).content.decode()
    assert not ApiToken.objects.exists()


def test_the_form_binds_a_token(as_bob: Client, bobs_ad_account: AdAccount) -> None:
    foreign = make_ad_account()
    page = "/people/me/tokens/"
    form = {"name": "Sheet", "scope": "read", "days": "90", "networks": "203.0.113.0/24, 10.0.0.1"}
    as_bob.post(page, form | {"ad_accounts": [foreign.pk]})
    assert not ApiToken.objects.exists()
    as_bob.post(page, form | {"ad_accounts": [bobs_ad_account.pk]})
    token = ApiToken.objects.get()
    assert (token.ad_account_ids, token.networks) == ([bobs_ad_account.pk], ["203.0.113.0/24", "10.0.0.1/32"])
    assert "1 ad account, from 203.0.113.0/24, 10.0.0.1/32" in as_bob.get(page).content.decode()
    event = AuditEvent.objects.get(kind="api_token_issued")
    assert event.detail["ad_accounts"] == [bobs_ad_account.pk]


# --- Their end ---


def three_tokens(user: User) -> list[ApiToken]:
    return [token_store.issue(user=user, name=f"T{number}", scope="read", now=timezone.now())[0] for number in range(3)]


def test_a_new_password_ends_the_tokens_that_are_not_kept(client: Client) -> None:
    dora = make_user(email="dora@example.com", password=OLD)
    client.post("/admin/login/", {"username": dora.email, "password": OLD})
    first, _, last = three_tokens(dora)
    page = client.get("/people/me/password/").content.decode()
    assert all(f'value="{token.pk}"' in page for token in (first, last))
    form = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW, "keep_tokens": [first.pk]}
    assert client.post("/people/me/password/", form).status_code == 302
    assert list(ApiToken.objects.all()) == [first]
    assert AuditEvent.objects.filter(kind="api_token_revoked", detail__why="the password was changed").count() == 2


def test_a_person_keeps_no_token_of_somebody_else(client: Client, alice: User) -> None:
    dora = make_user(email="dora@example.com", password=OLD)
    client.post("/admin/login/", {"username": dora.email, "password": OLD})
    other = three_tokens(alice)[0]
    three_tokens(dora)
    form = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW, "keep_tokens": [other.pk]}
    assert client.post("/people/me/password/", form).status_code == 200
    assert dora.check_password(OLD)


def test_without_tokens_nobody_is_asked(client: Client) -> None:
    make_user(email="dora@example.com", password=OLD)
    client.post("/admin/login/", {"username": "dora@example.com", "password": OLD})
    assert "keep_tokens" not in client.get("/people/me/password/").content.decode()


def test_a_password_that_an_owner_sets_ends_every_token(as_alice: Client, bob: User) -> None:
    three_tokens(bob)
    form = {"usable_password": "true", "password1": NEW, "password2": NEW}
    assert as_alice.post(f"/admin/accounts/user/{bob.pk}/password/", form).status_code == 302
    assert not ApiToken.objects.exists()


def test_tokens_do_not_come_back_with_their_person(alice: User, bob: User) -> None:
    three_tokens(bob)
    for is_active in (False, True):
        bob.is_active = is_active
        membership.save(bob, actor=alice, changed=["is_active"])
    assert not ApiToken.objects.exists()
    assert AuditEvent.objects.filter(kind="api_token_revoked").count() == 3


# --- Guesses, and requests without a token ---


def test_guesses_of_tokens_are_counted_by_network_and_right_ones_work(bob: User) -> None:
    right = program(bob)
    answers = [
        Client(headers={"Authorization": f"Bearer laac_{number:060}"}).get("/api/v1/me", REMOTE_ADDR="203.0.113.9")
        for number in range(35)
    ]
    assert [answer.status_code for answer in answers] == [401] * 29 + [429] * 6
    assert int(answers[-1]["Retry-After"]) > 0
    assert answers[-1].json()["status"] == 429
    assert right.get("/api/v1/me", REMOTE_ADDR="203.0.113.9").status_code == 200
    assert AuditEvent.objects.filter(kind="locked_out").count() == 1


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/campaigns", "/api/v1/schema", "/api/v1/nothing"])
def test_requests_without_a_token_are_throttled(db: None, path: str, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 60
    # A network of its own for each path, since the counts outlive the test.
    network = f"2001:db8:{abs(hash(path)) % 0xFFFF:x}:{timezone.now().microsecond % 0xFFFF:x}"
    with time_machine.travel(timezone.now(), tick=False):
        answers = [Client().get(path, REMOTE_ADDR=f"{network}::{number:x}").status_code for number in range(70)]
    assert set(answers[:60]) <= {401, 404}
    assert set(answers[60:]) == {429}


def test_a_token_ends_at_its_time_whatever_its_bounds(bob: User) -> None:
    bound = program(bob, networks=["127.0.0.0/8"])
    assert bound.get("/api/v1/me").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        assert bound.get("/api/v1/me").status_code == 401
    assert timezone.now() > NOW
