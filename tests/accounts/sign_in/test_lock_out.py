import re
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import get_hasher
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.errors import LockedOut
from accounts.models import AuditEvent, FailedLogin, User
from accounts.roles import Role
from accounts.sign_in import lock_out, password_backend
from accounts.sign_in.networks import Networks, networks_of
from config import settings as config_settings
from tests.builders import make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[3]
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
    assert not FailedLogin.objects.exclude(account="").exists()


def test_unknown_inactive_and_linkedin_only_people_get_the_same_answers(client: Client, dora: User) -> None:
    make_user(email="gone@example.com", password=PASSWORD, is_active=False)
    make_user(email="linkedin@example.com")
    answers = set()
    for email in ("dora@example.com", "nobody@example.com", "gone@example.com", "linkedin@example.com"):
        tries = [try_in(Client(), email) for _ in range(6)]
        pages = [answer.content.decode().replace(email, "") for answer in tries]
        sentences = tuple("Address and password do not match" in page for page in pages)
        answers.add((tuple(answer.status_code for answer in tries), sentences))
    assert answers == {((200, 200, 200, 200, 429, 429), (True, True, True, True, False, False))}
    assert "do not match" in try_in(Client(), "gone@example.com", PASSWORD, ip="10.0.0.9").content.decode()


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
    row = FailedLogin.objects.get(account="dora@example.com", network="10.0.0.1")
    page = as_alice.get(listing).content.decode()
    assert "dora@example.com" in page
    assert as_alice.get(f"{listing}{row.pk}/change/").status_code == 200
    as_alice.post(listing, {"action": "unlock", "_selected_action": [row.pk]})
    assert try_in(client, password=PASSWORD).status_code == 302


def test_only_owners_see_failed_logins(client: Client, dora: User) -> None:
    lock(client)
    browser = signed_in(make_user(role=Role.MANAGER))
    row = FailedLogin.objects.get(account="dora@example.com", network="10.0.0.1")
    assert browser.get("/admin/accounts/failedlogin/").status_code == 403
    assert (
        browser.post("/admin/accounts/failedlogin/", {"action": "unlock", "_selected_action": [row.pk]}).status_code
        == 403
    )
    assert try_in(client, password=PASSWORD).status_code == 429


def test_no_password_is_kept(client: Client, dora: User) -> None:
    try_in(client, password="a secret mistyped")
    assert "a secret mistyped" not in str(list(FailedLogin.objects.values()))


# --- Networks, many guessers, many accounts ---


def guess(account: str, address: str | None, door: lock_out.Door = lock_out.Door.PASSWORD) -> bool:
    """A wrong one; returns whether anything was checked."""
    was_checked = False
    with suppress(LockedOut), lock_out.attempt(door, account=account, address=address):
        was_checked = True
    return was_checked


def guesses(account: str, address: str | None, *, wanted: int) -> int:
    return sum(guess(account, address) for _ in range(wanted))


@pytest.mark.parametrize(
    ("address", "own", "wide"),
    [
        ("203.0.113.9", "203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", None),
        ("fe80::1%eth0", "fe80::/64", None),
    ],
)
def test_the_networks_of_an_address(address: str, own: str, wide: str | None) -> None:
    assert networks_of(address) == Networks(own=own, wide=wide)


@pytest.mark.parametrize("address", [None, "", "unix:", "localhost", "1.2.3"])
def test_what_is_no_address_has_no_network(address: str | None) -> None:
    assert networks_of(address) is None
    assert guesses("dora@example.com", address, wanted=60) == 50


def test_addresses_of_one_ipv6_network_are_one_guesser() -> None:
    tries = [guess("dora@example.com", f"2001:db8:1:2::{number:x}") for number in range(10)]
    assert tries == [True] * 5 + [False] * 5
    assert guess("dora@example.com", "2001:db8:1:3::1")


def test_one_network_cannot_try_a_password_on_everybody() -> None:
    assert sum(guess(f"person{number}@example.com", "203.0.113.9") for number in range(100)) == 30
    assert guess("person@example.com", "203.0.113.10")


def test_a_wide_network_is_slowed_down_softly() -> None:
    tries = sum(guess(f"person{number}@example.com", f"203.0.113.{number % 200}") for number in range(300))
    assert tries == 150
    assert FailedLogin.objects.get(network="203.0.113.0/24").failures == 150
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        assert guess("another@example.com", "203.0.113.250")


def test_an_account_is_locked_for_guessers_from_everywhere() -> None:
    assert sum(guess("dora@example.com", f"10.{number}.0.1") for number in range(100)) == 50
    assert guess("eve@example.com", "10.1.0.1")


@pytest.mark.slow
def test_fewer_than_a_hundred_guesses_an_hour_from_everywhere() -> None:
    """ASVS 2.2.1, whatever the network and however patient."""
    start, checked = timezone.now(), 0
    for minute in range(60):
        with time_machine.travel(start + timedelta(minutes=minute), tick=False):
            checked += sum(guess("dora@example.com", f"10.{minute}.{number}.1") for number in range(60))
    assert checked < 100


