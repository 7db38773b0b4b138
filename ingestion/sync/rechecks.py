"""Which days that do not add up are requested again, when, and in how few requests.

LinkedIn may have cut an answer without notice, and then a smaller one is whole; or its own figures do not agree, for
good. So a day is requested again in answers that are half as large each time, and each time that this changes nothing
the next one is twice as far away: after 1, 2, 4, 8, 16, then every 30 days. Days of few rows go together into one
request. A day of more rows is requested whole and by groups of campaigns in turn: the first also finds campaigns that
nobody knows of, the second those that a cut left out, among the campaigns that ran on the day or may have.

One run makes a few such requests at most; days that do not fit are first in the next run. A day that was never
compared with a total is no such day yet: it is once its total has come and differs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from django.db import connection

from ingestion.models import IncompleteDay
from ingestion.sync import coverage, load
from ingestion.sync.windows import Window, days_between

MAX_CALLS = 8
# The first time; far below any cut that was ever seen.
_ROWS_PER_REQUEST = 400
_MAX_DAYS = 60
# Of those that were never checked: their totals come in one response, however many there are.
_MAX_UNCHECKED_DAYS = 366
_MAX_DISTANCE_DAYS = 30
# What a campaign is after somebody stopped it; one that is completed ended with its schedule.
_STOPPED = ["PAUSED", "ARCHIVED", "CANCELED", "DRAFT", "REMOVED", "PENDING_DELETION"]
_NEVER = datetime.min.replace(tzinfo=UTC)

# Creatives by campaign.
Campaigns = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class DueDay:
    """A day to request again: the tables that differ from the total, and how often requesting them changed nothing."""

    day: date
    tables: frozenset[str]
    rechecks: int = 0
    rechecked_at: datetime | None = None


def is_due(rechecks: int, rechecked_at: datetime | None, *, today: date) -> bool:
    """Whether it is time to request a day again; a recheck that is dated ahead counts for nothing."""
    if not rechecks or rechecked_at is None:
        return True
    since = (today - rechecked_at.astimezone(UTC).date()).days
    return not 0 <= since < min(_MAX_DISTANCE_DAYS, 2 ** (rechecks - 1))


def due_day(known: IncompleteDay) -> DueDay:
    """The day as it is stored."""
    tables = tables_to_request(known.differences, is_missing=known.state == IncompleteDay.State.MISSING)
    return DueDay(known.date, tables, known.rechecks, known.rechecked_at)


def tables_to_request(differences: Mapping[str, Mapping[str, object]], *, is_missing: bool) -> frozenset[str]:
    """The tables that differ from the total.

    Where campaigns and creatives agree with each other it is the total that is odd: campaigns alone, which are far
    fewer, show whether that is so.
    """
    campaigns, creatives = (differences.get(table.table) for table in (load.CAMPAIGN_DAYS, load.CREATIVE_DAYS))
    if campaigns == creatives and not is_missing:
        return frozenset({load.CAMPAIGN_DAYS.table})
    return frozenset(differences)


def next_to_request(due: Iterable[DueDay]) -> list[DueDay]:
    """In which order: those that have waited longest, newest days first; not more than a run can use."""
    return sorted(due, key=lambda one: (one.rechecked_at or _NEVER, -one.day.toordinal()))[:_MAX_DAYS]


def due_before(first_day: date, known: Iterable[IncompleteDay], *, today: date) -> list[DueDay]:
    """The days to request again of those that a run from `first_day` on does not request anyway."""
    return next_to_request(
        due_day(one) for one in known if one.date < first_day and is_due(one.rechecks, one.rechecked_at, today=today)
    )


def unchecked_before(first_day: date, *, ad_account_id: int, now: datetime) -> list[date]:
    """Earlier days whose figures are stored and were never compared with LinkedIn's totals; the newest of many."""
    days = coverage.unchecked_figures(ad_account_id=ad_account_id, before=first_day, now=now)
    return [day for one in days for day in days_between(*one)][-_MAX_UNCHECKED_DAYS:]


