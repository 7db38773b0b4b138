"""A dozen sign-ins at once leave processors and threads for pages."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, identify_hasher, make_password
from django.db import connection
from django.test import Client, override_settings

from accounts.errors import TooBusy
from accounts.models import FailedLogin
from accounts.sign_in import password_hashing
from accounts.sign_in.password_hashing import AT_ONCE, WAITING, BoundedHasher
from config import settings as config_settings
from tests.builders import make_user

HASHER = "accounts.sign_in.password_hashing.BoundedHasher"


class _Slow:
    """Stands for the hash itself; counts how many run at once."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self._lock = threading.Lock()
        self.is_over = threading.Event()

    def __call__(self, *_: Any, **__: Any) -> str:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.is_over.wait(10)
        with self._lock:
            self.inside -= 1
        return "pbkdf2_sha256$1$salt$hash"


def at_once(work: Any, count: int) -> list[Any]:
    outcomes: list[Any] = []

    def one() -> None:
        try:
            outcomes.append(work())
        except TooBusy as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return outcomes


def test_few_hash_at_once_few_wait_and_the_others_are_sent_away_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = _Slow()
    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", slow)
    threading.Timer(0.3, slow.is_over.set).start()
    outcomes = at_once(lambda: BoundedHasher().encode("x", "salt"), 12)
    assert slow.most == AT_ONCE
    assert sum(isinstance(one, TooBusy) for one in outcomes) == 12 - AT_ONCE - WAITING


def test_nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = _Slow()
    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", slow)
    monkeypatch.setattr(password_hashing, "_turns", password_hashing._Turns(at_once=1, waiting=5, seconds=0.1))
    threading.Timer(0.5, slow.is_over.set).start()
    outcomes = at_once(lambda: BoundedHasher().encode("x", "salt"), 3)
    assert sum(isinstance(one, TooBusy) for one in outcomes) == 2


def test_a_place_is_free_again_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> str:
        raise MemoryError

    for _ in range(AT_ONCE + WAITING + 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PBKDF2PasswordHasher, "encode", fails)
            with pytest.raises(MemoryError):
                BoundedHasher().encode("x", "salt")
    assert BoundedHasher().encode("x", "salt", 1).startswith("pbkdf2_sha256$1$")


def test_the_hasher_of_the_settings_is_the_bounded_one_alone() -> None:
    """Any other would take a processor for each request."""
    assert config_settings.PASSWORD_HASHERS == [HASHER]


def test_passwords_of_earlier_versions_are_still_right() -> None:
    hashed = PBKDF2PasswordHasher().encode("correct horse battery staple", "salt", 1000)
    with override_settings(PASSWORD_HASHERS=[HASHER]):
        assert isinstance(identify_hasher(hashed), BoundedHasher)
        assert check_password("correct horse battery staple", hashed)
        assert not check_password("another", hashed)


@contextmanager
def somebody_else_hashes() -> Iterator[None]:
    has_turn, is_over = threading.Event(), threading.Event()

    def hash_for_long() -> None:
        with password_hashing.turn():
            has_turn.set()
            is_over.wait(10)

    thread = threading.Thread(target=hash_for_long)
    thread.start()
    has_turn.wait(10)
    yield
    is_over.set()
    thread.join(10)


def test_a_thread_takes_one_turn_however_often_it_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_hashing, "_turns", password_hashing._Turns(at_once=1, waiting=0, seconds=0.01))
    with password_hashing.turn():
        assert BoundedHasher().encode("x", "salt", 1) == BoundedHasher().encode("x", "salt", 1)
    with somebody_else_hashes(), pytest.raises(TooBusy):
        BoundedHasher().encode("x", "salt", 1)


@pytest.mark.django_db(transaction=True)
def test_people_who_sign_in_at_once_do_not_lock_each_other_out() -> None:
    """Attempts that wait for their turn are not counted yet, even for one account."""
    make_user(email="dora@example.com", password="correct horse battery staple")

    def sign_in() -> int:
        given = {"username": "dora@example.com", "password": "correct horse battery staple"}
        return Client().post("/admin/login/", given).status_code

    outcomes = at_once(sign_in, 8)
    assert set(outcomes) <= {302, 503}
    assert 302 in outcomes
    assert not FailedLogin.objects.filter(failures__gt=0).exists()


@pytest.mark.django_db
def test_whoever_signs_in_meanwhile_is_told_to_try_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with override_settings(PASSWORD_HASHERS=[HASHER]):
        make_user(email="dora@example.com")
        monkeypatch.setattr(password_hashing, "_turns", password_hashing._Turns(at_once=1, waiting=0, seconds=0.01))
        with somebody_else_hashes():
            for email in ("dora@example.com", "nobody@example.com"):
                response = client.post("/admin/login/", {"username": email, "password": "x"})
                assert (response.status_code, response["Retry-After"]) == (503, "5")
                assert "try again in a few seconds" in response.content.decode()
                assert client.get("/people/password-reset/").status_code == 200
        # What was not checked was not a guess.
        assert not FailedLogin.objects.exists()


@pytest.mark.slow
def test_twelve_hashes_leave_the_interpreter_to_others() -> None:
    """Real hashes: other threads of this process go on meanwhile."""
    with override_settings(PASSWORD_HASHERS=[HASHER]):
        longest = 0.0
        done = threading.Event()

        def pages() -> None:
            nonlocal longest
            while not done.is_set():
                began = time.monotonic()
                time.sleep(0.01)
                longest = max(longest, time.monotonic() - began)

        thread = threading.Thread(target=pages)
        thread.start()
        outcomes = at_once(lambda: make_password("x"), 12)
        done.set()
        thread.join()
    assert sum(isinstance(one, TooBusy) for one in outcomes) == 12 - AT_ONCE - WAITING
    assert longest < 0.5
