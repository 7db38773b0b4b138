"""Attacks that every web service faces; each test tries one of them."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.conf import settings as project_settings
from django.test import Client

from accounts.consents.linkedin_oauth import LinkedInApp
from accounts.models import LinkedInConnection, User
from ingestion.linkedin_simulator.server import running_server
from ingestion.linkedin_simulator.simulator import Options, Simulator
from tests.builders import make_user
from tests.house.urls import every_address, every_pattern

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
PASSWORD = "correct horse battery staple"
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "http:///evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "https://testserver@evil.example/",
]


@pytest.fixture
def dora() -> User:
    """Somebody who signs in by form."""
    return make_user(email="dora@example.com", password=PASSWORD)


def sign_in(browser: Client, **changes: str) -> Any:
    return browser.post(LOGIN, {"username": "dora@example.com", "password": PASSWORD} | changes)


# --- Open redirects ---


@pytest.mark.parametrize("address", ELSEWHERE)
def test_signing_in_never_leads_elsewhere(client: Client, dora: User, address: str) -> None:
    for response in (sign_in(client, next=address), sign_in(Client(), next=address)):
        assert response.status_code == 302
        assert response["Location"] == "/admin/"


def test_signing_in_leads_on_to_where_one_was_going(client: Client, dora: User) -> None:
    assert sign_in(client, next="/linkedin/connect/")["Location"] == "/linkedin/connect/"


@pytest.mark.slow
def test_no_page_redirects_to_where_its_query_says(as_alice: Client) -> None:
    """Every page is asked with the names such parameters usually have."""
    names = ("next", "url", "redirect", "redirect_to", "return_to")
    asked = dict(zip(names, ELSEWHERE, strict=False))
    for page in every_address():
        response = as_alice.get(page, asked)
        if response.streaming:
            # Read to its end: what is dropped half-way closes the database connection of this test.
            b"".join(response)
        leads = response.headers.get("Location", "")
        assert not urlsplit(leads).netloc, page
        assert not leads.startswith(("javascript:", "\\", "/\\")), page


# --- Forms of other sites ---


def test_no_address_takes_a_form_without_its_token(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    taken = {}
    for page in every_address():
        response = browser.post(page)
        if response.streaming:
            # Read to its end: what is dropped half-way closes the database connection of this test.
            b"".join(response)
        if response.status_code not in {403, 404, 405}:
            taken[page] = response.status_code
    assert taken == {}, "they take a POST that another site sent"


def test_no_view_is_exempt_from_that_check() -> None:
    """But the one where LinkedIn's login comes back, which has a state of its own, and the API's answer to addresses
    that it does not have.
    """
    exempt = {pattern.name for pattern in every_pattern() if pattern.is_csrf_exempt}
    assert exempt == {"people:complete", "/api/"}


def test_a_token_of_another_site_does_not_help(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    page = browser.get("/linkedin/connect/").content.decode()
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    sent = {"csrfmiddlewaretoken": token}
    assert browser.post("/linkedin/connect/", sent, headers={"origin": "https://evil.example"}).status_code == 403


# --- LinkedIn's way back ---


@pytest.fixture
def simulator(settings: Any) -> Iterator[Simulator]:
    """A simulated LinkedIn that gives real codes and takes each once."""
    simulator = Simulator(Options())
    with running_server(simulator) as url:
        settings.LINKEDIN_AUTH_BASE_URL = url
        settings.LINKEDIN_CLIENT_ID, settings.LINKEDIN_CLIENT_SECRET = "simulated-ads-app", "simulated-ads-secret"
        settings.LINKEDIN_REDIRECT_URI = "http://127.0.0.1:8000/linkedin/callback/"
        yield simulator


def consented(browser: Client) -> dict[str, str]:
    """Press Continue, allow at LinkedIn; what LinkedIn sends the browser back with."""
    address = browser.post("/linkedin/connect/")["Location"]
    form = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    page = address.partition("?")[0]
    answer = requests.post(page, data=form | {"decision": "allow", "member": "1"}, allow_redirects=False, timeout=10)
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in back.items()}


def test_a_code_is_taken_once_and_its_replay_is_explained(as_alice: Client, simulator: Simulator) -> None:
    back = consented(as_alice)
    assert as_alice.get("/linkedin/callback/", back).status_code == 302
    fresh_state = consented(as_alice)["state"]
    replayed = as_alice.get("/linkedin/callback/", {"code": back["code"], "state": fresh_state})
    assert replayed.status_code == 400
    assert "codes are used once" in replayed.content.decode()
    assert LinkedInConnection.objects.count() == 1


def test_a_code_with_another_state_is_not_redeemed(as_alice: Client, simulator: Simulator, monkeypatch: Any) -> None:
    """Otherwise somebody could attach their LinkedIn account to another person's installation."""
    back = consented(as_alice)
    monkeypatch.setattr(LinkedInApp, "exchange_code", lambda *_, **__: pytest.fail("the code was redeemed"))
    response = as_alice.get("/linkedin/callback/", back | {"state": back["state"][:-1] + "~"})
    assert response.status_code == 400
    assert "not started in this browser" in response.content.decode()


# --- Sessions ---


def test_signing_in_changes_the_sessions_key(client: Client, dora: User) -> None:
    """Whoever planted a session in a browser must not share it afterwards."""
    session = client.session
    session["planted"] = "yes"
    session.save()
    client.cookies[project_settings.SESSION_COOKIE_NAME] = str(session.session_key)
    before = str(session.session_key)
    sign_in(client)
    after = client.cookies[project_settings.SESSION_COOKIE_NAME].value
    assert after != before
    planted = Client()
    planted.cookies[project_settings.SESSION_COOKIE_NAME] = before
    assert planted.get("/admin/").status_code == 302


def test_signing_out_ends_the_session_itself(client: Client, dora: User) -> None:
    sign_in(client)
    kept = client.cookies[project_settings.SESSION_COOKIE_NAME].value
    client.post("/admin/logout/")
    thief = Client()
    thief.cookies[project_settings.SESSION_COOKIE_NAME] = kept
    assert thief.get("/admin/").status_code == 302


def test_a_link_does_not_sign_anybody_out(client: Client, dora: User) -> None:
    sign_in(client)
    assert client.get("/admin/logout/").status_code == 405
    assert client.get("/admin/").status_code == 200


# --- Who has a login here ---


def test_a_refused_login_does_not_say_whether_the_address_is_known(client: Client, dora: User) -> None:
    make_user(email="left@example.com", password=PASSWORD, is_active=False)
    make_user(email="outside@example.com", password=PASSWORD, is_staff=False)

    def refusal(email: str, password: str) -> tuple[int, str]:
        response = Client().post(LOGIN, {"username": email, "password": password})
        errors = response.context["form"].errors.as_text()
        return response.status_code, errors

    answers = {
        refusal("dora@example.com", "wrong"),
        refusal("nobody@example.com", "wrong"),
        refusal("left@example.com", "wrong"),
        refusal("left@example.com", PASSWORD),
        refusal("outside@example.com", "wrong"),
    }
    assert len(answers) == 1


def test_an_unknown_address_costs_a_password_hash_too(client: Client, dora: User, monkeypatch: Any) -> None:
    """Otherwise the response time would reveal it."""
    hashed = []
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw))
    client.post(LOGIN, {"username": "nobody@example.com", "password": "wrong"})
    assert hashed == ["wrong"]
