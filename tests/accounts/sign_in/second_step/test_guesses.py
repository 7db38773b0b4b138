"""How guesses at codes are counted and when they lock."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.test import Client

from accounts.models import AuditEvent, FailedLogin, User
from accounts.sign_in import lock_out
from tests.accounts.sign_in.second_step.people import code_of, give_app, passed
from tests.builders import make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

STEP = "/people/second-step/"
PASSWORD = "correct horse battery staple"


def enter(browser: Client, code: str, **more: str) -> Any:
    return browser.post(STEP, {"code": code, **more})


def test_five_wrong_codes_lock_the_step_for_everywhere(bob: User) -> None:
    app = give_app(bob)
    wrong = [enter(signed_in(bob), "000000").status_code for _ in range(5)]
    assert wrong == [200] * 4 + [429]
    for address in ("10.0.0.1", "10.0.0.2"):
        response = signed_in(bob).post(STEP, {"code": code_of(app)}, REMOTE_ADDR=address)
        assert response.status_code == 429
        assert "Too many wrong codes" in response.content.decode()
    assert AuditEvent.objects.filter(kind="second_step_failed").count() == 5
    # Once for each place.
    refused = AuditEvent.objects.filter(kind="locked_out").values_list("detail__ip", flat=True)
    assert sorted(refused) == ["10.0.0.1", "10.0.0.2", "127.0.0.1"]


def test_codes_from_changing_places_count_together(bob: User) -> None:
    app = give_app(bob)
    browser = signed_in(bob)
    for number in range(5):
        browser.post(STEP, {"code": "000000"}, REMOTE_ADDR=f"10.0.0.{number}", HTTP_USER_AGENT=f"browser {number}")
    assert enter(browser, code_of(app)).status_code == 429


def test_a_lock_ends_by_itself(bob: User) -> None:
    app = give_app(bob)
    now = datetime.now(UTC)
    browser = signed_in(bob)
    with time_machine.travel(now, tick=False):
        for _ in range(5):
            enter(browser, "000000")
    with time_machine.travel(now + timedelta(minutes=14), tick=False):
        assert enter(browser, code_of(app)).status_code == 429
    with time_machine.travel(now + timedelta(minutes=16), tick=False):
        assert enter(browser, code_of(app)).status_code == 302


def test_a_right_password_forgets_no_wrong_code(client: Client) -> None:
    """Else whoever knows the password signs in again after every fourth guess."""
    person = make_user(email="dora@example.com", password=PASSWORD)
    app = give_app(person)
    for _ in range(5):
        client.post("/admin/login/", {"username": person.email, "password": PASSWORD})
        assert enter(client, "000000").status_code in {200, 429}
        client.post("/admin/logout/")
    client.post("/admin/login/", {"username": person.email, "password": PASSWORD})
    assert enter(client, code_of(app)).status_code == 429


def test_a_new_password_forgets_no_wrong_code(bob: User) -> None:
    """Else whoever reads the mail guesses five more codes with each link."""
    app = give_app(bob)
    for _ in range(5):
        enter(signed_in(bob), "000000")
    lock_out.unlock(bob.email)
    assert enter(signed_in(bob), code_of(app)).status_code == 429


def test_what_is_tried_while_locked_fills_no_table(bob: User) -> None:
    give_app(bob)
    for _ in range(8):
        enter(signed_in(bob), "000000")
    assert AuditEvent.objects.filter(kind="second_step_failed").count() == 5
    assert AuditEvent.objects.filter(kind="locked_out").count() == 1


def test_an_owner_unlocks_the_step(bob: User, as_alice: Client) -> None:
    app = give_app(bob)
    for _ in range(5):
        enter(signed_in(bob), "000000")
    rows = list(FailedLogin.objects.values_list("pk", flat=True))
    assert "Second step" in as_alice.get("/admin/accounts/failedlogin/").content.decode()
    as_alice.post("/admin/accounts/failedlogin/", {"action": "unlock", "_selected_action": rows})
    assert enter(signed_in(bob), code_of(app)).status_code == 302


def test_a_right_code_forgets_the_wrong_ones(bob: User) -> None:
    app = give_app(bob)
    for _ in range(4):
        enter(signed_in(bob), "000000")
    enter(signed_in(bob), code_of(app))
    assert not FailedLogin.objects.exclude(account="").exists()


def test_a_right_code_forgets_those_of_other_networks(bob: User) -> None:
    app = give_app(bob)
    for _ in range(4):
        signed_in(bob).post(STEP, {"code": "000000"}, REMOTE_ADDR="10.0.0.1")
    assert signed_in(bob).post(STEP, {"code": code_of(app)}, REMOTE_ADDR="10.0.0.2").status_code == 302
    assert signed_in(bob).post(STEP, {"code": "000000"}, REMOTE_ADDR="10.0.0.1").status_code == 200


def test_wrong_codes_lock_no_password(client: Client) -> None:
    person = make_user(email="dora@example.com", password=PASSWORD)
    give_app(person)
    for _ in range(5):
        enter(signed_in(person), "000000")
    assert client.post("/admin/login/", {"username": person.email, "password": PASSWORD}).status_code == 302


def test_no_code_is_kept_with_a_failure(bob: User) -> None:
    give_app(bob)
    enter(signed_in(bob), "mistyped-recovery-code")
    assert "mistyped" not in str(list(FailedLogin.objects.values()))
    assert "mistyped" not in str(list(AuditEvent.objects.values()))


def test_a_removed_person_leaves_no_failures(bob: User, alice: User) -> None:
    give_app(bob)
    enter(signed_in(bob), "000000")
    passed(alice).post(f"/admin/accounts/user/{bob.pk}/delete/", {"post": "yes"})
    assert not FailedLogin.objects.exclude(account="").exists()


@pytest.mark.django_db(transaction=True)
def test_many_guesses_at_once_are_counted_one_by_one() -> None:
    person = make_user()
    give_app(person)
    browsers = [signed_in(person) for _ in range(12)]
    statuses = []

    def guess(browser: Client) -> None:
        statuses.append(enter(browser, "000000").status_code)
        connections.close_all()

    threads = [threading.Thread(target=guess, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 4 + [429] * 8
    assert AuditEvent.objects.filter(kind="second_step_failed").count() == 5


@pytest.mark.django_db(transaction=True)
def test_one_code_passes_one_of_many_at_once() -> None:
    person = make_user()
    code = code_of(give_app(person))
    browsers = [signed_in(person) for _ in range(5)]
    statuses = []

    def use(browser: Client) -> None:
        statuses.append(enter(browser, code).status_code)
        connections.close_all()

    threads = [threading.Thread(target=use, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(302) == 1
