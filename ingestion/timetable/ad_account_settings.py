"""How a team wants one ad account synced; the only writer of `ad_account_settings`."""

from collections.abc import Collection
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction

from accounts import audit_trail
from accounts.models import User
from ingestion.models import AdAccountSettings


def backfill_days(ad_account_id: int) -> int:
    """How many whole days a first sync of this ad account fetches, besides today."""
    own = AdAccountSettings.objects.filter(pk=ad_account_id).values_list("backfill_days", flat=True).first()
    return own or int(settings.BACKFILL_DAYS)


def backfill_start(ad_account_id: int, *, today: date) -> date:
    """The first day of a first sync, which fetches as many whole days as a report of the last days shows, and today."""
    return today - timedelta(days=backfill_days(ad_account_id))


def paused_by(ad_account_ids: Collection[int]) -> dict[int, str]:
    """Those of the ad accounts that are paused, and who paused each, as people are named."""
    paused = AdAccountSettings.objects.filter(pk__in=ad_account_ids, is_paused=True).select_related("paused_by")
    return {one.account_id: str(one.paused_by or "a former user") for one in paused}


def save(wanted: AdAccountSettings, *, changed: Collection[str], actor: User | None) -> None:
    """Store what the form says, on record."""
    with transaction.atomic():
        if not wanted.is_paused:
            wanted.paused_by = None
        elif "is_paused" in changed:
            wanted.paused_by = actor
        wanted.save()
        _record(wanted, changed=sorted(changed), actor=actor)


def forget(wanted: AdAccountSettings, *, actor: User | None) -> None:
    """Back to the installation's settings, on record."""
    with transaction.atomic():
        _record(wanted, changed=["all reset to the defaults"], actor=actor)
        wanted.delete()


def _record(wanted: AdAccountSettings, *, changed: list[str], actor: User | None) -> None:
    audit_trail.record(
        "ad_account_settings_changed",
        actor=actor,
        ad_account_id=wanted.account_id,
        changed=changed,
        backfill_days=wanted.backfill_days,
        is_paused=wanted.is_paused,
    )
