"""Sign-ins, failed sign-ins and sign-outs with the real login form."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.errors import LockedOut
from accounts.models import AuditEvent, FailedLogin, User
from accounts.sign_in import lock_out, receivers
from tests.builders import NOW, make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


def events() -> list[tuple[str, str | None, Any]]:
    return [(event.kind, event.actor_email, event.detail) for event in AuditEvent.objects.order_by("pk")]


def sign_in(client: Client, email: str, password: str) -> None:
    form = {"username": email, "password": password}
    client.post(reverse("admin:login"), form, headers={"X-Forwarded-For": "203.0.113.9"})


def test_signing_in_and_out_is_recorded(client: Client) -> None:
    make_user(email="dora@example.com", password=PASSWORD)
    sign_in(client, "dora@example.com", PASSWORD)
    client.post(reverse("admin:logout"))
    assert events() == [
        ("login", "dora@example.com", {"ip": "127.0.0.1", "device": "Unknown device"}),
        ("logout", "dora@example.com", {"ip": "127.0.0.1"}),
    ]


def test_failed_sign_ins_are_recorded_without_the_password(client: Client, bob: User) -> None:
    sign_in(client, "bob@example.com", "hunter2-hunter2")
    sign_in(client, "nobody@example.com", "hunter2-hunter2")
    assert events() == [
        ("login_failed", None, {"user_email": "bob@example.com", "ip": "127.0.0.1"}),
        ("login_failed", None, {"user_email": "nobody@example.com", "ip": "127.0.0.1"}),
    ]
    assert "hunter2" not in str(events())


def test_what_no_form_would_let_through_is_stored_too() -> None:
    receivers.record_failed_login(credentials={"email": "a\0b" + "c" * 500, "password": "x"})
    ((kind, _, detail),) = events()
    assert (kind, detail["ip"], len(detail["user_email"])) == ("login_failed", None, 254)


def test_who_was_never_signed_in_does_not_sign_out(client: Client) -> None:
    client.logout()
    client.post(reverse("admin:logout"))
    assert events() == []


def test_a_lock_out_is_recorded_once_an_hour() -> None:
    """Of every further attempt."""
    for minutes, email, ip, recorded in (
        (0, "bob@example.com", "203.0.113.9", 1),
        (59, "bob@example.com", "203.0.113.9", 1),
        (59, "bob@example.com", "203.0.113.10", 2),
        (59, "alice@example.com", "203.0.113.9", 3),
        (61, "bob@example.com", "203.0.113.9", 4),
    ):
        with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
            FailedLogin.objects.update_or_create(
                door="password", account=email, network=ip, defaults={"failures": 9, "last_failed_at": timezone.now()}
            )
            with pytest.raises(LockedOut), lock_out.attempt(lock_out.Door.PASSWORD, account=email, address=ip):
                pytest.fail("nothing is checked while locked out")
        assert AuditEvent.objects.filter(kind="locked_out").count() == recorded
    assert events()[0] == ("locked_out", None, {"user_email": "bob@example.com", "ip": "203.0.113.9"})


def test_a_try_while_locked_out_is_no_failed_login_as_well() -> None:
    FailedLogin.objects.create(
        door="password", account="bob@example.com", network="127.0.0.1", failures=9, last_failed_at=timezone.now()
    )
    with pytest.raises(LockedOut):
        authenticate(RequestFactory().post("/"), username="bob@example.com", password="x")
    assert [kind for kind, _, _ in events()] == ["locked_out"]