class Requests:
    """The requests for some days again: `days` that are requested, and `windows` by table."""

    def __init__(self, due: Iterable[DueDay], *, ad_account_id: int, calls: int) -> None:
        self.days: set[date] = set()
        self.windows: list[tuple[str, Window]] = []
        self._calls = calls
        wanted = next_to_request(due)
        ran = campaigns_that_ran([one.day for one in wanted], ad_account_id=ad_account_id)
        for one in wanted:
            windows = self._with(one, ran.get(one.day, {}))
            if len(windows) > calls:
                break
            self.windows = windows
            self.days.add(one.day)

    def _with(self, due: DueDay, ran: Campaigns) -> list[tuple[str, Window]]:
        """The windows so far and those of one more day."""
        windows = list(self.windows)
        limit = max(1, _ROWS_PER_REQUEST >> min(due.rechecks, 10))
        for table in sorted(due.tables):
            campaigns = dict.fromkeys(ran, 1) if table == load.CAMPAIGN_DAYS.table else ran
            rows = sum(campaigns.values())
            if rows <= limit or due.rechecks % 2 == 0:
                _add_whole_day(windows, table, due.day, rows, limit=limit)
            else:
                groups = _groups(campaigns, limit, at_most=self._calls // len(due.tables))
                windows += [(table, Window(due.day, due.day, limit, group)) for group in groups]
        return windows


def _add_whole_day(windows: list[tuple[str, Window]], table: str, day: date, rows: int, *, limit: int) -> None:
    """Extend the request for the day after, if both together have few rows; else add one."""
    for place, (of_table, window) in enumerate(windows):
        is_next = window.campaign_ids is None and window.first_day - timedelta(days=1) == day
        if of_table == table and is_next and window.expected_rows + rows <= limit:
            windows[place] = (table, replace(window, first_day=day, expected_rows=window.expected_rows + rows))
            return
    windows.append((table, Window(day, day, max(1, rows))))


def _groups(rows: Campaigns, limit: int, *, at_most: int) -> list[tuple[int, ...]]:
    """Campaigns in groups of few rows each; of more rows where there would be too many groups."""
    while len(groups := list(_groups_within(rows, limit))) > at_most:
        limit *= 2
    return groups


def _groups_within(rows: Campaigns, limit: int) -> Iterator[tuple[int, ...]]:
    """A campaign with more rows than the limit is alone in its group."""
    group: list[int] = []
    total = 0
    for campaign_id, count in rows.items():
        if group and total + count > limit:
            yield tuple(group)
            group, total = [], 0
        group.append(campaign_id)
        total += count
    if group:
        yield tuple(group)


def campaigns_that_ran(days: Sequence[date], *, ad_account_id: int) -> dict[date, dict[int, int]]:
    """By day the campaigns that ran on it or may have, each with how many creatives it has at most.

    One ran if rows of it or of its creatives are stored. One may have run if it existed, its schedule includes the
    day, and it was not stopped before: whoever stops a campaign changes it, so one that was stopped and not changed
    since before the day did not run on it.
    """
    if not days:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_THAT_RAN, {"ad_account_id": ad_account_id, "days": list(days), "stopped": _STOPPED})
        ran: dict[date, dict[int, int]] = {}
        for day, campaign_id, creatives in cursor.fetchall():
            ran.setdefault(day, {})[campaign_id] = creatives
        return ran


_THAT_RAN = """
WITH wanted AS (
    SELECT day, day::timestamp AT TIME ZONE 'UTC' AS begins, (day + 1)::timestamp AT TIME ZONE 'UTC' AS ends
    FROM unnest(%(days)s::date[]) AS day
), campaign AS (
    SELECT * FROM campaigns WHERE account_id = %(ad_account_id)s
), stored AS (
    SELECT date AS day, campaign_id FROM campaign_daily_metrics
    WHERE campaign_id IN (SELECT id FROM campaign) AND date = ANY(%(days)s)
    UNION
    SELECT date, creatives.campaign_id FROM creative_daily_metrics JOIN creatives ON creatives.id = creative_id
    WHERE creatives.account_id = %(ad_account_id)s AND date = ANY(%(days)s)
)
SELECT wanted.day, campaign.id, greatest(1, coalesce(has.creatives, 0))
FROM wanted CROSS JOIN campaign
LEFT JOIN stored ON stored.day = wanted.day AND stored.campaign_id = campaign.id
LEFT JOIN (
    SELECT campaign_id, count(*) AS creatives FROM creatives WHERE account_id = %(ad_account_id)s GROUP BY campaign_id
) AS has ON has.campaign_id = campaign.id
WHERE stored.day IS NOT NULL OR (
    coalesce(campaign.created_at < wanted.ends, true)
    AND coalesce(campaign.run_schedule_start_at < wanted.ends, true)
    AND coalesce(campaign.run_schedule_end_at > wanted.begins, true)
    AND coalesce(campaign.missing_since >= wanted.begins, true)
    AND (coalesce(campaign.status <> ALL(%(stopped)s), true)
         OR coalesce(campaign.last_modified_at >= wanted.begins, true))
)
ORDER BY wanted.day, campaign.id
"""
