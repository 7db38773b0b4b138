"""Programs with a role of their own, whose tokens do not end with a person who leaves."""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts import access, tasks
from accounts.api_tokens import service_accounts, token_store, warnings
from accounts.errors import ApiTokenRefused
from accounts.models import AdAccount, AdAccountAccess, ApiToken, AuditEvent, ServiceAccount, User
from accounts.roles import Role
from reporting.queries.findings import assignees
from tests.builders import make_ad_account, make_user

pytestmark = pytest.mark.django_db

LIST = "/admin/accounts/serviceaccount/"


def make(role: str = Role.VIEWER, name: str = "Looker Studio", **given: Any) -> ServiceAccount:
    return service_accounts.add(name=name, role=role, **{"responsible": None, "actor": None} | given)


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_api_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def program(plain: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {plain.strip()}"})


# --- The command ---


def test_the_command_prints_a_token_that_works_and_nothing_else(bobs_ad_account: AdAccount, alice: User) -> None:
    make_ad_account()
    out, err = run("Looker Studio", "--ad-account", str(bobs_ad_account.pk), "--responsible", "Alice@example.com")
    assert re.fullmatch(r"laac_\w+\n", out)
    assert out.strip() not in err
    me = program(out).get("/api/v1/me").json()
    assert (me["email"], me["role"], me["ad_accounts"]) == ("looker-studio@service-account.invalid", "viewer", 1)
    account = ServiceAccount.objects.get()
    assert (account.responsible, account.first_name) == (alice, "Looker Studio")
    kinds = set(AuditEvent.objects.values_list("kind", "detail__by"))
    assert kinds >= {("service_account_added", "command"), ("api_token_issued", "command")}
    assert out.strip() not in str(list(AuditEvent.objects.values()))


def test_a_second_token_belongs_to_the_same_service_account(bobs_ad_account: AdAccount) -> None:
    for _ in range(2):
        run("Looker Studio", "--ad-account", str(bobs_ad_account.pk))
    assert (ServiceAccount.objects.count(), ApiToken.objects.count()) == (1, 2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["X"], "A viewer sees only what is granted"),
        (["X", "--ad-account", "404"], "There is no ad account 404"),
        (["X", "--role", "analyst", "--responsible", "nobody@example.com"], "Nobody has the e-mail address"),
        (["X", "--role", "analyst", "--network", "everywhere"], "is not a network"),
        (["X", "--role", "analyst", "--scope", "read_and_sync"], "role does not allow"),
        (["…", "--role", "analyst"], "Give it a name with letters"),
        (["a\x01", "--role", "analyst"], "Give it a name with letters"),
        (["a" * 300, "--role", "analyst"], "at most 60 characters"),
    ],
)
def test_the_command_refuses_and_leaves_nothing(db: None, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
    assert not ServiceAccount.objects.exists()
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Looker Studio", "--role", "viewer"], "is there already and has the role manager"),
        (["looker studio!"], "is too alike"),
        (["Looker Studio", "--responsible", "alice@example.com"], "Somebody else is responsible"),
    ],
)
def test_a_token_does_no_more_than_was_asked_for(alice: User, arguments: list[str], sentence: str) -> None:
    make(name="Looker Studio", role=Role.MANAGER)
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
    assert not ApiToken.objects.exists()


def test_no_service_account_is_an_owner(alice: User) -> None:
    with pytest.raises(ApiTokenRefused, match="choose one of these"):
        make(role=Role.OWNER)
    account = make()
    with pytest.raises(IntegrityError, match="a_service_account_is_no_owner"), transaction.atomic():
        User.objects.filter(pk=account.pk).update(role=Role.OWNER)


# --- Nobody ---


def test_nobody_can_sign_in_as_one_or_get_its_address(as_alice: Client) -> None:
    account = make(role=Role.MANAGER)
    assert User.objects.with_email(account.email) is None
    User.objects.filter(pk=account.pk).update(password=make_user(password="x" * 20).password)
    given = {"username": account.email, "password": "x" * 20}
    assert Client().post("/admin/login/", given).status_code == 200
    with pytest.raises(ValidationError, match="belong to service accounts"):
        make_user(email="somebody@service-account.invalid")
    with pytest.raises(IntegrityError, match="addresses_of_service_accounts"), transaction.atomic():
        User.objects.filter(pk=make_user().pk).update(email="somebody@service-account.invalid")
    invited = as_alice.post(
        "/admin/accounts/invitation/add/", {"email": "somebody@service-account.invalid", "role": "analyst"}
    )
    assert "belong to service accounts" in invited.content.decode()


def test_it_is_in_no_list_of_people(as_alice: Client, alice: User) -> None:
    account = make(role=Role.MANAGER)
    assert account.email not in as_alice.get("/admin/accounts/user/").content.decode()
    assert as_alice.get(f"/admin/accounts/user/{account.pk}/change/").status_code == 404
    assert account.pk not in set(assignees().values_list("pk", flat=True))


@pytest.mark.parametrize("role", service_accounts.ROLES)
def test_its_token_may_do_what_the_role_allows_and_no_more(role: str) -> None:
    account = make(role=role)
    token, plain = token_store.issue(user=account, name="x", scope="read", now=timezone.now())
    assert program(plain).get("/api/v1/me").json()["role"] == role
    account.token_scope = token.scope
    assert not access.may_change_anything(account)
    assert not access.may_manage_people(account)
    assert not access.may_issue_api_token(account, "read")


