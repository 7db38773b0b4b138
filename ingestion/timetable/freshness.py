"""Is this ad account due, and which days; from sync_log alone. Never enqueues."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import F, Max

from accounts.consents import removed_ad_accounts
from ingestion.models import SyncGate, SyncLog
from ingestion.timetable import ad_account_settings


@dataclass(frozen=True, slots=True)
class Freshness:
    """Whether a sync is due, and the reason as a person would say it."""

    is_due: bool
    reason: str
    last_success_at: datetime | None = None


def freshness(ad_account_id: int, *, now: datetime) -> Freshness:
    """Due when the backfill is not covered yet or the last success is older than `FRESHNESS_TTL_MINUTES`.

    Only a success that reached its own day counts: a sync of last March makes nothing fresh.
    """
    last = (
        SyncLog.objects.filter(account_id=ad_account_id, status=SyncLog.Status.SUCCESS)
        .filter(last_day__gte=F("started_at__date"))
        .order_by("-started_at")
        .values_list("finished_at", flat=True)
        .first()
    )
    if last is None:
        return Freshness(True, "never synced successfully")
    age = now - last
    minutes = int(age.total_seconds() // 60)
    ago = f"{minutes} minute{'' if minutes == 1 else 's'} ago"
    if age >= timedelta(minutes=settings.FRESHNESS_TTL_MINUTES):
        return Freshness(True, f"last synced {ago}", last)
    if _covered_through(ad_account_id, since=_backfill_start(ad_account_id, now.date())) is None:
        return Freshness(True, "not every day of the backfill was asked for yet", last)
    return Freshness(
        False,
        f"fresh: synced {ago}, asked again after {settings.FRESHNESS_TTL_MINUTES}",
        last,
    )


def pass_gate(ad_account_id: int, *, force: bool, by_hand: bool = True, now: datetime) -> Freshness:
    """The gate's answer to whoever asks for a sync, remembered where people can see it.

    A paused ad account is synced by hand alone, one that is being removed not at all.
    """
    if removed_ad_accounts.among([ad_account_id]):
        return Freshness(False, "it was removed, with all its data")
    paused_by = None if force or by_hand else ad_account_settings.paused_by([ad_account_id]).get(ad_account_id)
    if paused_by:
        gate = Freshness(False, f"paused by {paused_by}")
    else:
        gate = Freshness(True, "asked for by force") if force else freshness(ad_account_id, now=now)
    SyncGate.objects.update_or_create(
        account_id=ad_account_id,
        defaults={"asked_at": now, "was_due": gate.is_due, "answer": gate.reason},
    )
    return gate


def note_refusal(ad_account_id: int, why: str, *, now: datetime) -> None:
    """The gate let the sync pass, and it could not begin."""
    SyncGate.objects.filter(account_id=ad_account_id).update(asked_at=now, was_due=False, answer=why)


def days_due(ad_account_id: int, *, today: date) -> tuple[date, date]:
    """First and last day that the next sync should ask for.

    The last `BACKFILL_DAYS` at first, or as many as the ad account's own settings say; then from the end of what is
    covered without a gap since then, less `LOOKBACK_DAYS`, because LinkedIn restates conversions for weeks. After an
    outage longer than the backfill from where the last success ended, so that no day is left out.
    """
    backfill_start = _backfill_start(ad_account_id, today)
    covered_through = _covered_through(ad_account_id, since=backfill_start)
    if covered_through is None:
        last_day = _last_day_covered(ad_account_id)
        if last_day is None or last_day >= backfill_start:
            return backfill_start, today
        covered_through = last_day
    return min(covered_through - timedelta(days=settings.LOOKBACK_DAYS), today), today


def _backfill_start(ad_account_id: int, today: date) -> date:
    return today - timedelta(days=ad_account_settings.backfill_days(ad_account_id) - 1)


def _last_day_covered(ad_account_id: int) -> date | None:
    successes = SyncLog.objects.filter(account_id=ad_account_id, status=SyncLog.Status.SUCCESS)
    last_day: date | None = successes.aggregate(last_day=Max("last_day"))["last_day"]
    return last_day


def _covered_through(ad_account_id: int, *, since: date) -> date | None:
    """The last day of the unbroken stretch of successful syncs that holds `since`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT upper(stretch) - 1
            FROM (SELECT unnest(range_agg(daterange(first_day, last_day, '[]'))) AS stretch
                  FROM sync_log
                  WHERE account_id = %s AND status = 'success' AND last_day >= %s) AS covered
            WHERE stretch @> %s
            """,
            [ad_account_id, since, since],
        )
        row = cursor.fetchone()
        return row[0] if row else None
