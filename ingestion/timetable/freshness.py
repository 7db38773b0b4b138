"""Is this ad account due, and for which days; from what is covered. Never enqueues."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Q

from accounts.consents import removed_ad_accounts
from accounts.shell import clock
from accounts.shell.formatting import age_in_words
from ingestion.models import SyncGate, SyncLog
from ingestion.sync import coverage
from ingestion.sync.windows import DayRange
from ingestion.timetable import ad_account_settings


@dataclass(frozen=True, slots=True)
class Freshness:
    """Whether a sync is due, and the reason as a person would say it.

    `as_of` is the start of the sync that fetched the newest figures. Only figures count: names and demographics that
    LinkedIn keeps refusing make nothing due.
    """

    is_due: bool
    reason: str
    as_of: datetime | None = None
    fresh_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a sync may begin, why, and the days it requests; none where it may not."""

    is_open: bool
    reason: str
    days: DayRange | None = None


def freshness(ad_account_id: int, *, now: datetime) -> Freshness:
    """Due when the newest figures are older than `FRESHNESS_TTL_MINUTES`, or something is left to fetch.

    That is a backfill that is not covered yet, or the rest of a sync that was interrupted.
    """
    return freshness_of([ad_account_id], now=now)[ad_account_id]


def freshness_of(ad_account_ids: Collection[int], *, now: datetime) -> dict[int, Freshness]:
    """The same for several ad accounts, in one query.

    Only figures that reach the day they were requested on count: a sync of last March makes nothing fresh.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _NEWEST_FIGURES,
            {
                "ad_account_ids": list(ad_account_ids),
                "data_tables": list(coverage.DAILY_TABLES),
                "today": now.date(),
                "latest": clock.latest(now),
                "backfill_days": int(settings.BACKFILL_DAYS),
                "stored_something": list(SyncLog.STORED_SOMETHING),
                "stopped": list(SyncLog.STOPPED),
                "passing": list(SyncLog.PASSING_ERRORS),
            },
        )
        return {
            row[0]: _freshness(as_of=row[1], is_backfilled=row[2], ahead=row[3], is_unfinished=row[4], now=now)
            for row in cursor.fetchall()
        }


# As recent as the older of the two daily tables. What a clock that was wrong dated ahead counts for nothing.
_NEWEST_FIGURES = """
SELECT wanted.id,
       CASE WHEN bool_and(newest.asked_at IS NOT NULL) THEN min(newest.asked_at) END,
       bool_and(coalesce(backfill.is_covered, false)),
       max(ahead.asked_at),
       bool_or(coalesce(last_run.is_unfinished, false))
