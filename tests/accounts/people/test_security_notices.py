"""People hear by e-mail of what was done with their account."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from accounts.api_tokens import token_store
from accounts.consents import connections
from accounts.models import User
from accounts.people.security_notices import Notice, notify, send_notice
from accounts.sign_in.second_step import devices
from tests.accounts.sign_in.second_step.people import code_of
from tests.builders import NOW, make_connection, make_grant, make_user

pytestmark = pytest.mark.django_db

PASSWORD, NEW = "correct horse battery staple", "an even longer staple of horses"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def sent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_notice, "delay", send_notice)
    monkeypatch.setattr(transaction, "on_commit", lambda call, **_: call())


@pytest.fixture
def dora(db: None) -> User:
    return make_user(email="dora@example.com", first_name="Dora", password=PASSWORD)


def sign_in(ip: str, browser: str = CHROME) -> Client:
    client = Client(headers={"User-Agent": browser}, REMOTE_ADDR=ip)
    assert client.post("/admin/login/", {"username": "dora@example.com", "password": PASSWORD}).status_code == 302
    return client


def subjects(mailbox: list[Any]) -> list[str]:
    assert all(message.to == ["dora@example.com"] for message in mailbox)
    return [message.subject.partition(":")[0] for message in mailbox]


def test_a_new_device_or_place_is_reported_once(dora: User, mailoutbox: list[Any]) -> None:
    sign_in("203.0.113.9")
    assert subjects(mailoutbox) == []
    sign_in("203.0.113.200")
    assert subjects(mailoutbox) == []
    sign_in("198.51.100.7", FIREFOX)
    sign_in("198.51.100.7", FIREFOX)
    assert subjects(mailoutbox) == ["New sign-in"]
    assert "Firefox on Windows from 198.51.100.7" in mailoutbox[0].body
    assert "people/password-reset/" in mailoutbox[0].body
    sign_in("203.0.113.9", FIREFOX)
    sign_in("2001:db8:1:2::3")
    sign_in("2001:db8:1:2::4")
    assert subjects(mailoutbox) == ["New sign-in"] * 3


def test_an_own_new_password_is_reported(dora: User, mailoutbox: list[Any]) -> None:
    browser = sign_in("203.0.113.9")
    form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert browser.post("/people/me/password/", form).status_code == 302
    assert subjects(mailoutbox) == ["Your password was changed"]


def test_a_password_that_an_owner_sets_is_reported(dora: User, as_alice: Client, mailoutbox: list[Any]) -> None:
    page = f"/admin/accounts/user/{dora.pk}/password/"
    form = {"usable_password": "true", "password1": NEW, "password2": NEW}
    assert as_alice.post(page, form).status_code == 302
    assert subjects(mailoutbox) == ["Your password was changed"]
    assert "by Alice" in mailoutbox[0].body


def test_tokens_are_reported(dora: User, alice: User, mailoutbox: list[Any]) -> None:
    token, plain = token_store.issue(user=dora, name="Sheet", scope="read", now=NOW)
    token_store.revoke(token, actor=alice)
    own, _ = token_store.issue(user=dora, name="Own", scope="read", now=NOW)
    token_store.revoke(own, actor=dora)
    assert subjects(mailoutbox) == ["New API token", "API token ended", "New API token"]
    assert "Sheet" in mailoutbox[0].body
    assert not [message for message in mailoutbox if plain in message.body]


def test_consents_are_reported(dora: User, alice: User, mailoutbox: list[Any]) -> None:
    stored = connections.store_grant(user=dora, grant=make_grant(), now=NOW, announce=False)
    connections.end(stored.pk, actor=alice, now=NOW)
    other = make_connection(user=dora)
    connections.end(other.pk, actor=dora, now=NOW)
    assert subjects(mailoutbox) == ["LinkedIn connected", "LinkedIn consent ended"]
    assert "ended by Alice" in mailoutbox[1].body


def test_second_steps_are_reported(dora: User, alice: User, mailoutbox: list[Any]) -> None:
    app = devices.begin_app(dora, name="Phone", now=NOW)
    assert devices.confirm_app(dora, code_of(app, at=NOW), now=NOW)
    code, *_ = devices.replace_codes(dora, now=NOW)
    assert devices.use_recovery_code(dora, code)
    assert not devices.use_recovery_code(dora, code)
    devices.remove(dora, f"app-{app.pk}", session_key=None)
    assert subjects(mailoutbox) == ["A second step was added", "A recovery code was used", "A second step was removed"]
    assert "Phone" in mailoutbox[0].body
    assert "9 are left" in mailoutbox[1].body
    assert code not in mailoutbox[1].body


def test_a_reset_second_step_is_reported(dora: User, mailoutbox: list[Any]) -> None:
    for name in ("Phone", "Tablet"):
        app = devices.begin_app(dora, name=name, now=NOW)
        devices.confirm_app(dora, code_of(app, at=NOW), now=NOW)
    mailoutbox.clear()
    devices.reset(dora, actor=None, by="command")
    assert subjects(mailoutbox) == ["A second step was removed"] * 2
    assert [name for message in mailoutbox for name in ("Phone", "Tablet") if name in message.body] == [
        "Phone",
        "Tablet",
    ]


def test_every_notice_has_its_words(dora: User, mailoutbox: list[Any]) -> None:
    detail = dict.fromkeys(["device", "ip", "how", "name", "left", "why", "who"], "so")
    for notice in Notice:
        notify(dora, notice, **detail)
    assert len(mailoutbox) == len(Notice)


def test_a_notice_for_somebody_who_is_gone_is_dropped(mailoutbox: list[Any]) -> None:
    send_notice(404, Notice.NEW_DEVICE.value, NOW.isoformat(), {"device": "x", "ip": "y"})
    assert mailoutbox == []
