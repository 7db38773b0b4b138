import re
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts import access, roles
from accounts.api_tokens import token_store
from accounts.consents import connections
from accounts.errors import LastOwner
from accounts.models import ApiToken, AuditEvent, FailedLogin, Invitation, LinkedInConnection, User
from accounts.people import membership
from accounts.roles import RIGHTS, Role, rights_of
from tests.builders import NOW, make_access, make_ad_account, make_connection, make_user
from tests.conftest import let_tests_empty_the_audit_trail
from tests.texts import every_text_in_the_database

pytestmark = pytest.mark.django_db


def change_page(person: User) -> str:
    return reverse("admin:accounts_user_change", args=[person.pk])


# --- The last owner ---


@pytest.mark.parametrize("change", [{"role": Role.MANAGER}, {"is_active": False}])
def test_the_last_owner_is_neither_demoted_nor_deactivated(alice: User, change: dict[str, Any]) -> None:
    make_user(role=Role.OWNER, is_active=False)
    for name, value in change.items():
        setattr(alice, name, value)
    with pytest.raises(LastOwner, match="make another active person an owner first"):
        membership.save(alice, actor=alice, changed=list(change))
    alice.refresh_from_db()
    assert (alice.role, alice.is_active) == (Role.OWNER, True)


def test_the_last_owner_is_not_removed(alice: User) -> None:
    with pytest.raises(LastOwner):
        membership.remove(alice, actor=alice)
    assert User.objects.filter(pk=alice.pk).exists()
    assert not AuditEvent.objects.exists()


def test_one_of_two_owners_may_go(alice: User) -> None:
    make_user(role=Role.OWNER)
    alice.role = Role.VIEWER
    membership.save(alice, actor=alice, changed=["role"])
    event = AuditEvent.objects.get()
    assert (event.kind, event.detail) == (
        "role_changed",
        {"user_email": alice.email, "before": "owner", "after": "viewer"},
    )


def test_an_inactive_owner_may_be_removed(alice: User) -> None:
    gone = make_user(role=Role.OWNER, is_active=False)
    membership.remove(gone, actor=alice)
    assert AuditEvent.objects.get().kind == "user_removed"


@pytest.mark.parametrize("changed", [{"role": "manager", "is_active": "on"}, {"role": "owner"}])
def test_the_admin_says_what_to_do_about_the_last_owner(as_alice: Client, alice: User, changed: dict[str, str]) -> None:
    response = as_alice.post(change_page(alice), {"email": alice.email, **changed})
    assert response.status_code == 200
    assert "make another active person an owner first" in response.content.decode()
    alice.refresh_from_db()
    assert (alice.role, alice.is_active) == (Role.OWNER, True)


