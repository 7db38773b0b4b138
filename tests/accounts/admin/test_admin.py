import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts import audit_trail
from accounts.api_tokens import token_store
from accounts.models import AdAccount, AdAccountAccess, ApiToken, AuditEvent, ConsentWarning, LinkedInConnection, User
from accounts.roles import Role
from accounts.shell.admin_base import EstimatingPaginator
from tests.builders import NOW, make_access, make_ad_account, make_connection, make_role, make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

MODELS = [
    "adaccount",
    "adaccountaccess",
    "apitoken",
    "auditevent",
    "consentwarning",
    "linkedinadaccountrole",
    "linkedinconnection",
    "user",
]
PASSWORD = "correct horse battery staple"


def sign_in(browser: Client, email: str) -> None:
    """By the form, as a person does."""
    assert browser.post("/admin/login/", {"username": email, "password": PASSWORD}).status_code == 302


def url(model: str, page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:accounts_{model}_{page}", args=args)


def row_of_every_table() -> dict[str, Any]:
    grant, role = make_access(), make_role()
    return {
        "adaccount": grant.ad_account,
        "adaccountaccess": grant,
        "apitoken": token_store.issue(user=grant.user, name="Looker", scope="read", now=NOW)[0],
        "auditevent": audit_trail.record("consent_given", actor=grant.user),
        "consentwarning": ConsentWarning.objects.create(
            connection=role.connection, consented_at=NOW, days=7, sent_at=NOW
        ),
        "linkedinadaccountrole": role,
        "linkedinconnection": role.connection,
        "user": grant.user,
    }


@pytest.mark.exhaustive
@pytest.mark.parametrize("model", MODELS)
def test_an_owner_opens_every_list_and_row(as_alice: Client, model: str) -> None:
    assert as_alice.get(url(model)).status_code == 200
    row = row_of_every_table()[model]
    assert as_alice.get(url(model)).status_code == 200
    # A list without a search says so, and does not show itself as if nothing had been searched for.
    can_search = bool(admin.site.get_model_admin(type(row)).search_fields)
    assert as_alice.get(url(model), {"q": "1"}).status_code == (200 if can_search else 400)
    assert as_alice.get(url(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_lists_ask_the_database_the_same_whatever_their_length(
    as_alice: Client, model: str, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        row_of_every_table()
    with django_assert_max_num_queries(15):
        as_alice.get(url(model))


@pytest.mark.parametrize("model", ["adaccountaccess", "apitoken", "auditevent", "linkedinconnection", "user"])
def test_a_viewer_sees_nobody_elses_business(as_bob: Client, model: str) -> None:
    row = row_of_every_table()[model]
    assert as_bob.get(url(model)).status_code == 403
    assert as_bob.get(url(model, "change", row.pk)).status_code == 403


def test_a_viewer_sees_granted_ad_accounts(as_bob: Client, bobs_ad_account: AdAccount) -> None:
    other = make_ad_account(name="Somebody else")
    page = as_bob.get(url("adaccount")).content.decode()
    assert "Bob&#x27;s brand" in page
    assert "Somebody else" not in page
    assert as_bob.get(url("adaccount", "change", bobs_ad_account.pk)).status_code == 200
    assert as_bob.get(url("adaccount", "change", other.pk)).status_code == 404


def test_a_stranger_sees_no_ad_account(as_charlie: Client, bobs_ad_account: AdAccount) -> None:
    page = as_charlie.get(url("adaccount")).content.decode()
    assert "Bob&#x27;s brand" not in page
    assert as_charlie.get("/admin/").status_code == 200


@pytest.mark.parametrize(
    "model", ["adaccount", "apitoken", "auditevent", "linkedinadaccountrole", "linkedinconnection"]
)
def test_what_linkedin_or_the_audit_trail_says_is_not_edited(as_alice: Client, model: str) -> None:
    row = row_of_every_table()[model]
    assert as_alice.post(url(model, "change", row.pk), {"name": "Mine"}).status_code == 403
    assert as_alice.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert as_alice.get(url(model, "add")).status_code == 403
    as_alice.post(url(model), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert type(row).objects.filter(pk=row.pk).exists()


def test_no_page_shows_a_token(as_alice: Client) -> None:
    connection = make_connection(access_token="clear-access", refresh_token="clear-refresh")
    make_role(connection=connection)
    for address in (
        url("linkedinconnection"),
        url("linkedinconnection", "change", connection.pk),
        url("linkedinadaccountrole"),
    ):
        page = as_alice.get(address).content.decode()
        assert "clear-" not in page
        assert "gAAAA" not in page


def test_connections_are_listed_although_their_key_is_lost(as_alice: Client, settings: Any) -> None:
    role = make_role()
    settings.FIELD_ENCRYPTION_KEYS = ["3ZBlMp3vaHyWKcHBUz3QHYm7pY4DkqzJsYbPoE5QO2M="]
    for address in (
        url("linkedinconnection"),
        url("linkedinconnection", "change", role.connection_id),
        url("linkedinadaccountrole"),
        url("linkedinadaccountrole", "change", role.pk),
    ):
        assert as_alice.get(address).status_code == 200


def test_connections_show_their_state_and_the_days_left(as_alice: Client) -> None:
    end = NOW + timedelta(days=12)
    make_connection(access_token_expires_at=end, refresh_token_expires_at=end)
    make_connection(state="needs_consent")
    with time_machine.travel(NOW, tick=False):
        page = as_alice.get(url("linkedinconnection")).content.decode()
    assert re.search(r"field-state_now[^>]*>\s*expiring\s*</td>", page)
    assert re.search(r"field-days_left[^>]*>\s*12 days\s*</td>", page)
    assert re.search(r"field-state_now[^>]*>\s*needs consent\s*</td>", page)


def test_a_connection_that_lacks_scopes_says_what_to_do(as_alice: Client) -> None:
    connection = make_connection(scopes=["r_ads"], trouble="LinkedIn no longer renews it.")
    for page in (url("linkedinconnection"), url("linkedinconnection", "change", connection.pk)):
        shown = as_alice.get(page).content.decode()
        assert "LinkedIn no longer renews it. Lacks r_ads_reporting, which syncs need: add" in shown


def test_a_connections_page_leads_to_its_end_for_those_who_may(as_alice: Client) -> None:
    connection = make_connection()
    leads = reverse("admin:accounts_linkedinconnection_end_consent", args=[connection.pk])
    page = url("linkedinconnection", "change", connection.pk)
    assert leads in as_alice.get(page).content.decode()
    assert as_alice.get(leads)["Location"] == f"/linkedin/connections/{connection.pk}/end/"
    as_manager = signed_in(make_user(role=Role.MANAGER))
    assert leads not in as_manager.get(page).content.decode()
    assert as_manager.get(leads).status_code == 403


def test_the_connections_page_leads_to_connecting(as_alice: Client) -> None:
    response = as_alice.get(reverse("admin:accounts_linkedinconnection_connect_linkedin"))
    assert response["Location"] == "/linkedin/connect/"


def test_an_owner_revokes_anybodys_api_tokens(as_alice: Client, bob: User, charlie: User) -> None:
    tokens = [
        token_store.issue(user=user, name=f"of {user.first_name}", scope="read", now=NOW)[0] for user in (bob, charlie)
    ]
    page = as_alice.get(url("apitoken")).content.decode()
    assert tokens[0].token_key in page
    assert tokens[0].digest not in page
    assert tokens[0].digest not in as_alice.get(url("apitoken", "change", tokens[0].pk)).content.decode()
    as_alice.post(url("apitoken"), {"action": "revoke_selected", "_selected_action": [tokens[0].pk]})
    assert [token.name for token in ApiToken.objects.all()] == ["of Charlie"]
    event = AuditEvent.objects.get(kind="api_token_revoked")
    assert (event.actor_email, event.detail["user_email"]) == ("alice@example.com", "bob@example.com")


def test_a_granted_ad_account_is_recorded(as_alice: Client, alice: User, charlie: User) -> None:
    ad_account = make_ad_account()
    response = as_alice.post(url("adaccountaccess", "add"), {"user": charlie.pk, "ad_account": ad_account.pk})
    assert response.status_code == 302
    grant = AdAccountAccess.objects.get()
    assert (grant.user, grant.ad_account, grant.granted_by) == (charlie, ad_account, alice)
    taken_back = as_alice.post(url("adaccountaccess", "delete", grant.pk), {"post": "yes"})
    assert taken_back["Location"] == url("adaccountaccess")
    assert [(event.kind, event.ad_account_id) for event in AuditEvent.objects.order_by("id")] == [
        ("ad_account_granted", ad_account.pk),
        ("ad_account_grant_taken_back", ad_account.pk),
    ]


def test_an_owner_adds_a_person_who_then_signs_in(as_alice: Client, client: Client) -> None:
    assert as_alice.get(url("user", "add")).status_code == 200
    response = as_alice.post(
        url("user", "add"),
        {
            "email": "dora@example.com",
            "role": "analyst",
            "usable_password": "true",
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
    )
    assert response.status_code == 302
    assert User.objects.get(email="dora@example.com").role == Role.ANALYST
    sign_in(client, "dora@example.com")
    assert client.get(url("adaccount")).status_code == 200
    event = AuditEvent.objects.get(kind="user_added")
    assert (event.kind, event.detail) == ("user_added", {"user_email": "dora@example.com", "role": "analyst"})


def test_an_owner_changes_a_role_and_a_password(as_alice: Client, charlie: User, client: Client) -> None:
    response = as_alice.post(
        url("user", "change", charlie.pk),
        {"email": charlie.email, "first_name": "Charlie", "last_name": "C", "role": "manager", "is_active": "on"},
    )
    assert response.status_code == 302
    charlie.refresh_from_db()
    assert charlie.role == Role.MANAGER
    changed, renamed = AuditEvent.objects.order_by("id")
    assert (changed.kind, changed.detail["before"], changed.detail["after"]) == ("role_changed", "viewer", "manager")
    assert (renamed.kind, renamed.detail["changed"]) == ("user_changed", ["last_name"])
    password_form = f"/admin/accounts/user/{charlie.pk}/password/"
    assert as_alice.get(password_form).status_code == 200
    as_alice.post(password_form, {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD})
    sign_in(client, charlie.email)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ANALYST, Role.VIEWER])
def test_only_owners_manage_people(role: Role, charlie: User) -> None:
    browser = signed_in(make_user(role=role, is_superuser=True))
    assert browser.get(url("user")).status_code == 403
    assert browser.post(url("user", "change", charlie.pk), {"role": "owner"}).status_code == 403
    assert browser.get(f"/admin/accounts/user/{charlie.pk}/password/").status_code == 403


def test_an_owner_does_not_remove_themselves(as_alice: Client, alice: User, charlie: User) -> None:
    assert as_alice.post(url("user", "delete", alice.pk), {"post": "yes"}).status_code == 403
    as_alice.post(
        url("user"),
        {"action": "delete_selected", "_selected_action": [alice.pk, charlie.pk], "post": "yes"},
    )
    assert User.objects.filter(pk=alice.pk).exists()


def test_a_large_table_is_not_counted(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any) -> None:
    make_connection()
    rows = LinkedInConnection.objects.defer("access_token").order_by("id")
    assert EstimatingPaginator(rows, 50).count == 1
    monkeypatch.setattr("accounts.shell.admin_paging._estimated_rows", lambda table: 10_000_000)
    with django_assert_num_queries(0):
        assert EstimatingPaginator(rows, 50).count == 10_000_000
    assert EstimatingPaginator(rows.filter(state="revoked"), 50).count == 0
