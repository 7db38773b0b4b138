"""Is this ad account due, and for which days; from sync_log alone. Never enqueues."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Max

from accounts.consents import removed_ad_accounts
from accounts.shell.clock import TOLERANCE
from accounts.shell.formatting import age_in_words
from ingestion.models import SyncGate, SyncLog
from ingestion.timetable import ad_account_settings

# Where one clock has passed midnight, another may not have.
_CLOCKS_DIFFER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Freshness:
    """Whether a sync is due, and the reason as a person would say it."""

    is_due: bool
    reason: str
    last_success_at: datetime | None = None
    fresh_until: datetime | None = None


def freshness(ad_account_id: int, *, now: datetime) -> Freshness:
    """Due when the backfill is not covered yet or the last success is older than `FRESHNESS_TTL_MINUTES`."""
    return freshness_of([ad_account_id], now=now)[ad_account_id]


def freshness_of(ad_account_ids: Collection[int], *, now: datetime) -> dict[int, Freshness]:
    """The same for several ad accounts, in one query.

    Only a success that reached its own day counts: a sync of last March makes nothing fresh.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _LAST_SUCCESSES,
            {
                "ad_account_ids": list(ad_account_ids),
                "today": now.date(),
                "latest": now + TOLERANCE,
                "backfill_days": int(settings.BACKFILL_DAYS),
            },
        )
        return {
            row[0]: _freshness(last=row[1], is_backfilled=row[2], ahead=row[3], now=now) for row in cursor.fetchall()
        }


# Two steps down an index of each ad account's own successes. One that began before the first day of the backfill cannot
# cover it, and the oldest of the others nearly always does. What a clock that was wrong dated ahead counts for nothing.
_LAST_SUCCESSES = """
SELECT wanted.id, last.finished_at, EXISTS (
           SELECT FROM sync_log
           WHERE account_id = wanted.id AND status = 'success'
             AND started_at >= (backfill.first_day::timestamp AT TIME ZONE 'UTC')
             AND first_day <= backfill.first_day AND last_day BETWEEN backfill.first_day AND %(today)s::date + 1
       ), (
           SELECT max(finished_at) FROM sync_log
           WHERE account_id = wanted.id AND status = 'success' AND started_at > %(latest)s
       )
FROM unnest(%(ad_account_ids)s::bigint[]) AS wanted (id)
LEFT JOIN ad_account_settings AS own ON own.account_id = wanted.id
CROSS JOIN LATERAL (
    SELECT %(today)s::date - (coalesce(own.backfill_days, %(backfill_days)s) - 1) AS first_day
) AS backfill
LEFT JOIN LATERAL (
    SELECT finished_at FROM sync_log
    WHERE account_id = wanted.id AND status = 'success' AND last_day >= (started_at AT TIME ZONE 'UTC')::date
      AND started_at <= %(latest)s
    ORDER BY started_at DESC LIMIT 1
) AS last ON true
"""


def _freshness(*, last: datetime | None, is_backfilled: bool, ahead: datetime | None, now: datetime) -> Freshness:
    if last is None and ahead:
        return Freshness(True, f"the last sync is dated {ahead.astimezone(UTC):%Y-%m-%d %H:%M} UTC, in the future")
    if last is None:
        return Freshness(True, "never synced successfully")
    ttl = timedelta(minutes=settings.FRESHNESS_TTL_MINUTES)
    ago = age_in_words(last, now=now)
    if now - last >= ttl:
        return Freshness(True, f"last synced {ago}", last)
    if not is_backfilled:
        return Freshness(True, "not every day of the backfill has been synced yet", last)
    minutes = settings.FRESHNESS_TTL_MINUTES
    count, unit = (minutes, "minute") if minutes % 60 else (minutes // 60, "hour")
    after = f"{count} {unit}{'' if count == 1 else 's'}"
    return Freshness(False, f"synced {ago}; next sync after {after}", last, fresh_until=last + ttl)


def pass_gate(ad_account_id: int, *, force: bool, by_hand: bool = True, now: datetime) -> Freshness:
    """Whether a sync may begin now; the answer is kept where people can see it.

    A paused ad account is synced by hand only, one that is being removed not at all.
    """
    if removed_ad_accounts.among([ad_account_id]):
        return Freshness(False, "it was removed, with all its data")
    paused_by = None if force or by_hand else ad_account_settings.paused_by([ad_account_id]).get(ad_account_id)
    if paused_by:
        gate = Freshness(False, f"paused by {paused_by}")
    else:
        gate = Freshness(True, "forced") if force else freshness(ad_account_id, now=now)
    SyncGate.objects.update_or_create(
        account_id=ad_account_id,
        defaults={"asked_at": now, "was_due": gate.is_due, "answer": gate.reason},
    )
    return gate


def note_refusal(ad_account_id: int, reason: str, *, now: datetime) -> None:
    """The sync passed the gate and could not begin."""
    SyncGate.objects.filter(account_id=ad_account_id).update(asked_at=now, was_due=False, answer=reason)


def days_due(ad_account_id: int, *, today: date) -> tuple[date, date]:
    """First and last day that the next sync should request.

    The last `BACKFILL_DAYS` at first, or as many as the ad account's own settings say; then from the end of what is
    covered without a gap since then, less `LOOKBACK_DAYS`, because LinkedIn restates conversions for weeks. After an
    outage longer than the backfill from where the last success ended, so that no day is left out.
    """
    backfill_start = _backfill_start(ad_account_id, today)
    covered_through = _covered_through(ad_account_id, since=backfill_start, today=today)
    if covered_through is None:
        last_day = _last_day_covered(ad_account_id, today=today)
        if last_day is None or last_day >= backfill_start:
            return backfill_start, today
        covered_through = last_day
    return min(covered_through - timedelta(days=settings.LOOKBACK_DAYS), today), today


def _backfill_start(ad_account_id: int, today: date) -> date:
    return today - timedelta(days=ad_account_settings.backfill_days(ad_account_id) - 1)


def _last_day_covered(ad_account_id: int, *, today: date) -> date | None:
    successes = SyncLog.objects.filter(
        account_id=ad_account_id, status=SyncLog.Status.SUCCESS, last_day__lte=today + _CLOCKS_DIFFER
    )
    last_day: date | None = successes.aggregate(last_day=Max("last_day"))["last_day"]
    return last_day


def _covered_through(ad_account_id: int, *, since: date, today: date) -> date | None:
    """The last day of the unbroken stretch of successful syncs that holds `since`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT upper(stretch) - 1
            FROM (SELECT unnest(range_agg(daterange(first_day, last_day, '[]'))) AS stretch
                  FROM sync_log
                  WHERE account_id = %s AND status = 'success' AND last_day BETWEEN %s AND %s) AS covered
            WHERE stretch @> %s
            """,
            [ad_account_id, since, today + _CLOCKS_DIFFER, since],
        )
        row = cursor.fetchone()
        return row[0] if row else None