FROM unnest(%(ad_account_ids)s::bigint[]) AS wanted (id)
CROSS JOIN unnest(%(data_tables)s::text[]) AS daily (data_table)
LEFT JOIN ad_account_settings AS own ON own.account_id = wanted.id
LEFT JOIN LATERAL (
    SELECT asked_at, last_day FROM covered_days
    WHERE account_id = wanted.id AND data_table = daily.data_table AND pivot_type = ''
      AND asked_at <= %(latest)s AND last_day >= (asked_at AT TIME ZONE 'UTC')::date
    ORDER BY last_day DESC LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
    SELECT range_agg(daterange(first_day, last_day, '[]')) @> daterange(since.day, newest.last_day, '[]') AS is_covered
    FROM covered_days, (
        SELECT least(%(today)s::date - coalesce(own.backfill_days, %(backfill_days)s), newest.last_day) AS day
    ) AS since
    WHERE account_id = wanted.id AND data_table = daily.data_table AND pivot_type = ''
      AND covered_days.last_day >= since.day AND asked_at <= %(latest)s
    GROUP BY since.day
) AS backfill ON true
LEFT JOIN LATERAL (
    SELECT max(asked_at) AS asked_at FROM covered_days
    WHERE account_id = wanted.id AND data_table = daily.data_table AND pivot_type = '' AND asked_at > %(latest)s
) AS ahead ON true
LEFT JOIN LATERAL (
    SELECT status <> 'success' AND error_kind = ANY(%(passing)s) AS is_unfinished FROM sync_log
    WHERE account_id = wanted.id AND started_at <= %(latest)s
      AND (status = ANY(%(stored_something)s) OR (status = 'failed' AND error_kind = ANY(%(stopped)s)))
    ORDER BY started_at DESC LIMIT 1
) AS last_run ON true
GROUP BY wanted.id
"""


def _freshness(
    *, as_of: datetime | None, is_backfilled: bool, ahead: datetime | None, is_unfinished: bool, now: datetime
) -> Freshness:
    if as_of is None and ahead:
        return Freshness(True, f"the last sync is dated {ahead.astimezone(UTC):%Y-%m-%d %H:%M} UTC, in the future")
    if as_of is None:
        return Freshness(True, "never synced successfully")
    ttl = timedelta(minutes=settings.FRESHNESS_TTL_MINUTES)
    ago = age_in_words(as_of, now=now)
    if now - as_of >= ttl:
        return Freshness(True, f"last synced {ago}", as_of)
    if not is_backfilled:
        return Freshness(True, "not every day of the backfill has been synced yet", as_of)
    if is_unfinished:
        return Freshness(True, "the last sync did not come to its end", as_of)
    minutes = settings.FRESHNESS_TTL_MINUTES
    count, unit = (minutes, "minute") if minutes % 60 else (minutes // 60, "hour")
    after = f"{count} {unit}{'' if count == 1 else 's'}"
    return Freshness(False, f"synced {ago}; next sync after {after}", as_of, fresh_until=as_of + ttl)


def pass_gate(
    ad_account_id: int,
    *,
    force: bool,
    by_hand: bool = True,
    first_day: date | None = None,
    last_day: date | None = None,
    now: datetime,
) -> Gate:
    """Whether a sync may begin now, and for which days; the answer is kept where people can see it.

    A paused ad account is synced by hand only, one that is being removed not at all.
    """
    if removed_ad_accounts.among([ad_account_id]):
        return Gate(False, "it was removed, with all its data")
    if not (force or by_hand) and ad_account_settings.paused_by([ad_account_id]):
        # Without the name of who paused it: viewers see this answer, too.
        gate = Gate(False, "paused in its settings")
    else:
        found = Freshness(True, "forced") if force else freshness(ad_account_id, now=now)
        days = days_to_sync(ad_account_id, first_day=first_day, last_day=last_day, now=now)
        gate = Gate(found.is_due, found.reason, days if found.is_due else None)
    SyncGate.objects.update_or_create(
        account_id=ad_account_id,
        defaults={"asked_at": now, "was_due": gate.is_open, "answer": gate.reason},
    )
    return gate


def note_refusal(ad_account_id: int, reason: str, *, now: datetime) -> None:
    """The sync passed the gate and could not begin."""
    SyncGate.objects.filter(account_id=ad_account_id).update(asked_at=now, was_due=False, answer=reason)


def resume_after(ad_account_id: int, *, force: bool, trigger: str, now: datetime) -> datetime | None:
    """What was requested after this instant is not requested again; None where everything is.

    A forced sync requests everything again, the retry of one only what is missing since the last success.
    """
    recent = now - timedelta(minutes=settings.FRESHNESS_TTL_MINUTES)
    if not force:
        return recent
    if trigger != SyncLog.Trigger.RETRY:
        return None
    successes = SyncLog.objects.filter(
        account=ad_account_id,
        status=SyncLog.Status.SUCCESS,
        started_at__gt=recent,
        started_at__lte=clock.latest(now),
    )
    return max(successes.values_list("started_at", flat=True), default=recent)


def days_to_sync(ad_account_id: int, *, first_day: date | None, last_day: date | None, now: datetime) -> DayRange:
    """The days given, else the days due; never past today. Both inclusive.

    A last day alone means as many whole days up to it as a first sync fetches.
    """
    due_from, today = days_due(ad_account_id, now=now)
    last = min(last_day or today, today)
    if first_day is None and last_day is None:
        first_day = due_from
    elif first_day is None:
        # Today is no whole day, so the day after any other one is where the same count begins.
        ends = last if last == today else last + timedelta(days=1)
        first_day = ad_account_settings.backfill_start(ad_account_id, today=ends)
    return min(first_day, last), last


def days_due(ad_account_id: int, *, now: datetime) -> DayRange:
    """First and last day that the next sync should request; the last one is today.

    The last `BACKFILL_DAYS` whole days at first, or as many as the ad account's own settings say; then from the end of
    what is covered without a gap since then, less `LOOKBACK_DAYS`, because LinkedIn restates conversions for weeks.
    After an outage longer than the backfill from where figures ended then, until the gap is closed, so that no day is
    left out.
    """
    today = now.date()
    backfill_start = ad_account_settings.backfill_start(ad_account_id, today=today)
    stretches = coverage.stretches_of_figures(ad_account_id=ad_account_id, now=now)
    ends = [one.last_day for one in stretches if one.first_day <= backfill_start <= one.last_day]
    # What ended before the newest stretch began left a gap, unless a person had chosen just those days.
    ends += [one.last_day for one in stretches[:-1] if one.was_current]
    ends += [one.last_day for one in stretches[-1:] if one.was_current and one.last_day < backfill_start]
    first_day = min(ends) - timedelta(days=settings.LOOKBACK_DAYS) if ends else backfill_start
    return min(first_day, _first_day_of_stopped(ad_account_id, now=now) or first_day, today), today


def _first_day_of_stopped(ad_account_id: int, *, now: datetime) -> date | None:
    """Of the last sync, if its process was stopped or died: the rest of its steps is still to do."""
    was_stopped = Q(error_kind__in=SyncLog.STOPPED)
    stored_something = Q(status__in=SyncLog.STORED_SOMETHING)
    runs = SyncLog.objects.filter(
        stored_something | (was_stopped & Q(status=SyncLog.Status.FAILED)),
        account=ad_account_id,
        started_at__lte=clock.latest(now),
    )
    last = runs.order_by("-started_at").values("error_kind", "first_day").first()
    return last["first_day"] if last and last["error_kind"] in SyncLog.STOPPED else None
