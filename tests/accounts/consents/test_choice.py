from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError

from accounts.consents.choice import ad_accounts_read_only_by, usable_connection, usable_roles
from accounts.consents.connections import end, living_of, mark_needs_consent, store_grant
from accounts.consents.tokens import ConnectionTokens
from accounts.consents.warnings import step_of
from accounts.errors import NoUsableConnection
from accounts.models import LinkedInConnection, User
from tests.accounts.consents.consent_trail import consent_events
from tests.accounts.consents.scripted_linkedin import ScriptedLinkedIn
from tests.builders import NOW, make_ad_account, make_connection, make_grant, make_role, make_user
from tests.conftest import let_tests_empty_the_audit_trail

State = LinkedInConnection.State


# --- Which connection is living ---

PAST, FUTURE = NOW - timedelta(days=1), NOW + timedelta(days=1)
CONNECTIONS = [
    ({"access_token_expires_at": FUTURE, "refresh_token": None}, True),
    ({"access_token_expires_at": PAST, "refresh_token": None}, False),
    ({"access_token_expires_at": NOW, "refresh_token": None}, False),
    ({"access_token_expires_at": FUTURE, "refresh_token_expires_at": PAST}, True),
    ({"access_token_expires_at": PAST, "refresh_token_expires_at": FUTURE}, True),
    ({"access_token_expires_at": PAST, "refresh_token_expires_at": NOW}, False),
    ({"access_token_expires_at": PAST, "refresh_token_expires_at": PAST}, False),
    ({"state": State.NEEDS_CONSENT}, False),
    ({"state": State.REVOKED}, False),
]


@pytest.mark.parametrize(("changes", "is_living"), CONNECTIONS)
@pytest.mark.django_db
def test_all_agree_on_which_connection_is_living(changes: dict[str, Any], is_living: bool) -> None:
    """A sync, a person's page, the status, the warnings and the end of another consent use one definition."""
    person = make_user()
    role = make_role(connection=make_connection(user=person, **changes))
    connection = role.connection
    answers = {
        "rows": LinkedInConnection.objects.living(now=NOW).exists(),
        "row": connection.is_living(NOW),
        "roles": usable_roles(now=NOW).exists(),
        "of a person": living_of(person, now=NOW) == [connection.pk],
        "days left": connection.days_left(NOW) > 0,
        "state": connection.state_at(NOW) in {"active", "expiring"},
        "not lost": step_of(connection, now=NOW) not in {None if connection.state == State.REVOKED else 0},
    }
    other = make_role(ad_account=role.ad_account)
    answers["reads it, too"] = not ad_accounts_read_only_by(other.connection_id, now=NOW).exists()
    try:
        answers["usable"] = usable_connection(role.ad_account_id, exclude=[other.connection_id], now=NOW) == connection
    except NoUsableConnection:
        answers["usable"] = False
    assert answers == dict.fromkeys(answers, is_living)


@pytest.mark.parametrize("changes", [{"refresh_token": None}, {"refresh_token_expires_at": None}])
@pytest.mark.django_db
def test_a_refresh_token_and_its_end_come_together(changes: dict[str, Any]) -> None:
    """Otherwise the two ends could not say how long a consent lasts."""
    connection = make_connection()
    with pytest.raises(IntegrityError, match="a_refresh_token_and_its_end_come_together"):
        LinkedInConnection.objects.filter(pk=connection.pk).update(**changes)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_migration_completes_the_ends_of_refresh_tokens() -> None:
    without_end, without_token, complete = make_connection(), make_connection(), make_connection()
    try:
        call_command("migrate", "accounts", "0012", verbosity=0)
        rows = LinkedInConnection.objects
        rows.filter(pk=without_end.pk).update(refresh_token_expires_at=None)
        rows.filter(pk=without_token.pk).update(refresh_token=None)
    finally:
        call_command("migrate", verbosity=0)
        let_tests_empty_the_audit_trail()
    ends = dict(LinkedInConnection.objects.values_list("pk", "refresh_token_expires_at"))
    assert ends == {
        without_end.pk: without_end.connected_at + timedelta(days=365),
        without_token.pk: None,
        complete.pk: complete.refresh_token_expires_at,
    }


