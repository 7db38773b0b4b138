from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import access, audit_trail
from accounts.api_tokens import token_store
from accounts.errors import ApiTokenRefused
from accounts.models import AdAccount, ApiToken, AuditEvent, User
from accounts.roles import Role
from tests.builders import NOW, make_connection, make_user

pytestmark = pytest.mark.django_db


def test_issue_gives_a_token_that_lasts_its_days(alice: User) -> None:
    token, plain = token_store.issue(user=alice, name="Looker", scope="read", days=30, now=NOW)
    token.refresh_from_db()
    assert (token.user, token.name, token.scope, token.last_used_at) == (alice, "Looker", "read", None)
    assert (token.created, token.expiry) == (NOW, NOW + timedelta(days=30))
    assert plain.startswith("laac_")
    assert token_store.find(plain) == token


def test_a_token_lasts_ninety_days_by_default(bob: User) -> None:
    token, _ = token_store.issue(user=bob, name="Sheet", scope="read", now=NOW)
    assert token.expiry == NOW + timedelta(days=90)


def test_the_database_holds_no_token(alice: User) -> None:
    """Every column of every table that issuing writes to."""
    _, plain = token_store.issue(user=alice, name="Looker", scope="read", now=NOW)
    with connection.cursor() as cursor:
        for table in ("api_tokens", "audit_events"):
            cursor.execute(f"SELECT string_agg({table}::text, ' ') FROM {table}")
            stored = cursor.fetchone()[0]
            assert "Looker" in stored
            assert plain not in stored
            # What is kept to tell tokens apart leaves 54 of 64 characters to be guessed.
            assert plain[15:] not in stored
            assert plain[15:40] not in stored


@pytest.mark.parametrize("days", [0, -1, 31, 366, 100_000])
def test_other_numbers_of_days_are_refused(alice: User, days: int) -> None:
    with pytest.raises(ApiTokenRefused, match="30, 90 or 365 days"):
        token_store.issue(user=alice, name="Looker", scope="read", days=days, now=NOW)
    assert not ApiToken.objects.exists()


def test_no_token_outlives_a_year_whoever_writes_it(alice: User) -> None:
    token, _ = token_store.issue(user=alice, name="Looker", scope="read", days=365, now=NOW)
    with pytest.raises(IntegrityError, match="an_api_token_ends_within_a_year"), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).update(expiry=NOW + timedelta(days=366))


@pytest.mark.parametrize(
    ("role", "may"), [(Role.OWNER, True), (Role.MANAGER, True), (Role.ANALYST, False), (Role.VIEWER, False)]
)
def test_who_may_sync_may_issue_a_token_that_does(role: Role, may: bool) -> None:
    user = make_user(role=role)
    if may:
        token, _ = token_store.issue(user=user, name="n8n", scope="read_and_sync", now=NOW)
        assert token.scope == "read_and_sync"
        return
    with pytest.raises(ApiTokenRefused, match="does not allow what this token may do"):
        token_store.issue(user=user, name="n8n", scope="read_and_sync", now=NOW)


@pytest.mark.parametrize(
    ("role", "may"), [(Role.OWNER, True), (Role.MANAGER, True), (Role.ANALYST, True), (Role.VIEWER, False)]
)
def test_who_may_change_findings_may_issue_a_token_that_does(role: Role, may: bool) -> None:
    user = make_user(role=role)
    assert access.may_issue_api_token(user, "read_and_change") is may
    user.token_scope = "read_and_change"
    assert access.may_change_findings(user) is may
    # The scope is no role: an analyst's token starts no sync.
    assert access.may_sync_anything(user) is (role in {Role.OWNER, Role.MANAGER})
    for scope in ("read", "read_and_sync"):
        user.token_scope = scope
        assert not access.may_change_findings(user)


def test_a_scope_that_does_not_exist_is_refused(alice: User) -> None:
    with pytest.raises(ApiTokenRefused, match="read or read_and_sync or read_and_change"):
        token_store.issue(user=alice, name="n8n", scope="everything", now=NOW)


def test_issuing_and_revoking_are_recorded_without_the_token(alice: User, bob: User) -> None:
    token, _ = token_store.issue(user=bob, name="Sheet", scope="read", now=NOW)
    token_store.revoke(token, actor=alice)
    token_store.revoke(ApiToken(pk=token.pk, user=bob), actor=alice)
    issued, revoked = AuditEvent.objects.order_by("pk")
    assert (issued.kind, issued.actor_email) == ("api_token_issued", "bob@example.com")
    assert issued.detail == {
        "token": f"Sheet ({token.token_key}…)",
        "scope": "read",
        "expires_at": "2027-02-18T12:00:00+00:00",
    }
    assert (revoked.kind, revoked.actor_email) == ("api_token_revoked", "alice@example.com")
    assert revoked.detail == {"token": f"Sheet ({token.token_key}…)", "user_email": "bob@example.com"}


def test_a_token_that_was_not_issued_leaves_no_event(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the other way round: an event that cannot be stored leaves no token."""

    def fails(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(audit_trail, "record", fails)
    with pytest.raises(OSError, match="disk full"):
        token_store.issue(user=alice, name="Looker", scope="read", now=NOW)
    assert not ApiToken.objects.exists()


def test_use_is_recorded_once_a_minute(alice: User, django_assert_num_queries: object) -> None:
    token, plain = token_store.issue(user=alice, name="Looker", scope="read", now=NOW)
    for seconds, noted in ((0, 0), (59, 0), (60, 60), (90, 60)):
        row = token_store.find(plain)
        assert row
        token_store.record_use(row, now=NOW + timedelta(seconds=seconds))
        token.refresh_from_db()
        assert token.last_used_at == NOW + timedelta(seconds=noted)


def test_a_person_using_a_token_can_only_read_and_sync(alice: User, bobs_ad_account: AdAccount) -> None:
    own = make_connection(user=alice)
    alice.token_scope = "read_and_sync"
    assert access.sees_every_ad_account(alice)
    assert access.may_sync(alice, bobs_ad_account.pk)
    assert access.may_change_anything(alice)
    assert not access.may_change_findings(alice)
    assert not access.may_edit_thresholds(alice)
    assert not access.may_manage_people(alice)
    assert not access.may_connect_linkedin(alice)
    assert not access.may_edit_timetable(alice)
    assert not access.may_end_consent(alice, own)
    assert not access.may_issue_api_token(alice, "read")
    alice.token_scope = "read"
    assert access.sees_every_ad_account(alice)
    assert not access.may_sync(alice, bobs_ad_account.pk)
    assert not access.may_change_anything(alice)
