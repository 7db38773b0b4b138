from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.hashers import get_hasher
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from tests.builders import make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


@pytest.fixture
def dora(db: None) -> User:
    return make_user(email="dora@example.com", password=PASSWORD)


def try_in(browser: Client, email: str = "dora@example.com", password: str = "wrong", ip: str = "10.0.0.1") -> Any:
    return browser.post("/admin/login/", {"username": email, "password": password}, REMOTE_ADDR=ip)


def lock(browser: Client, email: str = "dora@example.com") -> Any:
    return [try_in(browser, email) for _ in range(5)][-1]


def test_an_address_signs_in_whatever_its_case(client: Client, dora: User) -> None:
    assert try_in(client, "DORA@Example.COM", PASSWORD).status_code == 302


def test_the_fifth_wrong_password_locks(client: Client, dora: User) -> None:
    assert [try_in(client).status_code for _ in range(5)] == [200, 200, 200, 200, 429]
    response = try_in(client, password=PASSWORD)
    assert response.status_code == 429
    page = response.content.decode()
    assert "locked for 15 minutes" in page
    assert "/people/password-reset/" in page


def test_the_case_of_an_address_gives_no_further_tries(client: Client, dora: User) -> None:
    spellings = ["dora@example.com", "DORA@example.com", "Dora@example.com", " dora@example.com", "dorA@example.com"]
    assert [try_in(client, email).status_code for email in spellings][-1] == 429


def test_a_lock_ends_by_itself(client: Client, dora: User) -> None:
    """Tries while it is locked do not make it longer."""
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        lock(client)
    with time_machine.travel(now + timedelta(minutes=14), tick=False):
        assert try_in(client).status_code == 429
    with time_machine.travel(now + timedelta(minutes=16), tick=False):
        assert try_in(client, password=PASSWORD).status_code == 302


def test_other_people_and_other_places_are_not_locked(client: Client, dora: User) -> None:
    make_user(email="eve@example.com", password=PASSWORD)
    lock(client)
    assert try_in(Client(), "eve@example.com", PASSWORD).status_code == 302
    assert try_in(Client(), password=PASSWORD, ip="10.0.0.2").status_code == 302


def test_a_right_password_forgets_the_wrong_ones(client: Client, dora: User) -> None:
    for _ in range(4):
        try_in(client)
    assert try_in(client, password=PASSWORD).status_code == 302
    assert not AccessAttempt.objects.exists()


def test_unknown_inactive_and_linkedin_only_people_get_the_same_answers(client: Client, dora: User) -> None:
    make_user(email="gone@example.com", password=PASSWORD, is_active=False)
    make_user(email="linkedin@example.com")
    answers = set()
    for email in ("dora@example.com", "nobody@example.com", "gone@example.com", "linkedin@example.com"):
        tries = [try_in(Client(), email) for _ in range(6)]
        pages = [answer.content.decode().replace(email, "") for answer in tries]
        sentences = tuple("Please enter the correct e-mail address and password" in page for page in pages)
        answers.add((tuple(answer.status_code for answer in tries), sentences))
    assert answers == {((200, 200, 200, 200, 429, 429), (True, True, True, True, False, False))}
    assert "Please enter" in try_in(Client(), "gone@example.com", PASSWORD, ip="10.0.0.9").content.decode()


def test_every_answer_takes_one_hash(client: Client, dora: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the response time does not reveal who has an account."""
    hashed: list[str] = []
    hasher = type(get_hasher())
    encode = hasher.encode

    def counted(self: Any, *rest: Any) -> Any:
        hashed.append("x")
        return encode(self, *rest)

    monkeypatch.setattr(hasher, "encode", counted)
    make_user(email="linkedin@example.com")
    counts = []
    for email in ("dora@example.com", "nobody@example.com", "linkedin@example.com"):
        hashed.clear()
        try_in(client, email)
        counts.append(len(hashed))
    assert counts == [1, 1, 1]


def test_an_owner_unlocks(client: Client, as_alice: Client, dora: User) -> None:
    lock(client)
    listing = "/admin/accounts/failedlogin/"
    row = AccessAttempt.objects.get()
    page = as_alice.get(listing).content.decode()
    assert "dora@example.com" in page
    assert as_alice.get(f"{listing}{row.pk}/change/").status_code == 200
    as_alice.post(listing, {"action": "unlock", "_selected_action": [row.pk]})
    assert try_in(client, password=PASSWORD).status_code == 302


def test_only_owners_see_failed_logins(client: Client, dora: User) -> None:
    lock(client)
    browser = signed_in(make_user(role=Role.MANAGER))
    row = AccessAttempt.objects.get()
    assert browser.get("/admin/accounts/failedlogin/").status_code == 403
    assert (
        browser.post("/admin/accounts/failedlogin/", {"action": "unlock", "_selected_action": [row.pk]}).status_code
        == 403
    )
    assert try_in(client, password=PASSWORD).status_code == 429


def test_no_password_is_kept(client: Client, dora: User) -> None:
    try_in(client, password="a secret mistyped")
    assert "a secret mistyped" not in str(AccessAttempt.objects.values().get())