# --- usable_connection ---


@pytest.mark.django_db
def test_usable_connection_is_the_one_that_lasts_longest() -> None:
    ad_account = make_ad_account()
    for days in (100, 300, 200):
        connection = make_connection(refresh_token_expires_at=NOW + timedelta(days=days))
        make_role(connection=connection, ad_account=ad_account)
    best = LinkedInConnection.objects.get(refresh_token_expires_at=NOW + timedelta(days=300))
    assert usable_connection(ad_account.pk, now=NOW) == best


@pytest.mark.django_db
def test_an_ended_access_token_is_usable_while_it_can_be_renewed() -> None:
    role = make_role(connection=make_connection(access_token_expires_at=NOW - timedelta(days=1)))
    assert usable_connection(role.ad_account_id, now=NOW) == role.connection


@pytest.mark.parametrize(
    "changes",
    [
        {"state": State.NEEDS_CONSENT},
        {"state": State.REVOKED},
        {"access_token_expires_at": NOW, "refresh_token": None},
        {"access_token_expires_at": NOW, "refresh_token_expires_at": NOW},
    ],
)
@pytest.mark.django_db
def test_a_connection_that_needs_consent_is_not_usable(changes: dict[str, Any]) -> None:
    role = make_role(connection=make_connection(**changes))
    with pytest.raises(NoUsableConnection, match="connect LinkedIn again") as caught:
        usable_connection(role.ad_account_id, now=NOW)
    assert caught.value.kind == "consent"
    assert LinkedInConnection.objects.get().state == changes.get("state", State.NEEDS_CONSENT)


@pytest.mark.django_db
def test_without_a_role_there_is_no_access() -> None:
    role = make_role(lost_at=NOW)
    make_role(connection=role.connection)
    with pytest.raises(NoUsableConnection, match="Campaign Manager") as caught:
        usable_connection(role.ad_account_id, now=NOW)
    assert caught.value.kind == "access"


@pytest.mark.django_db
def test_a_lost_consent_is_recorded_once_wherever_it_is_noticed() -> None:
    role = make_role(connection=make_connection(access_token_expires_at=NOW, refresh_token=None))
    for _ in range(2):
        with pytest.raises(NoUsableConnection):
            usable_connection(role.ad_account_id, now=NOW)
        mark_needs_consent(role.connection_id, trouble="LinkedIn ended it; connect LinkedIn again.")
    assert consent_events() == [("consent_lost", role.connection_id)]


@pytest.mark.django_db
def test_an_ended_consent_is_no_longer_used_and_a_new_one_replaces_it(linkedin: ScriptedLinkedIn, alice: User) -> None:
    role = make_role(connection=make_connection(user=alice))
    end(role.connection_id, actor=alice, now=NOW)
    with pytest.raises(NoUsableConnection):
        usable_connection(role.ad_account_id, now=NOW)
    with pytest.raises(NoUsableConnection):
        ConnectionTokens(role.connection_id, now=lambda: NOW).current()
    store_grant(user=alice, grant=make_grant(), now=NOW)
    assert usable_connection(role.ad_account_id, now=NOW) == role.connection


# --- Read by no other ---


@pytest.mark.django_db
def test_read_only_by_means_no_other_living_connection_has_a_role() -> None:
    connection, other, dead = make_connection(), make_connection(), make_connection(state=State.NEEDS_CONSENT)
    alone, shared, with_dead, lost_by_other = (make_ad_account() for _ in range(4))
    for ad_account in (alone, shared, with_dead, lost_by_other):
        make_role(connection=connection, ad_account=ad_account)
    make_role(connection=other, ad_account=shared)
    make_role(connection=dead, ad_account=with_dead)
    make_role(connection=other, ad_account=lost_by_other, lost_at=NOW)
    make_role(connection=connection, lost_at=NOW)
    assert set(ad_accounts_read_only_by(connection.pk, now=NOW)) == {alone, with_dead, lost_by_other}
