"""Stores ad accounts and the roles on them as LinkedIn lists them; the only writer of both tables.

An unchanged row is not written: no dead tuple, and `fetched_at` stays when LinkedIn last sent something new. Rows go
in by id, so that two writers never wait for each other in a circle.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection as database
from django.db import transaction

from accounts.models import AdAccount, LinkedInAdAccountRole, LinkedInConnection

_UPSERT_AD_ACCOUNTS = """
INSERT INTO ad_accounts
    (id, name, status, currency, type, is_test, created_at, fetched_at, missing_since)
SELECT id, name, status, currency, type, is_test, created_at, %s, NULL
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::timestamptz[])
    AS given (id, name, status, currency, type, is_test, created_at)
ON CONFLICT (id) DO UPDATE SET
    name = EXCLUDED.name, status = EXCLUDED.status, currency = EXCLUDED.currency, type = EXCLUDED.type,
    is_test = EXCLUDED.is_test, created_at = EXCLUDED.created_at, fetched_at = EXCLUDED.fetched_at,
    missing_since = NULL
WHERE (ad_accounts.name, ad_accounts.status, ad_accounts.currency, ad_accounts.type, ad_accounts.is_test,
       ad_accounts.created_at, ad_accounts.missing_since)
    IS DISTINCT FROM
      (EXCLUDED.name, EXCLUDED.status, EXCLUDED.currency, EXCLUDED.type, EXCLUDED.is_test,
       EXCLUDED.created_at, EXCLUDED.missing_since)
"""

_UPSERT_ROLES = """
INSERT INTO linkedin_ad_account_roles (connection_id, ad_account_id, role, lost_at)
SELECT %s, ad_accounts.id, given.role, NULL
FROM unnest(%s::bigint[], %s::text[]) AS given (id, role) JOIN ad_accounts USING (id)
ORDER BY ad_accounts.id
ON CONFLICT (connection_id, ad_account_id) DO UPDATE SET role = EXCLUDED.role, lost_at = NULL
WHERE (linkedin_ad_account_roles.role, linkedin_ad_account_roles.lost_at)
    IS DISTINCT FROM (EXCLUDED.role, EXCLUDED.lost_at)
"""

# A known role must be lost: an ad account between its own insert and its first role is not missing.
_MARK_MISSING = """
UPDATE ad_accounts SET missing_since = %s
WHERE missing_since IS NULL
    AND EXISTS (SELECT FROM linkedin_ad_account_roles WHERE ad_account_id = ad_accounts.id)
    AND NOT EXISTS (
        SELECT FROM linkedin_ad_account_roles WHERE ad_account_id = ad_accounts.id AND lost_at IS NULL
    )
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdAccountRow:
    """Columns of one ad account as LinkedIn sends them; None where it does not."""

    id: int
    name: str | None
    status: str | None
    currency: str | None
    type: str | None
    is_test: bool | None
    created_at: datetime | None


def store_ad_accounts(rows: Iterable[AdAccountRow], *, now: datetime) -> int:
    """Insert or update ad accounts; returns how many rows were written. A listed one is not missing."""
    # LinkedIn may list one twice across page boundaries; the last one counts.
    unique = {row.id: row for row in rows}
    ordered = [unique[ad_account_id] for ad_account_id in sorted(unique)]
    columns = ("id", "name", "status", "currency", "type", "is_test", "created_at")
    values = [[getattr(row, column) for row in ordered] for column in columns]
    with database.cursor() as cursor:
        cursor.execute(_UPSERT_AD_ACCOUNTS, [now, *values])
        written: int = cursor.rowcount
        return written


def store_roles(
    *, connection_id: int, roles: Mapping[int, str | None], now: datetime, others_are_lost: bool = True
) -> None:
    """Store the roles of a connection (ad account id → role); the others are lost if `roles` is complete.

    Ad accounts that are not stored are skipped.
    """
    ids = list(roles)
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(_UPSERT_ROLES, [connection_id, ids, [roles[ad_account_id] for ad_account_id in ids]])
        if others_are_lost:
            held = LinkedInAdAccountRole.objects.filter(connection=connection_id, lost_at=None)
            held.exclude(ad_account__in=ids).update(lost_at=now)


def mark_role_lost(*, connection_id: int, ad_account_id: int, now: datetime) -> None:
    """LinkedIn refused this connection on this ad account; its other roles stay."""
    held = LinkedInAdAccountRole.objects.filter(connection=connection_id, ad_account=ad_account_id, lost_at=None)
    held.update(lost_at=now)


def connections_that_lost_roles(*, since: datetime, now: datetime) -> list[int]:
    """Living connections that lost a role since then and have not got it back."""
    living = LinkedInConnection.objects.living(now=now)
    lost = LinkedInAdAccountRole.objects.filter(lost_at__gte=since, connection__in=living)
    return sorted(set(lost.values_list("connection", flat=True)))


def remove(ad_account_id: int) -> int:
    """Remove an ad account and every row that belongs to it, in every room; returns how many besides its own."""
    _, gone = AdAccount.objects.filter(pk=ad_account_id).delete()
    return sum(count for name, count in gone.items() if name != AdAccount._meta.label)


def mark_missing(*, now: datetime) -> int:
    """Mark ad accounts on which every known role is lost; returns how many. Call it after `store_roles`."""
    with database.cursor() as cursor:
        cursor.execute(_MARK_MISSING, [now])
        written: int = cursor.rowcount
        return written
