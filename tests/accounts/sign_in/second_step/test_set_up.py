"""Setting up a second step, recovery codes, and the list of a person's devices."""

import re
from io import StringIO
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent, AuthenticatorApp, RecoveryCode, User
from accounts.roles import Role
from accounts.sign_in.second_step import devices, one_time_codes
from tests.accounts.sign_in.second_step.people import code_of, give_app, passed
from tests.builders import NOW, make_user
from tests.conftest import signed_in
from tests.texts import every_text_in_the_database

pytestmark = pytest.mark.django_db

STEPS = "/people/me/second-step/"


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.headers
    return response.content.decode()


def add_app(browser: Client, person: User, name: str = "My phone") -> AuthenticatorApp:
    response = browser.post(f"{STEPS}app/add/", {"name": name})
    assert response["Location"] == f"{STEPS}app/"
    return person.authenticator_apps.get(confirmed_at=None)


def test_an_app_is_set_up_with_a_first_code_and_recovery_codes_follow(as_bob: Client, bob: User) -> None:
    assert "None yet." in text_of(as_bob.get(STEPS))
    app = add_app(as_bob, bob)
    page = text_of(as_bob.get(f"{STEPS}app/"))
    assert "<svg" in page
    assert " ".join(re.findall("....", str(app.secret))) in page
    assert "not valid" in text_of(as_bob.post(f"{STEPS}app/", {"code": "000000"}))
    response = as_bob.post(f"{STEPS}app/", {"code": code_of(app)})
    assert response["Location"] == f"{STEPS}codes/"
    bob.refresh_from_db()
    assert bob.second_step_since is not None
    page = text_of(as_bob.post(f"{STEPS}codes/"))
    codes = re.findall(r"<li>((?:[a-z2-9]{4}-){3}[a-z2-9]{4})</li>", page)
    assert len(codes) == 10
    file = re.search(r'href="data:text/plain;charset=utf-8,([^"]*)" download="recovery-codes.txt"', page)
    assert file
    assert unquote(file[1]).splitlines()[1:] == codes
    page = text_of(as_bob.get(STEPS))
    assert "My phone" in page
    assert not [code for code in codes if code in page or code in text_of(as_bob.get(f"{STEPS}codes/"))]
    kinds = AuditEvent.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["second_step_added", "recovery_codes_created"]


def test_the_secret_is_shown_only_until_the_app_is_confirmed(as_bob: Client, bob: User) -> None:
    app = add_app(as_bob, bob)
    as_bob.post(f"{STEPS}app/", {"code": code_of(app)})
    assert as_bob.get(f"{STEPS}app/")["Location"] == STEPS
    assert app.secret not in text_of(as_bob.get(STEPS)).replace(" ", "")


def test_the_secret_lies_encrypted(as_bob: Client, bob: User) -> None:
    app = add_app(as_bob, bob)
    as_bob.get(f"{STEPS}app/")
    as_bob.post(f"{STEPS}app/", {"code": code_of(app)})
    texts = every_text_in_the_database()
    assert [column for column, text in texts.items() if app.secret in text] == []
    assert texts["authenticator_apps.secret"].startswith("gAAAA")


def test_a_new_attempt_replaces_the_pending_one(as_bob: Client, bob: User) -> None:
    first = add_app(as_bob, bob)
    second = add_app(as_bob, bob)
    assert first.secret != second.secret
    assert "not valid" in text_of(as_bob.post(f"{STEPS}app/", {"code": code_of(first)}))
    assert as_bob.post(f"{STEPS}app/", {"code": code_of(second)}).status_code == 302


def test_the_address_in_the_qr_code_is_what_apps_read() -> None:
    address = one_time_codes.address_of("JBSWY3DPEHPK3PXP", email="ada+ads@example.com")
    assert address == (
        "otpauth://totp/LinkedIn%20Ads%20Action%20Center:ada%2Bads%40example.com?secret=JBSWY3DPEHPK3PXP"
        "&issuer=LinkedIn%20Ads%20Action%20Center&algorithm=SHA1&digits=6&period=30"
    )


def test_the_qr_code_has_no_style_of_its_own() -> None:
    """Inline styles are allowed today; nothing here needs them."""
    svg = one_time_codes.qr_code("text")
    assert svg.startswith("<svg")
    assert "style=" not in svg
    assert "<script" not in svg


# --- Where a role needs one ---


def test_whoever_needs_one_is_led_to_setting_it_up_and_gets_in_with_it(settings: Any) -> None:
    settings.SECOND_STEP_ROLES = ["owner"]
    owner = make_user(role=Role.OWNER)
    browser = signed_in(owner)
    response = browser.get("/admin/", follow=True)
    assert response.redirect_chain[-1][0] == STEPS
    page = text_of(response)
    assert "Your role needs a second step" in page
    assert "nav-sidebar" not in page
    app = add_app(browser, owner)
    assert "nav-sidebar" not in text_of(browser.get(f"{STEPS}app/"))
    browser.post(f"{STEPS}app/", {"code": code_of(app)})
    assert browser.get("/admin/").status_code == 200