def test_each_failure_after_a_lock_locks_for_twice_as_long() -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        guesses("dora@example.com", "10.0.0.1", wanted=5)
    waits = []
    for _ in range(7):
        row = FailedLogin.objects.get(account="dora@example.com", network="10.0.0.1")
        with (
            pytest.raises(LockedOut) as refused,
            time_machine.travel(row.last_failed_at, tick=False),
            lock_out.attempt(lock_out.Door.PASSWORD, account="dora@example.com", address="10.0.0.1"),
        ):
            pytest.fail("locked")
        waits.append(int((refused.value.until - row.last_failed_at).total_seconds() // 60))
        with time_machine.travel(refused.value.until, tick=False):
            assert guess("dora@example.com", "10.0.0.1")
    assert waits == [15, 30, 60, 120, 240, 480, 720]


def test_a_quiet_day_begins_again() -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        guesses("dora@example.com", "10.0.0.1", wanted=5)
    with time_machine.travel(now + timedelta(days=1, seconds=1), tick=False):
        assert guesses("dora@example.com", "10.0.0.1", wanted=9) == 5
        assert lock_out.prune(now=timezone.now()) == 0
    assert lock_out.prune(now=now + timedelta(days=3)) == 4
    assert not FailedLogin.objects.exists()


def test_an_account_of_ones_own_does_not_clear_the_network() -> None:
    guesses("dora@example.com", "10.0.0.1", wanted=4)
    with lock_out.attempt(lock_out.Door.PASSWORD, account="guesser@example.com", address="10.0.0.1") as own:
        own.passed = True
    assert FailedLogin.objects.get(network="10.0.0.1", account="").failures == 4
    assert FailedLogin.objects.get(account="dora@example.com", network="").failures == 4
    assert not FailedLogin.objects.filter(account="guesser@example.com").exists()


def test_right_passwords_renew_no_failures_of_their_network() -> None:
    """An office behind one address, some of whom mistype now and then."""
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        for number in range(30):
            guess(f"person{number}@example.com", "203.0.113.9")
    with time_machine.travel(now + timedelta(hours=13), tick=False):
        for _ in range(3):
            with lock_out.attempt(lock_out.Door.PASSWORD, account="dora@example.com", address="203.0.113.9") as one:
                one.passed = True
    rows = FailedLogin.objects.filter(account="")
    assert {(row.failures, row.last_failed_at) for row in rows} == {(30, now)}
    lock_out.prune(now=now + timedelta(days=1, seconds=1))
    assert not FailedLogin.objects.exists()


def test_who_is_locked_out_takes_no_place_of_others(
    client: Client, dora: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(client)
    monkeypatch.setattr(password_backend, "turn", lambda: pytest.fail("waited for a turn"))
    assert try_in(client).status_code == 429


def test_doors_are_counted_separately() -> None:
    guesses("dora@example.com", "10.0.0.1", wanted=5)
    assert guess("dora@example.com", "10.0.0.1", lock_out.Door.SECOND_STEP)


def test_a_locked_network_fills_no_table() -> None:
    for number in range(30):
        guess(f"person{number}@example.com", "203.0.113.9")
    rows = FailedLogin.objects.count()
    for number in range(20):
        assert not guess(f"other{number}@example.com", "203.0.113.9")
    assert FailedLogin.objects.count() == rows


@pytest.mark.django_db(transaction=True)
def test_guesses_at_once_are_no_more_than_guesses_in_a_row() -> None:
    checked: list[bool] = []
    start = threading.Barrier(20)

    def one() -> None:
        start.wait(timeout=10)
        try:
            checked.append(guess("dora@example.com", "10.0.0.1"))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(checked) == [False] * 15 + [True] * 5


def test_a_lock_out_says_when_to_try_again(client: Client, dora: User) -> None:
    response = lock(client)
    assert 890 < int(response["Retry-After"]) <= 900
    assert AuditEvent.objects.filter(kind="locked_out").count() == 1


def test_the_own_password_is_guessed_no_more_often_than_at_the_sign_in(client: Client, dora: User) -> None:
    try_in(client, password=PASSWORD)
    form = {"old_password": "wrong", "new_password1": "an even longer staple", "new_password2": "an even longer staple"}
    answers = [client.post("/people/me/password/", form, REMOTE_ADDR="10.0.0.1").status_code for _ in range(7)]
    assert answers == [200] * 5 + [429] * 2
    right = form | {"old_password": PASSWORD}
    assert client.post("/people/me/password/", right, REMOTE_ADDR="10.0.0.1").status_code == 429
    # One secret, one count.
    assert try_in(Client(), password=PASSWORD).status_code == 429


def test_every_door_that_checks_a_password_counts() -> None:
    """Whatever calls `check_password` or `authenticate` does so within an attempt, or never sees a stranger's guess."""
    found = {
        str(path.relative_to(ROOT))
        for room in ("accounts", "ingestion", "reporting", "config")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"\b(?:check_password|acheck_password|authenticate|aauthenticate)\(", path.read_text())
    }
    elsewhere = {
        "accounts/api/browser_session.py",
        "accounts/sign_in/single_sign_on.py",
        "accounts/sign_in/sign_in_links.py",
    }
    assert found - elsewhere == {"accounts/sign_in/password_backend.py", "accounts/api/authentication.py"}
    assert "django.contrib.auth.backends.ModelBackend" not in config_settings.AUTHENTICATION_BACKENDS


def test_five_wrong_codes_lock_from_wherever_they_came_and_no_new_password_unlocks(dora: User) -> None:
    def wrong_code(network: str) -> None:
        with lock_out.attempt(lock_out.Door.SECOND_STEP, account=dora.email, address=network):
            pass

    for number in range(4):
        wrong_code(f"10.{number}.0.1")
    with pytest.raises(LockedOut):
        wrong_code("10.4.0.1")
    lock_out.unlock(dora.email)
    with pytest.raises(LockedOut):
        wrong_code("10.9.0.1")
    lock_out.forget_wrong_codes(dora.email)
    wrong_code("10.9.0.1")
