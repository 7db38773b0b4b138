"""`manage.py sign_in_link`: an owner's way back."""

from datetime import timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.roles import Role
from tests.accounts.sign_in.second_step.people import give_app
from tests.builders import make_user

pytestmark = pytest.mark.django_db


def link_for(email: str) -> str:
    out = StringIO()
    call_command("sign_in_link", email, stdout=out, stderr=StringIO())
    return urlsplit(out.getvalue().strip()).path


def is_in(browser: Client) -> bool:
    return browser.get("/people/me/").status_code == 200


def test_the_button_signs_an_owner_in_once(client: Client, alice: User) -> None:
    link = link_for(alice.email)
    page = client.get(link)
    assert page.status_code == 200
    assert alice.email in page.content.decode()
    assert not is_in(client)
    assert client.post(link)["Location"] == "/admin/"
    assert is_in(client)
    for method in ("get", "post"):
        assert getattr(Client(), method)(link).status_code == 410
    events = AuditEvent.objects.order_by("pk")
    assert [event.kind for event in events] == ["sign_in_link_created", "login"]
    assert events[0].detail == {"user_email": alice.email, "by": "command"}


def test_it_works_where_single_sign_on_is_the_only_way(client: Client, alice: User, settings: Any) -> None:
    settings.SIGN_IN_WITH = "sso"
    settings.AUTHENTICATION_BACKENDS = [
        "accounts.sign_in.sign_in_links.SignInLinkBackend",
        "accounts.sign_in.single_sign_on.SingleSignOn",
    ]
    client.post(link_for(alice.email))
    assert is_in(client)


def test_the_second_step_is_still_due(client: Client, alice: User) -> None:
    give_app(alice)
    client.post(link_for(alice.email))
    assert not is_in(client)
    assert client.get("/admin/")["Location"].startswith("/people/second-step/")


def test_it_ends_after_ten_minutes_and_with_any_login(client: Client, alice: User) -> None:
    link = link_for(alice.email)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        assert client.post(link).status_code == 410
    Client().force_login(alice)
    assert client.post(link).status_code == 410


@pytest.mark.parametrize("changes", [{"is_active": False}, {"role": Role.MANAGER}])
def test_it_is_for_active_owners_alone(client: Client, alice: User, changes: dict[str, Any]) -> None:
    link = link_for(alice.email)
    User.objects.filter(pk=alice.pk).update(**changes)
    assert client.post(link).status_code == 410
    with pytest.raises(CommandError, match="not an active owner"):
        link_for(alice.email)


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: f"{t}x", lambda t: f"x{t}", lambda _: "x", lambda _: "a:b:c"]
)
def test_a_changed_link_signs_nobody_in(client: Client, alice: User, change: Any) -> None:
    token = link_for(alice.email).rstrip("/").rpartition("/")[2]
    assert client.post(f"/people/sign-in-link/{change(token)}/").status_code == 410


def test_the_command_knows_nobody_else() -> None:
    make_user()
    with pytest.raises(CommandError, match="Nobody here"):
        link_for("nobody@example.com")


def test_the_button_needs_its_csrf_token(alice: User) -> None:
    assert Client(enforce_csrf_checks=True).post(link_for(alice.email)).status_code == 403