def test_the_admin_keeps_the_last_owner_when_another_removes_them(
    as_alice: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when two owners remove each other at once: the second finds itself the last."""
    other = make_user(role=Role.OWNER)

    def refuse(*_: Any, **__: Any) -> None:
        raise LastOwner("Make another active person an owner first.")

    monkeypatch.setattr("accounts.people.membership.remove", refuse)
    response = as_alice.post(f"/admin/accounts/user/{other.pk}/delete/", {"post": "yes"}, follow=True)
    assert "Make another active person an owner first." in response.content.decode()
    chosen = {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"}
    response = as_alice.post("/admin/accounts/user/", chosen, follow=True)
    assert "Make another active person an owner first." in response.content.decode()
    assert "Successfully deleted" not in response.content.decode()
    assert User.objects.filter(pk=other.pk).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["demote", "remove"])
def test_two_owners_cannot_remove_each_other_at_once(how: str) -> None:
    owners = [make_user(role=Role.OWNER), make_user(role=Role.OWNER)]
    start = threading.Barrier(2)
    refused: list[LastOwner] = []

    def take_away(person: User, actor: User) -> None:
        start.wait(timeout=10)
        try:
            if how == "remove":
                membership.remove(person, actor=actor)
            else:
                person.role = Role.VIEWER
                membership.save(person, actor=actor, changed=["role"])
        except LastOwner as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=take_away, args=(User.objects.get(pk=one.pk), other))
        for one, other in (owners, owners[::-1])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert len(refused) == 1
    assert User.objects.filter(role=Role.OWNER, is_active=True).count() == 1


# --- What a change leaves alone ---


def test_removing_or_deactivating_a_person_leaves_their_consent_working(alice: User) -> None:
    manager = make_user(role=Role.MANAGER)
    consent = make_connection(user=manager)
    manager.is_active = False
    membership.save(manager, actor=alice, changed=["is_active"])
    membership.remove(manager, actor=alice)
    stored = LinkedInConnection.objects.get(pk=consent.pk)
    assert (stored.state, stored.user) == ("active", None)


@pytest.mark.parametrize(
    "how",
    [
        {"state": "revoked"},
        {"state": "needs_consent"},
        {"access_token_expires_at": NOW, "refresh_token_expires_at": NOW},
    ],
    ids=str,
)
def test_nothing_personal_stays_of_a_removed_person_but_the_trail(
    as_alice: Client, alice: User, how: dict[str, Any]
) -> None:
    """Every text of the database is searched for their name, address and LinkedIn member."""
    person = make_user(role=Role.MANAGER, email="dora@example.com", first_name="Dorothea", last_name="Quist")
    ended = make_connection(user=person, member_urn="urn:li:person:Dora1", **how)
    make_access(user=person)
    Invitation.objects.create(
        email="dora@example.com", created_at=NOW, expires_at=NOW + timedelta(days=7), token_digest="0" * 64
    )
    FailedLogin.objects.create(account="dora@example.com", network="127.0.0.1", failures=1, last_failed_at=NOW)
    token_store.issue(user=person, name="Dorothea's sheet", scope="read", now=NOW)
    # The admin's own log calls rows by names, too.
    as_alice.post(change_page(person), {"email": person.email, "role": "viewer", "first_name": "Dorothea"})
    assert LogEntry.objects.filter(object_repr__contains="Doro").exists()
    as_alice.post(reverse("admin:accounts_user_delete", args=[person.pk]), {"post": "yes"})
    assert not User.objects.filter(pk=person.pk).exists()
    found = {
        column
        for column, text in every_text_in_the_database().items()
        if re.search("dora@|Dorothea|Quist|Dora1", text, re.I)
    }
    assert found == {"audit_events.detail", "audit_events.actor_email"}
    assert LinkedInConnection.objects.get().pk == ended.pk


def test_a_consent_that_linkedin_refuses_after_its_person_is_gone_forgets_the_member() -> None:
    gone, person = make_connection(user=None, member_urn="urn:li:person:Dora1"), make_user(role=Role.MANAGER)
    kept = make_connection(user=person, member_urn="urn:li:person:Eve1")
    connections.mark_needs_consent(gone.pk, kept.pk, trouble="Connect LinkedIn again.")
    states = dict(LinkedInConnection.objects.values_list("pk", "member_urn"))
    assert states == {gone.pk: None, kept.pk: "urn:li:person:Eve1"}


def test_ending_the_consent_of_somebody_who_is_gone_forgets_the_member(alice: User) -> None:
    connection = make_connection(user=None, member_urn="urn:li:person:Dora1", access_token=None, refresh_token=None)
    connections.end(connection.pk, actor=alice, now=NOW)
    connection.refresh_from_db()
    assert (connection.state, connection.member_urn) == ("revoked", None)


def test_the_page_that_removes_a_person_says_what_happens_to_their_consent(as_alice: Client, bob: User) -> None:
    address = reverse("admin:accounts_user_delete", args=[bob.pk])
    assert "stays in use" not in as_alice.get(address).content.decode()
    consent = make_connection(user=bob)
    assert (
        f"(connection {consent.pk}) stays in use, so that syncs do not stop" in as_alice.get(address).content.decode()
    )


def test_everybody_who_signs_in_may_open_the_site(client: Client) -> None:
    person = User.objects.create_user("dora@example.com", "correct horse battery staple")
    assert person.is_staff
    client.post("/admin/login/", {"username": person.email, "password": "correct horse battery staple"})
    assert client.get("/admin/").status_code == 200


def test_an_owner_cannot_lock_people_out_of_the_admin(as_alice: Client, bob: User) -> None:
    for page in (change_page(bob), reverse("admin:accounts_user_add")):
        assert "is_staff" not in as_alice.get(page).content.decode()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_migration_lets_people_in_who_could_not_enter() -> None:
    outsider = make_user(is_staff=False)
    try:
        call_command("migrate", "accounts", "0004", verbosity=0)
        User.objects.filter(pk=outsider.pk).update(is_staff=False)
    finally:
        call_command("migrate", verbosity=0)
        let_tests_empty_the_audit_trail()
    outsider.refresh_from_db()
    assert outsider.is_staff


# --- Roles in words, in code and in behaviour ---

TABLE = Path(__file__).resolve().parents[3] / "docs/roles.md"


def answers(user: User) -> dict[str, bool]:
    """What `access.py` and the admin answer for each right in words."""
    granted, other = make_ad_account(), make_ad_account()
    make_access(user=user, ad_account=granted)
    visible = set(access.visible_ad_accounts(user))
    return {
        "Create read-only API tokens": access.may_issue_api_token(user, ApiToken.Scope.READ),
        "Create API tokens that start syncs": access.may_issue_api_token(user, ApiToken.Scope.READ_AND_SYNC),
        "Create API tokens that change findings": access.may_issue_api_token(user, ApiToken.Scope.READ_AND_CHANGE),
        "See all ad accounts": access.sees_every_ad_account(user) and other in visible,
        "See the ad accounts granted to them": access.may_enter(user) and granted in visible,
        "See who did what, why findings were accepted, who gave consent": access.sees_colleagues(user),
        "Connect LinkedIn": access.may_connect_linkedin(user) and access.may_see_connections(user),
        "End a LinkedIn consent they gave": access.may_end_consent(user, make_connection(user=user)),
        "End anyone's LinkedIn consent": access.may_end_consent(user, make_connection()),
        "Start a sync": access.may_sync(user, granted.pk)
        and access.may_sync_anything(user)
        and access.may_change_anything(user),
        "Change the timetable": access.may_edit_timetable(user) and access.may_see_timetable(user),
        "Take snapshots": access.may_take_snapshots(user),
        "Run checks; assign, snooze and accept findings": access.may_change_findings(user),
        "Change check thresholds": access.may_edit_thresholds(user),
        "Invite people, change roles and grants, end sessions, unlock logins": access.may_manage_people(user),
        "Read the audit trail": access.may_manage_people(user),
        "Remove an ad account with all its data": access.may_remove_ad_accounts(user),
    }


@pytest.mark.parametrize("role", Role)
def test_the_table_of_roles_says_what_the_code_does(role: Role) -> None:
    lines = [line.strip("| ").split(" | ") for line in TABLE.read_text().splitlines() if line.startswith("| ")]
    header, rows = lines[0], lines[2:]
    column = header.index(role.value)
    documented = {row[0]: row[column] == "yes" for row in rows}
    assert documented == {right: role in allowed for right, allowed in RIGHTS.items()}
    assert documented == answers(make_user(role=role))


def test_every_right_in_code_is_in_words() -> None:
    named = {name for name in vars(roles) if re.match(r"(MAY|SEES)_", name)}
    assert named
    assert {getattr(roles, name) for name in named} <= set(RIGHTS.values())
    asked = {name for name in vars(access) if re.match(r"(may|sees)_", name)}
    tested = set(re.findall(r"access\.((?:may|sees)_\w+)", Path(__file__).read_text()))
    assert asked == tested


def test_a_role_in_words_leaves_out_what_a_wider_right_includes() -> None:
    assert rights_of(Role.VIEWER) == [
        "See the ad accounts granted to them",
        "End a LinkedIn consent they gave",
        "Create read-only API tokens",
    ]
    assert "See the ad accounts granted to them" not in rights_of(Role.OWNER)
