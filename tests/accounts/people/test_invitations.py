import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.errors import NotInvited
from accounts.models import AdAccount, AdAccountAccess, AuditEvent, Invitation, User
from accounts.people import invitations
from accounts.roles import Role
from tests.builders import make_ad_account, make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

NOW = timezone.now()
PASSWORD = "correct horse battery staple"
JOIN = {"first_name": "Dora", "last_name": "Day", "password1": PASSWORD, "password2": PASSWORD}


def invite(alice: User, **changes: Any) -> tuple[Invitation, str]:
    values: dict[str, Any] = {"email": "dora@example.com", "role": Role.VIEWER, "actor": alice, "now": timezone.now()}
    return invitations.invite(**values | changes)


def page(client: Client, token: str, data: dict[str, str] | None = None) -> Any:
    path = f"/people/invitation/{token}/"
    return client.get(path) if data is None else client.post(path, data)


# --- The writer ---


def test_only_a_digest_of_the_token_is_stored(alice: User) -> None:
    invitation, token = invite(alice)
    assert len(token) > 40
    stored = str(Invitation.objects.values().get(pk=invitation.pk))
    assert token not in stored
    assert invitations.find(token) == invitation
    assert invitations.find(token + "x") is None


def test_accepting_makes_the_person_with_role_and_grants(alice: User, bobs_ad_account: AdAccount) -> None:
    invitation, _ = invite(alice, email="Dora@Example.com", ad_accounts=[bobs_ad_account])
    person = invitations.accept(invitation.pk, now=timezone.now(), password=PASSWORD, first_name="Dora")
    assert (person.email, person.role, person.first_name) == ("dora@example.com", Role.VIEWER, "Dora")
    assert person.check_password(PASSWORD)
    grant = AdAccountAccess.objects.get(user=person)
    assert (grant.ad_account, grant.granted_by) == (bobs_ad_account, alice)
    assert [event.kind for event in AuditEvent.objects.order_by("id")] == ["user_invited", "invitation_accepted"]


def test_those_who_see_everything_get_no_grants(alice: User, bobs_ad_account: AdAccount) -> None:
    invitation, _ = invite(alice, role=Role.ANALYST, ad_accounts=[bobs_ad_account])
    invitations.accept(invitation.pk, now=timezone.now())
    assert not AdAccountAccess.objects.exists()


def test_an_invitation_is_accepted_once(alice: User) -> None:
    invitation, _ = invite(alice)
    invitations.accept(invitation.pk, now=timezone.now())
    with pytest.raises(NotInvited, match="used before"):
        invitations.accept(invitation.pk, now=timezone.now())
    assert User.objects.filter(email="dora@example.com").count() == 1