def test_a_password_alone_adds_no_device_to_those_of_somebody_who_has_one(bob: User) -> None:
    give_app(bob)
    browser = signed_in(bob)
    for path in ("app/add/", "app/", "codes/", "remove/", "passkey/begin/", "passkey/complete/"):
        assert browser.post(f"{STEPS}{path}", {"name": "Mine"})["Location"] == "/people/second-step/", path
        assert browser.get(f"{STEPS}{path}").status_code == 302, path
    assert bob.authenticator_apps.count() == 1


def test_the_last_device_of_whoever_needs_one_stays(settings: Any, alice: User) -> None:
    settings.SECOND_STEP_ROLES = ["owner"]
    app = give_app(alice)
    other = give_app(alice, name="Tablet")
    browser, elsewhere = passed(alice), passed(alice)
    browser.post(f"{STEPS}remove/", {"device": f"app-{other.pk}"})
    response = browser.post(f"{STEPS}remove/", {"device": f"app-{app.pk}"}, follow=True)
    assert "add another device before you remove this one" in text_of(response)
    alice.refresh_from_db()
    assert (alice.authenticator_apps.get(), alice.second_step_since is not None) == (app, True)
    assert elsewhere.get("/people/me/").status_code == 302


# --- Removing ---


def test_the_last_device_takes_the_recovery_codes_with_it(bob: User) -> None:
    app = give_app(bob)
    devices.replace_codes(bob, now=NOW)
    browser, elsewhere = passed(bob), passed(bob)
    page = text_of(browser.post(f"{STEPS}remove/", {"device": f"app-{app.pk}"}, follow=True))
    assert "signed out everywhere else" in page
    bob.refresh_from_db()
    assert bob.second_step_since is None
    assert not RecoveryCode.objects.exists()
    assert AuditEvent.objects.get(kind="second_step_removed").detail == {"device": "Phone"}
    assert (browser.get("/people/me/").status_code, elsewhere.get("/people/me/").status_code) == (200, 302)


@pytest.mark.parametrize("device", ["", "app-0", "app-x", "passkey-1", "app", "-", "app-9999999999999999999999"])
def test_a_device_that_is_not_there_is_not_removed(bob: User, device: str) -> None:
    app = give_app(bob)
    assert passed(bob).post(f"{STEPS}remove/", {"device": device}).status_code == 302
    assert bob.authenticator_apps.get() == app


def test_the_device_of_somebody_else_is_not_removed(bob: User, alice: User) -> None:
    give_app(bob)
    app = give_app(alice)
    passed(bob).post(f"{STEPS}remove/", {"device": f"app-{app.pk}"})
    assert alice.authenticator_apps.exists()


def test_there_is_a_limit(bob: User) -> None:
    for number in range(devices.MAX_DEVICES):
        give_app(bob, name=f"App {number}")
    response = passed(bob).post(f"{STEPS}app/add/", {"name": "One more"}, follow=True)
    assert "which is the limit" in text_of(response)


def test_a_long_list_of_devices_asks_no_more_of_the_database(
    bob: User, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    give_app(bob)
    browser = passed(bob)
    browser.get(STEPS)
    with django_assert_max_num_queries(20) as few:
        browser.get(STEPS)
    for _ in range(5):
        give_app(bob)
    with django_assert_num_queries(len(few)):
        browser.get(STEPS)


# --- Commands ---


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_command_resets_everything_ends_sessions_and_is_on_record(bob: User) -> None:
    give_app(bob)
    devices.replace_codes(bob, now=NOW)
    browser = passed(bob)
    assert run("reset_second_step", bob.email).startswith("1 device of bob@example.com removed")
    bob.refresh_from_db()
    assert bob.second_step_since is None
    assert not AuthenticatorApp.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert browser.get("/people/me/")["Location"].startswith("/admin/login/")
    assert signed_in(bob).get("/people/me/").status_code == 200
    event = AuditEvent.objects.get(kind="second_step_reset")
    assert (event.actor_email, event.detail) == (None, {"user_email": bob.email, "devices": 1, "by": "command"})


@pytest.mark.django_db
def test_the_command_knows_nobody_else() -> None:
    with pytest.raises(CommandError, match="Nobody here"):
        run("reset_second_step", "nobody@example.com")


def test_a_new_key_encrypts_the_secrets_of_apps_too(bob: User, settings: Any) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    settings.FIELD_ENCRYPTION_KEYS = [old]
    app = give_app(bob)
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    assert "1 authenticator app is encrypted" in run("reencrypt_tokens")
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert AuthenticatorApp.objects.get().secret == app.secret
    settings.FIELD_ENCRYPTION_KEYS = [old]
    with pytest.raises(CommandError, match="1 authenticator app"):
        run("reencrypt_tokens")


def test_your_account_shows_it_and_owners_see_who_has_one(as_alice: Client, bob: User) -> None:
    give_app(bob)
    assert "(<a" in text_of(passed(bob).get(reverse("people:me")))
    assert "second step since" in text_of(as_alice.get("/admin/accounts/user/")).lower()
