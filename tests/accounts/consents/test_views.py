from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import LinkedInConnection, User
from accounts.roles import Role
from tests.accounts.consents.scripted_linkedin import TOKENS, ScriptedLinkedIn, scripted_linkedin
from tests.builders import make_ad_account, make_connection, make_role, make_user
from tests.conftest import signed_in

CONNECT, CALLBACK = "/linkedin/connect/", "/linkedin/callback/"


@pytest.fixture(autouse=True)
def linkedin(settings: Any) -> Iterator[ScriptedLinkedIn]:
    """A LinkedIn that gives tokens for any code."""
    with scripted_linkedin((200, TOKENS)) as script:
        settings.LINKEDIN_AUTH_BASE_URL = script.url
        settings.LINKEDIN_CLIENT_ID = "the-client-id"
        settings.LINKEDIN_CLIENT_SECRET = "the-client-secret"
        settings.LINKEDIN_REDIRECT_URI = "http://testserver/linkedin/callback/"
        settings.LINKEDIN_SCOPES = ["r_ads", "r_ads_reporting"]
        yield script


def state_of(client: Client) -> str:
    """Press the button; the state that LinkedIn's consent page is sent."""
    return parse_qs(urlsplit(client.post(CONNECT)["Location"]).query)["state"][0]


# --- The page that sends people to LinkedIn ---


def test_connect_says_what_will_be_asked_for(as_alice: Client) -> None:
    response = as_alice.get(CONNECT)
    page = response.content.decode()
    assert response.status_code == 200
    assert "read the figures of your ads (r_ads_reporting)" in page
    assert "Continue to LinkedIn" in page
    assert "linkedin_consent" not in as_alice.session
    assert "open this page there" not in page


def test_connect_leads_to_the_consent_page(as_alice: Client, linkedin: ScriptedLinkedIn) -> None:
    response = as_alice.post(CONNECT)
    assert response.status_code == 302
    address, _, query = response["Location"].partition("?")
    assert address == f"{linkedin.url}/oauth/v2/authorization"
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    assert len(asked.pop("state")) > 30
    assert asked == {
        "response_type": "code",
        "client_id": "the-client-id",
        "redirect_uri": "http://testserver/linkedin/callback/",
        "scope": "r_ads r_ads_reporting",
    }


def test_every_attempt_has_a_state_of_its_own(as_alice: Client) -> None:
    assert state_of(as_alice) != state_of(as_alice)


def test_connect_warns_people_on_another_host(as_alice: Client, settings: Any) -> None:
    """The session's cookie would not come back with them."""
    settings.LINKEDIN_REDIRECT_URI = "http://127.0.0.1:8000/linkedin/callback/"
    assert "http://127.0.0.1:8000/linkedin/connect/" in as_alice.get(CONNECT).content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
def test_connect_says_what_to_set_when_no_app_is_configured(as_alice: Client, settings: Any, method: str) -> None:
    settings.LINKEDIN_CLIENT_ID = ""
    page = getattr(as_alice, method)(CONNECT).content.decode()
    assert "set LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET" in page
    assert "Try again" not in page


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_viewer_may_not_connect(as_bob: Client, as_charlie: Client, method: str) -> None:
    for client in (as_bob, as_charlie):
        response = getattr(client, method)(CONNECT)
        assert response.status_code == 403
        assert "ask an owner" in response.content.decode()


@pytest.mark.parametrize("path", [CONNECT, CALLBACK])
def test_strangers_sign_in_first(client: Client, db: None, path: str) -> None:
    outsider = signed_in(make_user(role=Role.OWNER, is_staff=False))
    for browser in (client, outsider):
        response = browser.get(path)
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("admin:login"))


def test_the_button_needs_its_csrf_token(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.post(CONNECT).status_code == 403
    page = browser.get(CONNECT).content.decode()
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    assert browser.post(CONNECT, {"csrfmiddlewaretoken": token}).status_code == 302


# --- The way back ---


def test_callback_keeps_the_consent(as_alice: Client, alice: User, linkedin: ScriptedLinkedIn) -> None:
    response = as_alice.get(CALLBACK, {"code": "the-code", "state": state_of(as_alice)}, follow=True)
    assert response.redirect_chain == [(reverse("admin:index"), 302)]
    assert "LinkedIn is connected" in response.content.decode()
    assert linkedin.forms()[0]["code"] == "the-code"
    connection = LinkedInConnection.objects.get()
    assert (connection.user, connection.access_token) == (alice, "new-access-token")


def test_a_state_is_used_once(as_alice: Client, linkedin: ScriptedLinkedIn) -> None:
    answer = {"code": "the-code", "state": state_of(as_alice)}
    as_alice.get(CALLBACK, answer)
    response = as_alice.get(CALLBACK, answer)
    assert response.status_code == 400
    assert "start again" in response.content.decode()
    assert len(linkedin.asked) == 1


@pytest.mark.parametrize("state", [{}, {"state": ""}, {"state": "forged"}, {"state": "gefälscht"}])
def test_a_foreign_state_is_refused(as_alice: Client, linkedin: ScriptedLinkedIn, state: dict[str, str]) -> None:
    state_of(as_alice)
    assert as_alice.get(CALLBACK, {"code": "the-code"} | state).status_code == 400
    assert as_alice.get(CALLBACK, {"code": "the-code"} | state).status_code == 400
    assert linkedin.asked == []


def test_a_state_of_another_browser_is_refused(as_alice: Client, linkedin: ScriptedLinkedIn) -> None:
    state = state_of(signed_in(make_user(role=Role.OWNER)))
    assert as_alice.get(CALLBACK, {"code": "the-code", "state": state}).status_code == 400
    assert linkedin.asked == []


def test_a_state_ends_after_half_an_hour(as_alice: Client, linkedin: ScriptedLinkedIn) -> None:
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False):
        state = state_of(as_alice)
    with time_machine.travel(now + timedelta(minutes=31), tick=False):
        assert as_alice.get(CALLBACK, {"code": "the-code", "state": state}).status_code == 400
    assert linkedin.asked == []