def test_what_it_does_is_in_the_trail_with_its_name(bobs_ad_account: AdAccount) -> None:
    account = make(role=Role.ANALYST)
    _, plain = token_store.issue(user=account, name="x", scope="read", now=timezone.now())
    program(plain).get("/api/v1/campaigns?format=csv")
    assert AuditEvent.objects.get(kind="exported").actor_email == account.email


# --- Pages of owners ---


def test_an_owner_adds_one_and_sees_its_token_once(as_alice: Client, bobs_ad_account: AdAccount) -> None:
    form = {"first_name": "Power BI", "role": "viewer", "ad_accounts": [bobs_ad_account.pk], "responsible": ""}
    response = as_alice.post(f"{LIST}add/", form)
    account = ServiceAccount.objects.get()
    page = f"/people/service-accounts/{account.pk}/tokens/"
    assert response["Location"] == page
    assert AdAccountAccess.objects.get(user=account).ad_account == bobs_ad_account
    assert AuditEvent.objects.get(kind="service_account_added").actor_email == "alice@example.com"
    body = as_alice.post(page, {"name": "Gateway", "scope": "read", "days": "365"}).content.decode()
    plain = re.search(r'id="new-token"[^>]* value="(\w+)"', body)
    assert plain
    assert program(plain[1]).get("/api/v1/me").json()["ad_accounts"] == 1
    assert plain[1] not in as_alice.get(page).content.decode()
    assert "Power BI" in as_alice.get(LIST).content.decode()
    token = ApiToken.objects.get()
    assert as_alice.post(f"{page}{token.pk}/revoke/").status_code == 302
    assert program(plain[1]).get("/api/v1/me").status_code == 401


def test_an_owner_changes_deactivates_and_removes_one(as_alice: Client, alice: User) -> None:
    one, other = make_ad_account(), make_ad_account()
    account = make(ad_accounts=[one])
    token_store.issue(user=account, name="x", scope="read", now=timezone.now())
    page = f"{LIST}{account.pk}/change/"
    form = {"first_name": "Looker", "role": "viewer", "ad_accounts": [other.pk], "responsible": alice.pk}
    assert as_alice.post(page, form | {"is_active": "on"}).status_code == 302
    assert AdAccountAccess.objects.get(user=account).ad_account == other
    assert ApiToken.objects.exists()
    assert as_alice.post(page, form).status_code == 302
    assert not ApiToken.objects.exists()
    assert as_alice.post(f"{LIST}{account.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not ServiceAccount.objects.exists()
    assert AuditEvent.objects.filter(kind="user_removed").exists()


@pytest.mark.parametrize("change", [{"first_name": ""}, {"role": "owner"}, {"ad_accounts": []}, {"first_name": "…"}])
def test_a_form_that_is_wrong_adds_none(as_alice: Client, bobs_ad_account: AdAccount, change: Any) -> None:
    form = {"first_name": "Power BI", "role": "viewer", "ad_accounts": [bobs_ad_account.pk]}
    assert as_alice.post(f"{LIST}add/", form | change).status_code == 200
    assert not ServiceAccount.objects.exists()


def test_only_owners_issue_and_revoke(alice: User) -> None:
    account = make(role=Role.ANALYST)
    token, _ = token_store.issue(user=account, name="x", scope="read", now=timezone.now())
    page = f"/people/service-accounts/{account.pk}/tokens/"
    browser = Client()
    browser.force_login(make_user(role=Role.MANAGER), "accounts.sign_in.password_backend.PasswordBackend")
    assert browser.post(page, {"name": "x", "scope": "read", "days": "90"}).status_code == 403
    assert browser.post(f"{page}{token.pk}/revoke/").status_code == 403
    assert ApiToken.objects.count() == 1


# --- Warnings ---


def test_whoever_is_responsible_is_warned_before_a_token_ends(alice: User, bob: User, mailoutbox: list[Any]) -> None:
    now = timezone.now()
    account = make(role=Role.ANALYST, responsible=bob)
    for user in (account, bob):
        token_store.issue(user=user, name="x", scope="read", days=30, now=now)
    sent = []
    for day in range(31):
        for token_id in warnings.tokens_to_warn_about(now=now + timedelta(days=day)):
            assert warnings.warn(token_id, now=now + timedelta(days=day))
            assert not warnings.warn(token_id, now=now + timedelta(days=day))
            sent.append(day)
    assert sent == [16, 16, 23, 23, 29, 29]
    assert {tuple(message.to) for message in mailoutbox} == {("bob@example.com",)}
    assert sum(f"service-accounts/{account.pk}/tokens/" in message.body for message in mailoutbox) == 3


def test_owners_are_warned_where_nobody_is_responsible(alice: User, bob: User, mailoutbox: list[Any]) -> None:
    account = make(role=Role.ANALYST, responsible=bob)
    token_store.issue(user=account, name="x", scope="read", days=30, now=timezone.now() - timedelta(days=20))
    bob.is_active = False
    bob.save()
    assert tasks.warn_of_ending_api_tokens() == {"sent": 1, "failed": 0}
    assert tasks.warn_of_ending_api_tokens() == {"sent": 0, "failed": 0}
    [message] = mailoutbox
    assert message.to == ["alice@example.com"]
    assert "ends in 10 days" in message.subject


def test_a_warning_that_could_not_be_sent_is_tried_again(alice: User, settings: Any, mailoutbox: list[Any]) -> None:
    token_store.issue(user=alice, name="x", scope="read", days=30, now=timezone.now() - timedelta(days=20))
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert tasks.warn_of_ending_api_tokens() == {"sent": 0, "failed": 1}
    settings.EMAIL_BACKEND = working
    assert tasks.warn_of_ending_api_tokens() == {"sent": 1, "failed": 0}
