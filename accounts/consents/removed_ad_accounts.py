"""Which ad accounts were removed and stay out; the only writer of `removed_ad_accounts`."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import F

from accounts import audit_trail
from accounts.models import AdAccount, RemovedAdAccount, User


def among(ad_account_ids: Collection[int]) -> set[int]:
    """Those of them that were removed."""
    return set(RemovedAdAccount.objects.filter(pk__in=ad_account_ids).values_list("pk", flat=True))


def mark(ad_account: AdAccount, *, rows: int, actor: User | None, now: datetime) -> None:
    """Mark an ad account as removed and record it; nothing happens if it is marked already."""
    with transaction.atomic():
        _, is_new = RemovedAdAccount.objects.get_or_create(
            pk=ad_account.pk,
            defaults={"name": ad_account.name, "asked_by": actor, "asked_at": now, "rows_found": rows},
        )
        if is_new:
            by = {} if actor else {"by": "command"}
            audit_trail.record(
                "ad_account_removed", actor=actor, ad_account_id=ad_account.pk, name=ad_account.name, rows=rows, **by
            )


def add_removed_rows(ad_account_id: int, *, rows: int) -> None:
    """Count rows that were removed just now."""
    RemovedAdAccount.objects.filter(pk=ad_account_id).update(rows_removed=F("rows_removed") + rows)


def finish(ad_account_id: int, *, now: datetime) -> None:
    RemovedAdAccount.objects.filter(pk=ad_account_id, finished_at=None).update(finished_at=now)


def restore(removed: RemovedAdAccount, *, actor: User | None) -> None:
    """Let the next discovery store the ad account again, and record it."""
    with transaction.atomic():
        audit_trail.record("ad_account_let_back", actor=actor, ad_account_id=removed.pk, name=removed.name)
        removed.delete()
