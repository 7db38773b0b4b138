from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from qsessions.models import Session

from accounts import tasks
from accounts.models import AuditEvent, User
from accounts.people import sessions
from accounts.roles import Role
from tests.builders import make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

ME = "/people/me/"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
    "Mobile/15E148 Safari/604.1"
)
OLD, NEW = "correct horse battery staple", "an even longer staple of horses"


@pytest.fixture
def bobs_phone(bob: User) -> Client:
    phone = signed_in(bob)
    phone.get(ME, headers={"User-Agent": PHONE}, REMOTE_ADDR="10.0.0.7")
    return phone


def is_in(browser: Client) -> bool:
    return bool(browser.get(ME).status_code == 200)


def browsers(browser: Client) -> list[Any]:
    browser.get(ME, headers={"User-Agent": CHROME})
    found: list[Any] = browser.get(ME, headers={"User-Agent": CHROME}).context["browsers"]
    return found


def test_your_account_shows_who_you_are_and_what_you_may_do(as_bob: Client, bob: User) -> None:
    bob.set_password(OLD)
    bob.save()
    page = signed_in(bob).get(ME).content.decode()
    assert "bob@example.com" in page
    assert "<dd>Viewer</dd>" in page
    assert "See the ad accounts granted to them" in page
    assert "Start a sync" not in page
    assert "Password" in page


def test_your_account_is_in_the_menu(as_bob: Client) -> None:
    assert f'href="{ME}"' in as_bob.get("/admin/").content.decode()


def test_strangers_sign_in_first(client: Client) -> None:
    for path in (ME, "/people/me/password/"):
        assert client.get(path)["Location"] == f"/admin/login/?next={path}"
    assert client.post("/people/me/sessions/").status_code == 302


def test_every_session_is_listed_with_device_and_place(as_bob: Client, bobs_phone: Client, as_alice: Client) -> None:
    is_in(as_alice)
    this, phone = browsers(as_bob)
    assert (this.device, this.is_this_one) == ("Chrome on Linux", True)
    assert (phone.device, phone.ip, phone.is_this_one) == ("Mobile Safari on iOS", "10.0.0.7", False)
    page = as_bob.get(ME).content.decode()
    assert page.count("(this device)") == 1
    for session in Session.objects.all():
        assert session.session_key not in page


def test_last_use_is_kept_to_a_few_minutes(as_bob: Client) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        browsers(as_bob)
    with time_machine.travel(start + timedelta(minutes=4), tick=False):
        assert browsers(as_bob)[0].used_at == start
    with time_machine.travel(start + timedelta(minutes=6), tick=False):
        browsers(as_bob)
        assert browsers(as_bob)[0].used_at == start + timedelta(minutes=6)


def test_one_session_is_ended(as_bob: Client, bobs_phone: Client, bob: User) -> None:
    phone = browsers(as_bob)[1]
    as_bob.post("/people/me/sessions/", {"session": phone.id})
    assert not is_in(bobs_phone)
    assert is_in(as_bob)
    event = AuditEvent.objects.get(kind="session_ended")
    assert (event.actor_email, event.detail) == (bob.email, {"user_email": bob.email, "sessions": 1})


def test_everywhere_else_is_signed_out(as_bob: Client, bobs_phone: Client, as_alice: Client) -> None:
    response = as_bob.post("/people/me/sessions/", follow=True)
    assert "1 session ended." in response.content.decode()
    assert "You are not signed in anywhere else." in response.content.decode()
    assert (is_in(as_bob), is_in(bobs_phone), is_in(as_alice)) == (True, False, True)


def test_nobody_ends_the_session_of_somebody_else(as_bob: Client, as_charlie: Client, charlie: User) -> None:
    is_in(as_charlie)
    (session,) = sessions.signed_in_browsers(charlie, this_key=None, now=timezone.now())
    response = as_bob.post("/people/me/sessions/", {"session": session.id}, follow=True)
    assert "already ended" in response.content.decode()
    assert is_in(as_charlie)


def test_an_owner_ends_all_sessions_of_a_person(
    as_alice: Client, as_bob: Client, bobs_phone: Client, bob: User
) -> None:
    as_alice.post("/admin/accounts/user/", {"action": "end_sessions", "_selected_action": [bob.pk]})
    assert (is_in(as_alice), is_in(as_bob), is_in(bobs_phone)) == (True, False, False)
    event = AuditEvent.objects.get(kind="session_ended")
    assert (event.actor_email, event.detail) == ("alice@example.com", {"user_email": bob.email, "sessions": 2})


def test_a_manager_ends_nobodys_sessions(as_bob: Client, bob: User) -> None:
    browser = signed_in(make_user(role=Role.MANAGER))
    browser.post("/admin/accounts/user/", {"action": "end_sessions", "_selected_action": [bob.pk]})
    assert is_in(as_bob)


def test_changing_the_own_password_ends_every_other_session(bob: User) -> None:
    bob.set_password(OLD)
    bob.save()
    here, there = signed_in(bob), signed_in(bob)
    form = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
    assert "incorrectly" in here.post("/people/me/password/", form | {"old_password": "no"}).content.decode()
    response = here.post("/people/me/password/", form)
    assert response["Location"] == ME
    assert (is_in(here), is_in(there)) == (True, False)
    assert len(browsers(here)) == 1
    assert AuditEvent.objects.get(kind="password_changed").actor_email == bob.email


def test_the_admins_own_page_for_passwords_leads_here(as_bob: Client) -> None:
    assert as_bob.get("/admin/password_change/")["Location"] == "/people/me/password/"
    page = as_bob.get("/people/me/password/").content.decode()
    assert "You sign in with LinkedIn and have no password" in page


def test_a_new_role_ends_no_session(as_alice: Client, as_bob: Client, bob: User) -> None:
    form = {"email": bob.email, "role": "analyst", "is_active": "on"}
    assert as_alice.post(f"/admin/accounts/user/{bob.pk}/change/", form).status_code == 302
    assert is_in(as_bob)
    assert "<dd>Analyst</dd>" in as_bob.get(ME).content.decode()


def test_a_deactivated_person_is_out_and_stays_out_of_old_sessions(as_alice: Client, as_bob: Client, bob: User) -> None:
    form = {"email": bob.email, "role": "viewer"}
    as_alice.post(f"/admin/accounts/user/{bob.pk}/change/", form)
    assert not is_in(as_bob)
    as_alice.post(f"/admin/accounts/user/{bob.pk}/change/", form | {"is_active": "on"})
    assert not is_in(as_bob)
    assert is_in(as_alice)


def test_expired_sessions_are_pruned_and_living_ones_stay(as_bob: Client, bobs_phone: Client) -> None:
    now = timezone.now()
    gone, kept = Session.objects.order_by("pk")
    Session.objects.filter(pk=gone.pk).update(expire_date=now - timedelta(seconds=1))
    assert tasks.prune_sessions() == {"removed": 1}
    assert list(Session.objects.values_list("pk", flat=True)) == [kept.pk]
