"""Removes an ad account with all its data, in every room.

It is marked first, so that nothing restores or syncs it in the meantime. Large tables are emptied a few thousand rows
per transaction, so that nobody waits long and an interrupted removal can be resumed. The audit trail is kept, and the
mark, which keeps discovery from storing the ad account again.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from accounts.consents import ad_accounts, removed_ad_accounts
from accounts.models import AdAccount, User
from ingestion.models import (
    AccountDailyTotal,
    AudienceDemographic,
    Campaign,
    CampaignDailyMetric,
    Creative,
    CreativeDailyMetric,
    RejectedRecord,
)
from ingestion.sync.ledger import closing
from ingestion.timetable import schedules
from reporting.exports import export_store
from reporting.models import Finding

_CHUNK: Final = 10_000

# Possibly large tables, and the condition for rows of one ad account; referring tables come before the referred one.
LARGE: Final[dict[type[Model], str]] = {
    CreativeDailyMetric: "creative_id IN (SELECT id FROM creatives WHERE account_id = %s)",
    CampaignDailyMetric: "campaign_id IN (SELECT id FROM campaigns WHERE account_id = %s)",
    AudienceDemographic: "account_id = %s",
    AccountDailyTotal: "account_id = %s",
    RejectedRecord: "account_id = %s",
    Finding: "ad_account_id = %s",
    Creative: "account_id = %s",
    Campaign: "account_id = %s",
}


class StillSyncing(Exception):
    """A sync of this ad account is stopping; try again in a few seconds."""


def rows_of(ad_account_id: int) -> dict[str, int]:
    """How many rows would be removed, by display name of the table; tables without any are left out."""
    found: dict[str, int] = {}
    with connection.cursor() as cursor:
        for model, where in LARGE.items():
            cursor.execute(f"SELECT count(*) FROM {model._meta.db_table} WHERE {where}", [ad_account_id])  # noqa: S608
            [count] = cursor.fetchone()
            found[_named(model, count)] = count
    for relation in AdAccount._meta.related_objects:
        model = relation.related_model
        if model not in LARGE and not relation.many_to_many:
            count = model._default_manager.filter(**{relation.field.name: ad_account_id}).count()
            found[_named(model, count)] = count
    return {name: count for name, count in found.items() if count}


def _named(model: type[Model], count: int) -> str:
    return str(model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural)


def begin(ad_account: AdAccount, *, actor: User | None, now: datetime) -> None:
    """Stop fetching and restoring this ad account; `carry_out` does the rest."""
    with transaction.atomic():
        rows = sum(rows_of(ad_account.pk).values())
        removed_ad_accounts.mark(ad_account, rows=rows, actor=actor, now=now)
        schedules.unschedule_syncs([ad_account.pk])
        closing.cancel_all(ad_account.pk, now=now)


def carry_out(
    ad_account_id: int,
    *,
    now: Callable[[], datetime] = timezone.now,
    on_progress: Callable[[int], None] = lambda rows: None,
) -> int:
    """Remove what is left of a marked ad account; returns how many rows. Raises StillSyncing."""
    if not removed_ad_accounts.among([ad_account_id]):
        raise ValueError("an ad account must be marked before it is removed")
    if not closing.cancel_all(ad_account_id, now=now()):
        raise StillSyncing
    export_store.remove_of(ad_account_id)
    total = 0

    def note(rows: int) -> None:
        nonlocal total
        total += rows
        removed_ad_accounts.add_removed_rows(ad_account_id, rows=rows)
        on_progress(total)

    for model, where in LARGE.items():
        while _remove_chunk(model, where, ad_account_id, note):
            pass
    with transaction.atomic():
        # Row by row, with the side effects of deleting, such as removing the file of a snapshot.
        note(ad_accounts.remove(ad_account_id))
        removed_ad_accounts.finish(ad_account_id, now=now())
    # Those that began in the meantime.
    export_store.remove_of(ad_account_id)
    return total


def _remove_chunk(model: type[Model], where: str, ad_account_id: int, note: Callable[[int], None]) -> bool:
    """Whether there were any rows; the progress is stored in the same transaction.

    A ctid identifies a row only within its partition, so the rows are filtered by ad account again.
    """
    table = model._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {where} LIMIT {_CHUNK}))"  # noqa: S608
            f" AND {where}",
            [ad_account_id, ad_account_id],
        )
        removed: int = cursor.rowcount
        if removed:
            note(removed)
    return removed > 0