def test_a_person_who_lost_the_right_meanwhile_is_refused(
    as_alice: Client, alice: User, linkedin: ScriptedLinkedIn
) -> None:
    state = state_of(as_alice)
    User.objects.filter(pk=alice.pk).update(role=Role.VIEWER)
    assert as_alice.get(CALLBACK, {"code": "the-code", "state": state}).status_code == 403
    assert linkedin.asked == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": "user_cancelled_login"}, "did not sign in"),
        ({"error": "user_cancelled_authorize"}, "did not allow access"),
        ({"error": "unauthorized_scope_error", "error_description": "<script>"}, "Developer Portal"),
        ({}, "no authorization code"),
    ],
)
def test_a_refusal_offers_to_try_again(
    as_alice: Client, linkedin: ScriptedLinkedIn, answer: dict[str, str], words: str
) -> None:
    response = as_alice.get(CALLBACK, answer | {"state": state_of(as_alice)})
    page = response.content.decode()
    assert response.status_code == 400
    assert words in page
    assert "Try again" in page
    assert "<script>alert" not in page
    assert linkedin.asked == []


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (
            (401, {"error": "invalid_client_id", "error_description": "Client authentication failed"}),
            400,
            "LINKEDIN_CLIENT_SECRET",
        ),
        ((503, b"busy"), 502, "try again in a few minutes"),
        ((200, TOKENS | {"scope": "r_ads"}), 400, "without r_ads_reporting"),
    ],
)
def test_a_failed_exchange_says_what_to_do(
    as_alice: Client, linkedin: ScriptedLinkedIn, answer: Any, status: int, words: str, caplog: Any
) -> None:
    linkedin.answers[0] = answer
    response = as_alice.get(CALLBACK, {"code": "the-code", "state": state_of(as_alice)})
    page = response.content.decode()
    assert response.status_code == status
    assert words in page
    assert "Try again" in page
    assert not LinkedInConnection.objects.exists()
    assert "the-code" not in page + caplog.text
    assert "the-client-secret" not in page + caplog.text


def test_callback_is_for_get_alone(as_alice: Client) -> None:
    assert as_alice.post(CALLBACK).status_code == 405
    assert as_alice.head(CALLBACK).status_code == 405


# --- The page that ends a consent ---


def end_page(connection: LinkedInConnection) -> str:
    return reverse("accounts:end_consent", args=[connection.pk])


def test_ending_says_what_stops_and_asks_first(as_alice: Client, linkedin: ScriptedLinkedIn) -> None:
    role = make_role(ad_account=make_ad_account(name="Only <one>"))
    page = as_alice.get(end_page(role.connection)).content.decode()
    assert "Stored data is kept" in page
    assert "1 ad account that no other connection can read" in page
    assert "Only &lt;one&gt;" in page
    role.connection.refresh_from_db()
    assert (role.connection.state, linkedin.asked) == ("active", [])


def test_ending_says_when_nothing_stops(as_alice: Client) -> None:
    page = as_alice.get(end_page(make_connection())).content.decode()
    assert "All ad accounts will keep syncing" in page


def test_an_owner_ends_a_consent(as_alice: Client, linkedin: ScriptedLinkedIn) -> None:
    connection = make_connection()
    page = as_alice.post(end_page(connection), follow=True).content.decode()
    assert "its tokens are deleted" in page
    assert "could not revoke it" not in page
    connection.refresh_from_db()
    assert (connection.state, len(linkedin.asked)) == ("revoked", 2)
    assert "has already ended" in as_alice.get(end_page(connection)).content.decode()


def test_a_failed_revocation_at_linkedin_is_shown(as_alice: Client, linkedin: ScriptedLinkedIn) -> None:
    linkedin.answers[0] = (503, b"busy")
    page = as_alice.post(end_page(make_connection()), follow=True).content.decode()
    assert "LinkedIn could not revoke it" in page
    assert "Permitted services" in page


def test_the_person_who_consented_may_end_it_whatever_their_role(as_bob: Client, bob: User) -> None:
    connection = make_connection(user=bob)
    assert as_bob.post(end_page(connection)).status_code == 302
    connection.refresh_from_db()
    assert connection.state == "revoked"


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ANALYST, Role.VIEWER])
@pytest.mark.django_db
def test_nobody_else_may_end_it(role: Role, linkedin: ScriptedLinkedIn) -> None:
    connection, browser = make_connection(), signed_in(make_user(role=role))
    terminal = make_connection(user=None)
    for one in (connection, terminal):
        assert browser.get(end_page(one)).status_code == 403
        assert browser.post(end_page(one)).status_code == 403
    assert not LinkedInConnection.objects.filter(state="revoked").exists()
    assert linkedin.asked == []


@pytest.mark.django_db
def test_a_stranger_signs_in_first_and_a_missing_connection_is_not_found(client: Client, as_alice: Client) -> None:
    connection = make_connection()
    assert "login" in client.post(end_page(connection))["Location"]
    assert as_alice.get("/linkedin/connections/404/end/").status_code == 404
    assert as_alice.put(end_page(connection)).status_code == 405