def test_nothing_is_left_half_done(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    invitation, _ = invite(alice, ad_accounts=[make_ad_account()])
    monkeypatch.setattr("accounts.people.invitations.AdAccountAccess.objects.bulk_create", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        invitations.accept(invitation.pk, now=timezone.now())
    assert not User.objects.filter(email="dora@example.com").exists()
    assert Invitation.objects.get().accepted_at is None


def test_who_is_here_or_invited_is_not_invited(alice: User, bob: User) -> None:
    with pytest.raises(NotInvited, match="has an account"):
        invite(alice, email="BOB@example.com")
    invite(alice)
    with pytest.raises(NotInvited, match="send that invitation again"):
        invite(alice, email="DORA@example.com")


def test_an_expired_invitation_is_not_in_the_way(alice: User) -> None:
    old, _ = invite(alice, now=NOW - timedelta(days=8))
    new, _ = invite(alice)
    old.refresh_from_db()
    assert old.state_at(NOW) == "revoked"
    assert new.state_at(NOW) == "pending"


def test_the_database_holds_one_open_invitation_per_address(alice: User) -> None:
    invite(alice)
    values = {"role": Role.VIEWER, "created_at": NOW, "expires_at": NOW, "token_digest": "x"}
    with pytest.raises(IntegrityError, match="an_address_has_one_open_invitation"), transaction.atomic():
        Invitation.objects.create(email="DORA@example.com", **values)


def test_sending_again_gives_a_new_link_and_a_new_week(alice: User) -> None:
    invitation, first = invite(alice, now=NOW - timedelta(days=8))
    assert invitation.state_at(NOW) == "expired"
    again, second = invitations.resend(invitation.pk, actor=alice, now=NOW)
    assert again.state_at(NOW) == "pending"
    assert invitations.find(first) is None
    assert invitations.find(second) == invitation


def test_a_revoked_invitation_is_not_sent_again(alice: User) -> None:
    invitation, _ = invite(alice)
    assert invitations.revoke(invitation.pk, actor=alice, now=NOW)
    assert not invitations.revoke(invitation.pk, actor=alice, now=NOW)
    with pytest.raises(NotInvited, match="invite them again"):
        invitations.resend(invitation.pk, actor=alice, now=NOW)
    assert AuditEvent.objects.filter(kind="invitation_revoked").count() == 1


def test_the_message_quotes_the_names_that_linkedin_has(alice: User, mailoutbox: list[EmailMessage]) -> None:
    """An advertiser may write anything into the name of an ad account."""
    hostile = make_ad_account(name="Prizes\r\n\nDear Dora,\u2028open https://evil.example " + "x" * 200)
    nameless = make_ad_account(name=None)
    invitation, token = invite(alice, ad_accounts=[hostile, nameless])
    assert invitations.send(invitation, url=invitations.url_of(token))
    lines = mailoutbox[0].body.splitlines()
    [line] = [one for one in lines if "Prizes" in one]
    assert line.startswith(f"- {hostile.pk}: “Prizes Dear Dora, open https://evil.example xxx")
    assert line.endswith("…”")
    assert len(line) < 140
    assert f"- {nameless.pk}" in lines
    assert "given at LinkedIn; follow no link or instruction in them" in mailoutbox[0].body


# --- The page ---


def test_the_page_shows_who_invites_and_lets_people_join(
    alice: User, client: Client, bobs_ad_account: AdAccount
) -> None:
    _, token = invite(alice, ad_accounts=[bobs_ad_account])
    shown = page(client, token)
    text = shown.content.decode()
    assert shown.status_code == 200
    assert re.search(r"Alice has invited\s+dora@example.com to join as viewer", text)
    assert "Bob&#x27;s brand" in text
    assert "Continue with LinkedIn" not in text
    response = page(client, token, JOIN)
    assert (response.status_code, response["Location"]) == (302, "/admin/")
    assert client.get("/people/me/").context["person"].email == "dora@example.com"


def test_linkedin_is_offered_where_there_is_an_app(alice: User, client: Client, settings: Any) -> None:
    settings.LINKEDIN_LOGIN_CLIENT_ID, settings.LINKEDIN_LOGIN_CLIENT_SECRET = "app", "secret"
    _, token = invite(alice)
    assert "Continue with LinkedIn" in page(client, token).content.decode()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"password1": "dora", "password2": "dora"}, "too short"),
        ({"password2": "another one entirely"}, "didn’t match"),
        ({"password1": "dora@example.com", "password2": "dora@example.com"}, "too similar"),
    ],
)
def test_a_bad_password_is_explained(alice: User, client: Client, changes: dict[str, str], problem: str) -> None:
    _, token = invite(alice)
    response = page(client, token, JOIN | changes)
    assert problem in response.content.decode()
    assert not User.objects.filter(email="dora@example.com").exists()


def test_what_no_longer_lets_in_says_why_and_what_to_do(alice: User, client: Client) -> None:
    expired, token = invite(alice, now=NOW - timedelta(days=8))
    assert "ask the person who invited you to send it again" in page(client, token).content.decode()
    again, token = invitations.resend(expired.pk, actor=alice, now=NOW)
    invitations.revoke(again.pk, actor=alice, now=NOW)
    assert "was revoked" in page(client, token).content.decode()
    used, token = invite(alice)
    invitations.accept(used.pk, now=NOW)
    response = page(client, token, JOIN)
    assert response.status_code == 410
    assert "was used before" in response.content.decode()
    assert page(client, "no-such-token").status_code == 404


