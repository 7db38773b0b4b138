"""Passing the second step with a code."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.test import Client

from accounts.api_tokens import token_store
from accounts.models import AuditEvent, RecoveryCode, User
from accounts.sign_in.second_step import devices
from tests.accounts.sign_in.second_step.people import code_of, give_app
from tests.builders import NOW, make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

STEP = "/people/second-step/"
PASSWORD = "correct horse battery staple"


def enter(browser: Client, code: str, **more: str) -> Any:
    return browser.post(STEP, {"code": code, **more})


def is_in(browser: Client) -> bool:
    return browser.get("/people/me/").status_code == 200


def test_signing_in_leads_to_the_step_and_from_there_to_the_page_that_was_wanted(client: Client) -> None:
    person = make_user(email="dora@example.com", password=PASSWORD)
    app = give_app(person)
    form = {"username": person.email, "password": PASSWORD, "next": "/report/?period=7"}
    response = client.post("/admin/login/?next=/report/%3Fperiod%3D7", form)
    response = client.get(response["Location"])
    assert response["Location"] == f"{STEP}?next=%2Freport%2F%3Fperiod%3D7"
    page = client.get(response["Location"]).content.decode()
    assert 'autocomplete="one-time-code"' in page
    assert "nav-sidebar" not in page
    key = client.session.session_key
    response = enter(client, code_of(app), next="/report/?period=7")
    assert response["Location"] == "/report/?period=7"
    assert client.session.session_key != key
    assert is_in(client)
    event = AuditEvent.objects.get(kind="second_step_passed")
    assert (event.actor_email, event.detail["device"]) == (person.email, "Phone")


def test_people_without_a_second_step_are_not_asked(as_bob: Client) -> None:
    assert is_in(as_bob)
    assert as_bob.get(STEP)["Location"] == "/admin/"


def test_only_the_roles_of_the_setting_have_to(settings: Any, alice: User, bob: User) -> None:
    settings.SECOND_STEP_ROLES = ["owner", "manager"]
    assert not is_in(signed_in(alice))
    assert is_in(signed_in(bob))


def test_the_roles_of_the_setting_count_for_sessions_that_are_open_already(settings: Any, as_bob: Client) -> None:
    assert is_in(as_bob)
    settings.SECOND_STEP_ROLES = ["viewer"]
    assert not is_in(as_bob)


def test_setting_one_up_in_one_browser_asks_for_it_in_the_others(bob: User) -> None:
    here, there = signed_in(bob), signed_in(bob)
    assert is_in(there)
    here.post("/people/me/second-step/app/add/", {"name": "Phone"})
    app = bob.authenticator_apps.get()
    here.post("/people/me/second-step/app/", {"code": code_of(app)})
    assert (is_in(here), is_in(there)) == (True, False)


@pytest.mark.parametrize("next_address", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_the_step_leads_to_this_site_alone(bob: User, next_address: str) -> None:
    app = give_app(bob)
    assert enter(signed_in(bob), code_of(app), next=next_address)["Location"] == "/admin/"


def test_a_code_works_once(bob: User) -> None:
    app = give_app(bob)
    code = code_of(app)
    assert enter(signed_in(bob), code).status_code == 302
    response = enter(signed_in(bob), code)
    assert "This code is not valid" in response.content.decode()


def test_an_earlier_code_does_not_work_after_a_later_one(bob: User) -> None:
    app = give_app(bob)
    assert enter(signed_in(bob), code_of(app, steps=1)).status_code == 302
    assert enter(signed_in(bob), code_of(app)).status_code == 200


@pytest.mark.parametrize(("steps", "works"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_half_a_minute(bob: User, steps: int, works: bool) -> None:
    app = give_app(bob)
    with time_machine.travel(datetime(2026, 11, 20, 12, 0, 15, tzinfo=UTC), tick=False):
        browser = signed_in(bob)
        assert is_in(browser) is False
        enter(browser, code_of(app, steps=steps))
        assert is_in(browser) is works


@pytest.mark.parametrize(
    "spelling",
    [
        "{}０",
        "+{}",
        "-{}",
        "0{}",
        "{}0",
        "{:.3}_{:.3}",
        "0x{}",
        "{}e0",
        "\t{}\n\v",
        "１２３４５６",
        "",
        " ",
        "\0",
        "{}\0",
    ],
)
def test_a_code_has_one_spelling(bob: User, spelling: str) -> None:
    app = give_app(bob)
    code = code_of(app)
    browser = signed_in(bob)
    response = enter(browser, spelling.format(code, code) if "{" in spelling else spelling)
    works = spelling == "\t{}\n\v"  # blanks around it, which forms take away
    assert response.status_code == (302 if works else 200)
    assert is_in(browser) is works


def test_spaces_within_a_code_are_as_apps_show_them(bob: User) -> None:
    code = code_of(give_app(bob))
    assert enter(signed_in(bob), f"{code[:3]} {code[3:]}").status_code == 302


def test_the_code_of_somebody_else_does_not_work(bob: User, alice: User) -> None:
    give_app(bob)
    assert enter(signed_in(bob), code_of(give_app(alice))).status_code == 200


def test_a_pending_app_opens_nothing(bob: User) -> None:
    give_app(bob)
    pending = devices.begin_app(bob, name="Other", now=NOW)
    assert enter(signed_in(bob), code_of(pending)).status_code == 200


# --- Recovery codes ---


def test_a_recovery_code_works_once_in_any_spelling(bob: User) -> None:
    give_app(bob)
    first, second, *_ = devices.replace_codes(bob, now=NOW)
    assert enter(signed_in(bob), first)["Location"] == "/people/me/second-step/"
    assert enter(signed_in(bob), first).status_code == 200
    browser = signed_in(bob)
    assert enter(browser, f" {second.replace('-', ' ').upper()} ").status_code == 302
    assert "8 recovery codes are left" in browser.get("/people/me/second-step/").content.decode()
    assert devices.codes_left(bob) == 8


def test_recovery_codes_of_somebody_else_do_not_work(bob: User, alice: User) -> None:
    give_app(bob)
    give_app(alice)
    [code, *_] = devices.replace_codes(alice, now=NOW)
    assert enter(signed_in(bob), code).status_code == 200
    assert devices.codes_left(alice) == 10


def test_new_recovery_codes_end_the_old_ones(bob: User) -> None:
    give_app(bob)
    [old, *_] = devices.replace_codes(bob, now=NOW)
    devices.replace_codes(bob, now=NOW)
    assert enter(signed_in(bob), old).status_code == 200


def test_recovery_codes_are_stored_as_salted_hashes(bob: User) -> None:
    codes = devices.replace_codes(bob, now=NOW)
    stored = str(list(RecoveryCode.objects.values_list("salt", "digest")))
    assert not [code for code in codes if code in stored or code.replace("-", "") in stored]
    assert len({row.salt for row in RecoveryCode.objects.all()}) == len(set(codes)) == devices.CODES


# --- Sessions ---


def test_a_session_that_passed_it_as_somebody_else_has_not(bob: User, alice: User) -> None:
    give_app(bob)
    give_app(alice)
    browser = signed_in(alice)
    session = browser.session
    session["second_step"] = {"person": bob.pk, "at": 10**10}
    session.save()
    assert not is_in(browser)


def test_signing_out_is_possible_before_the_step_and_the_next_session_is_asked_again(bob: User) -> None:
    app = give_app(bob)
    browser = signed_in(bob)
    assert browser.post("/admin/logout/").status_code == 200
    assert browser.get("/people/me/")["Location"].startswith("/admin/login/")
    browser = signed_in(bob)
    enter(browser, code_of(app))
    assert is_in(browser)
    browser.post("/admin/logout/")
    assert "second_step" not in dict(browser.session.items())


def test_an_api_token_needs_no_second_step_even_beside_a_session_that_does(bob: User) -> None:
    _, plain = token_store.issue(user=bob, name="one", scope="read", now=datetime.now(UTC))
    give_app(bob)
    browser = signed_in(bob)
    for one in (Client(), browser):
        assert one.get("/api/v1/me", headers={"Authorization": f"Bearer {plain}"}).status_code == 200
    assert browser.get("/api/v1/me").status_code == 403
    assert browser.get("/api/v1/me", headers={"Authorization": "Basic x"}).status_code == 403
    assert browser.get("/api/v1/me", headers={"Authorization": "Bearer"}).status_code == 401


def test_codes_that_no_key_can_check_are_explained_and_recovery_codes_work(bob: User, settings: Any) -> None:
    app = give_app(bob)
    code = code_of(app)
    [recovery, *_] = devices.replace_codes(bob, now=NOW)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert "FIELD_ENCRYPTION_KEYS" in enter(signed_in(bob), code).content.decode()
    browser = signed_in(bob)
    assert enter(browser, recovery).status_code == 302
    assert browser.get("/people/me/second-step/").status_code == 200
