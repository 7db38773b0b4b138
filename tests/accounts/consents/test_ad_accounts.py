from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database

from accounts.consents.ad_accounts import AdAccountRow, mark_missing, mark_role_lost, store_ad_accounts, store_roles
from accounts.models import AdAccount, LinkedInAdAccountRole
from tests.builders import NOW, make_ad_account, make_connection, make_role

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=1)


def row(**changes: Any) -> AdAccountRow:
    values: dict[str, Any] = {
        "id": 511_111_111_111,
        "name": "Größe GmbH",
        "status": "ACTIVE",
        "currency": "EUR",
        "type": "BUSINESS",
        "is_test": False,
        "created_at": datetime(2024, 1, 1, tzinfo=UTC),
    }
    return AdAccountRow(**values | changes)


def row_versions(table: str) -> list[tuple[Any, ...]]:
    """A row that is written again gets a new xmin in a new transaction, and a new place in any case."""
    with database.cursor() as cursor:
        cursor.execute(f"SELECT xmin::text, ctid::text FROM {table} ORDER BY id")
        versions: list[tuple[Any, ...]] = cursor.fetchall()
    return versions


def test_store_ad_accounts_inserts_every_column() -> None:
    assert store_ad_accounts([row()], now=NOW) == 1
    stored = AdAccount.objects.values().get()
    assert stored == {
        "id": 511_111_111_111,
        "name": "Größe GmbH",
        "status": "ACTIVE",
        "currency": "EUR",
        "type": "BUSINESS",
        "is_test": False,
        "created_at": datetime(2024, 1, 1, tzinfo=UTC),
        "fetched_at": NOW,
        "missing_since": None,
    }


def test_store_ad_accounts_takes_rows_of_nothing_but_an_id() -> None:
    bare = row(name=None, status=None, currency=None, type=None, is_test=None, created_at=None)
    assert store_ad_accounts([bare], now=NOW) == 1
    assert store_ad_accounts([bare], now=LATER) == 0


def test_store_ad_accounts_writes_nothing_that_is_unchanged() -> None:
    rows = [row(id=1), row(id=2)]
    store_ad_accounts(rows, now=NOW)
    before = row_versions("ad_accounts")
    assert store_ad_accounts(rows, now=LATER) == 0
    assert row_versions("ad_accounts") == before
    assert store_ad_accounts([row(id=1), row(id=2, name="New")], now=LATER) == 1
    assert AdAccount.objects.get(pk=2).fetched_at == LATER
    assert AdAccount.objects.get(pk=1).fetched_at == NOW


def test_store_ad_accounts_takes_the_last_of_two_with_one_id() -> None:
    assert store_ad_accounts([row(name="first"), row(name="last")], now=NOW) == 1
    assert AdAccount.objects.get().name == "last"


def test_store_ad_accounts_of_nothing_writes_nothing() -> None:
    assert store_ad_accounts([], now=NOW) == 0


def test_an_ad_account_that_is_listed_again_is_not_missing() -> None:
    store_ad_accounts([row()], now=NOW)
    AdAccount.objects.update(missing_since=NOW)
    assert store_ad_accounts([row()], now=LATER) == 1
    assert AdAccount.objects.get().missing_since is None


def test_store_roles_keeps_the_listed_and_loses_the_others() -> None:
    connection = make_connection()
    kept, lost, found = make_ad_account(), make_ad_account(), make_ad_account()
    elsewhere = make_role(ad_account=lost)
    make_role(connection=connection, ad_account=lost)
    make_role(connection=connection, ad_account=kept, lost_at=NOW)
    unknown_ad_account = 999
    store_roles(
        connection_id=connection.pk,
        roles={kept.pk: "ACCOUNT_MANAGER", found.pk: None, unknown_ad_account: "VIEWER"},
        now=LATER,
    )
    assert set(connection.ad_account_roles.values_list("ad_account", "role", "lost_at")) == {
        (kept.pk, "ACCOUNT_MANAGER", None),
        (found.pk, None, None),
        (lost.pk, "VIEWER", LATER),
    }
    elsewhere.refresh_from_db()
    assert elsewhere.lost_at is None


def test_store_roles_writes_nothing_that_is_unchanged() -> None:
    role, lost = make_role(), make_role(lost_at=NOW)
    LinkedInAdAccountRole.objects.filter(pk=lost.pk).update(connection=role.connection)
    before = row_versions("linkedin_ad_account_roles")
    store_roles(connection_id=role.connection_id, roles={role.ad_account_id: "VIEWER"}, now=LATER)
    assert row_versions("linkedin_ad_account_roles") == before


def test_store_roles_of_nothing_loses_them_all() -> None:
    role = make_role()
    store_roles(connection_id=role.connection_id, roles={}, now=LATER)
    role.refresh_from_db()
    assert role.lost_at == LATER


def test_mark_role_lost_remembers_when_it_was_lost_first() -> None:
    role = make_role()
    other = make_role(connection=role.connection)
    for now in (NOW, LATER):
        mark_role_lost(connection_id=role.connection_id, ad_account_id=role.ad_account_id, now=now)
    role.refresh_from_db()
    other.refresh_from_db()
    assert (role.lost_at, other.lost_at) == (NOW, None)


def test_mark_missing_marks_what_no_connection_lists_any_more() -> None:
    gone = make_role(lost_at=NOW).ad_account
    shared = make_role(lost_at=NOW).ad_account
    make_role(ad_account=shared)
    make_ad_account(name="never listed by roles")
    assert mark_missing(now=LATER) == 1
    assert mark_missing(now=LATER + timedelta(days=1)) == 0
    assert list(AdAccount.objects.filter(missing_since=LATER)) == [gone]