def test_who_has_an_account_meanwhile_is_asked_to_sign_in(alice: User, client: Client) -> None:
    _, token = invite(alice)
    make_user(email="dora@example.com")
    response = page(client, token, JOIN)
    assert response.status_code == 410
    assert "sign in with it, or reset its password" in response.content.decode()


def test_somebody_else_who_is_signed_in_does_not_join(alice: User, as_alice: Client) -> None:
    _, token = invite(alice)
    response = page(as_alice, token, JOIN)
    assert response.status_code == 409
    assert "signed in as alice@example.com" in response.content.decode()
    assert not User.objects.filter(email="dora@example.com").exists()


# --- In the admin ---

ADD = "/admin/accounts/invitation/add/"


@pytest.mark.django_db(transaction=True)
def test_an_owner_invites_by_e_mail_and_is_shown_the_link_once(
    as_alice: Client, bobs_ad_account: AdAccount, settings: Any
) -> None:
    """The link leads to this service's own address, also where its owner came by another."""
    settings.SITE_URL = "https://ads.example.com"
    assert as_alice.get(ADD).status_code == 200
    form = {"email": "Dora@example.com", "role": "viewer", "ad_accounts": [bobs_ad_account.pk]}
    as_alice.post(ADD, form)
    invitation = Invitation.objects.get()
    assert list(invitation.ad_accounts.all()) == [bobs_ad_account]
    (message,) = mail.outbox
    assert message.to == ["dora@example.com"]
    assert "Alice has invited you" in message.body
    assert f"- {bobs_ad_account.pk}: “Bob's brand”" in message.body
    (link,) = re.findall(r"https://ads\.example\.com/people/invitation/\S+/", str(message.body))
    shown = as_alice.get("/admin/accounts/invitation/").content.decode()
    assert link in shown
    assert re.search(r"field-state[^>]*>\s*Pending\s*</td>", shown)
    assert link not in as_alice.get("/admin/accounts/invitation/").content.decode()
    assert Client().get(link).status_code == 200
    change = as_alice.get(f"/admin/accounts/invitation/{invitation.pk}/change/").content.decode()
    assert invitation.token_digest not in change


@pytest.mark.django_db(transaction=True)
def test_an_invitation_outlives_a_mail_server_that_fails(as_alice: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    settings.SITE_URL = "http://127.0.0.1:8000"
    as_alice.post(ADD, {"email": "dora@example.com", "role": "analyst"})
    shown = as_alice.get("/admin/accounts/invitation/").content.decode()
    assert "could not be sent; check the EMAIL_ settings" in shown
    (link,) = set(re.findall(r"http://127\.0\.0\.1:8000/people/invitation/[^/\s]+/", shown))
    assert Client().get(link).status_code == 200


def test_a_viewer_is_invited_to_something(as_alice: Client, alice: User, bobs_ad_account: AdAccount) -> None:
    response = as_alice.post(ADD, {"email": "dora@example.com", "role": "viewer"})
    assert "choose at least one ad account" in response.content.decode()
    assert not Invitation.objects.exists()
    invite(alice)
    response = as_alice.post(ADD, {"email": "DORA@example.com", "role": "owner"})
    assert "is already invited" in response.content.decode()


def test_an_owner_sends_again_and_revokes(
    as_alice: Client, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    invitation, first = invite(alice, now=NOW - timedelta(days=8))
    listing = "/admin/accounts/invitation/"
    assert "Expired" in as_alice.get(listing, {"state": "expired"}).content.decode()
    chosen = {"_selected_action": [invitation.pk]}
    with django_capture_on_commit_callbacks(execute=True):
        as_alice.post(listing, {"action": "resend", **chosen})
    assert len(mail.outbox) == 1
    assert first not in mail.outbox[0].body
    as_alice.post(listing, {"action": "revoke", **chosen})
    invitation.refresh_from_db()
    assert invitation.state_at(timezone.now()) == "revoked"


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ANALYST, Role.VIEWER])
def test_only_owners_invite(role: Role) -> None:
    browser = signed_in(make_user(role=role))
    assert browser.post(ADD, {"email": "dora@example.com", "role": "owner"}).status_code == 403
    assert browser.get("/admin/accounts/invitation/").status_code == 403
    assert not Invitation.objects.exists()
