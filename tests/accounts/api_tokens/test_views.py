"""The page of a person's own tokens."""

import re
from typing import Any

import pytest
from django.test import Client
from qsessions.models import Session

from accounts.api_tokens import token_store
from accounts.models import ApiToken, User
from accounts.roles import Role
from tests.builders import NOW, make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

PAGE = "/people/me/tokens/"
FORM = {"name": "Looker", "scope": "read", "days": "90"}


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return response.content.decode()


def shown_token(page: str) -> str | None:
    found = re.search(r'id="new-token"[^>]* value="(\w+)"', page)
    return found and found[1]


def test_without_tokens_the_page_says_what_to_do(as_bob: Client) -> None:
    assert "No tokens yet</span> Create one below." in text_of(as_bob.get(PAGE))


def test_a_token_is_shown_once_and_works(as_bob: Client, settings: Any) -> None:
    settings.SITE_URL = "https://ads.example.com"
    response = as_bob.post(PAGE, FORM)
    page = text_of(response)
    plain = shown_token(page)
    assert plain
    assert "no-store" in response["Cache-Control"]
    curl = re.search(r'curl --header "Authorization: (Bearer \w+)" https://ads\.example\.com(/\S+)</pre>', page)
    assert curl
    shown = Client().get(curl[2], headers={"Authorization": curl[1]}).json()
    assert (shown["email"], shown["token_scope"]) == ("bob@example.com", "read")
    again = text_of(as_bob.get(PAGE))
    assert plain not in again
    assert plain[:15] in again
    assert not [session for session in Session.objects.all() if plain in str(session.get_decoded())]


def test_anybody_who_signs_in_has_the_page_staff_or_not() -> None:
    assert "Create a token" in text_of(signed_in(make_user(is_staff=False)).get(PAGE))


def test_who_is_not_signed_in_is_sent_to_the_login(client: Client) -> None:
    for response in (client.get(PAGE), client.post(PAGE, FORM), client.post(f"{PAGE}1/revoke/")):
        assert response.status_code == 302
        assert "/login/" in response["Location"]
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("role", "may"), [(Role.OWNER, True), (Role.MANAGER, True), (Role.ANALYST, False), (Role.VIEWER, False)]
)
def test_a_token_that_syncs_is_for_those_who_may_sync(role: Role, may: bool) -> None:
    browser = signed_in(make_user(role=role))
    assert ('value="read_and_sync"' in text_of(browser.get(PAGE))) is may
    assert bool(shown_token(text_of(browser.post(PAGE, {**FORM, "scope": "read_and_sync"})))) is may
    assert ApiToken.objects.exists() is may


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"name": " "}, {"name": "x" * 101}, {"days": "3650"}, {"days": ""}, {"scope": "all"}]
)
def test_a_form_that_is_wrong_issues_nothing(as_alice: Client, change: dict[str, str]) -> None:
    page = text_of(as_alice.post(PAGE, FORM | change))
    assert 'class="errors' in page
    assert shown_token(page) is None
    assert not ApiToken.objects.exists()


def test_a_name_is_shown_as_text(as_bob: Client) -> None:
    page = text_of(as_bob.post(PAGE, {**FORM, "name": "<script>alert(1)</script>"}))
    assert "<script>alert" not in page


def test_a_person_sees_and_revokes_their_own_tokens_only(as_bob: Client, bob: User, alice: User) -> None:
    own, _ = token_store.issue(user=bob, name="Own", scope="read", now=NOW)
    other, _ = token_store.issue(user=alice, name="Of Alice", scope="read", now=NOW)
    assert "Of Alice" not in text_of(as_bob.get(PAGE))
    assert as_bob.post(f"{PAGE}{other.pk}/revoke/").status_code == 404
    assert as_bob.get(f"{PAGE}{own.pk}/revoke/").status_code == 405
    after = as_bob.post(f"{PAGE}{own.pk}/revoke/", follow=True)
    assert "“Own” is revoked" in text_of(after)
    assert list(ApiToken.objects.all()) == [other]


def test_the_page_asks_the_database_the_same_whatever_its_length(
    as_bob: Client, bob: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        token_store.issue(user=bob, name=f"Token {number}", scope="read", now=NOW)
    # The ad accounts to choose from are one of them.
    with django_assert_max_num_queries(8):
        as_bob.get(PAGE)
