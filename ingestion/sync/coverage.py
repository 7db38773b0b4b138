"""Which days of each table LinkedIn has answered, when they were last requested, and whether it sent every row.

`record` runs in the transaction that stores the answer, so no day counts as covered whose rows are not stored.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import connection
from django.db.models import QuerySet

from accounts.shell import clock
from ingestion.models import (
    AccountDailyTotal,
    AudienceDemographic,
    CampaignDailyMetric,
    CoveredDays,
    CreativeDailyMetric,
    IncompleteDay,
)
from ingestion.sync.windows import DayRange, merged, without


@dataclass(frozen=True, slots=True)
class Dataset:
    """What has requests of its own: the table that their answers fill, and the pivot where one table holds several."""

    data_table: str
    pivot_type: str = ""


CAMPAIGN_DAYS: Final = Dataset(CampaignDailyMetric._meta.db_table)
CREATIVE_DAYS: Final = Dataset(CreativeDailyMetric._meta.db_table)
# Every figure of a report comes from these; demographics and names have coverage of their own.
DAILY_TABLES: Final = (CAMPAIGN_DAYS.data_table, CREATIVE_DAYS.data_table)
TOTALS: Final = Dataset(AccountDailyTotal._meta.db_table)
# Days whose sums were compared with LinkedIn's totals.
CHECKED_DAYS: Final = Dataset(IncompleteDay._meta.db_table)


def segments(pivot_type: str) -> Dataset:
    """The demographics of one pivot."""
    return Dataset(AudienceDemographic._meta.db_table, pivot_type)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is covered for one ad account, and which of it this run need not request again.

    That is what was requested after `resume_after`; None where a run requests everything again.
    """

    ad_account_id: int
    asked_at: datetime
    resume_after: datetime | None

    def days_left(self, dataset: Dataset, days: DayRange) -> list[DayRange]:
        """The days that this run has to request."""
        if self.resume_after is None:
            return [days]
        lately = _rows(self.ad_account_id, dataset).filter(
            asked_at__gt=self.resume_after, asked_at__lte=clock.latest(self.asked_at)
        )
        return without(days, lately.values_list("first_day", "last_day"))

    def record(self, dataset: Dataset, days: DayRange, *, is_whole: bool = True) -> None:
        """The days were answered; `is_whole` means with every row that LinkedIn has."""
        record(dataset, days, ad_account_id=self.ad_account_id, asked_at=self.asked_at, is_whole=is_whole)

    def forget(self, dataset: Dataset, days: DayRange) -> None:
        """The days count as never requested, until they are recorded again."""
        forget(dataset, days, ad_account_id=self.ad_account_id, before=self.asked_at)

    def discard(self) -> None:
        """What this run was answered cannot be relied on: the next run requests it again."""
        CoveredDays.objects.filter(account=self.ad_account_id, asked_at=self.asked_at).delete()


def record(dataset: Dataset, days: DayRange, *, ad_account_id: int, asked_at: datetime, is_whole: bool = True) -> None:
    """Take the days from the stretches that hold them, and join them to those of the same run."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            {
                "ad_account_id": ad_account_id,
                "data_table": dataset.data_table,
                "pivot_type": dataset.pivot_type,
                "first_day": days[0],
                "last_day": days[1],
                "asked_at": asked_at,
                "is_whole": is_whole,
            },
        )


def forget(dataset: Dataset, days: DayRange, *, ad_account_id: int, before: datetime) -> None:
    """Take the days from the stretches that were requested before this instant."""
    with connection.cursor() as cursor:
        cursor.execute(
            _FORGET,
            {
                "ad_account_id": ad_account_id,
                "data_table": dataset.data_table,
                "pivot_type": dataset.pivot_type,
                "first_day": days[0],
                "last_day": days[1],
                "before": before,
            },
        )


def forget_outdated_checks(*, ad_account_id: int, asked_at: datetime) -> None:
    """Days of which the sync that began then stored figures or totals are unchecked, unless it checked them."""
    tables = (*DAILY_TABLES, TOTALS.data_table)
    stored = CoveredDays.objects.filter(account=ad_account_id, data_table__in=tables, asked_at=asked_at)
    for days in stored.values_list("first_day", "last_day"):
        forget(CHECKED_DAYS, days, ad_account_id=ad_account_id, before=asked_at)


def covered(dataset: Dataset, *, ad_account_id: int, now: datetime) -> list[DayRange]:
    """All days that were ever answered, whole or cut, as ranges that do not touch."""
    rows = _rows(ad_account_id, dataset).filter(asked_at__lte=clock.latest(now))
    return merged(rows.values_list("first_day", "last_day"))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days that were answered for both campaigns and creatives, without a gap.

    `was_current`: the last of them was requested while it was under way, so the days after it were to follow. A range
    of days that a person chose ends somewhere, and nothing has to follow.
    """

    first_day: date
    last_day: date
    was_current: bool = True


def stretches_of_figures(*, ad_account_id: int, now: datetime) -> list[Stretch]:
    """All of them, oldest first. What a clock that was wrong dated ahead counts for nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            _STRETCHES,
            {
                "ad_account_id": ad_account_id,
                "data_tables": list(DAILY_TABLES),
                "latest": clock.latest(now),
            },
        )
        return [Stretch(*row) for row in cursor.fetchall()]


def unchecked_figures(*, ad_account_id: int, before: date, now: datetime) -> list[DayRange]:
    """Days that both daily tables hold, from after they were over, and that were not checked since; oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            _UNCHECKED,
            {
                "ad_account_id": ad_account_id,
                "data_tables": list(DAILY_TABLES),
                "checked": CHECKED_DAYS.data_table,
                "before": before,
                "latest": clock.latest(now),
            },
        )
        return [(first_day, last_day) for first_day, last_day in cursor.fetchall()]


def _rows(ad_account_id: int, dataset: Dataset) -> QuerySet[CoveredDays]:
    return CoveredDays.objects.filter(
        account=ad_account_id, data_table=dataset.data_table, pivot_type=dataset.pivot_type
    )


# Rows of the same run that overlap or touch the new days become one with them; of the others only what sticks out on
# either side is left.
_RECORD: Final = """
WITH replaced AS (
    DELETE FROM covered_days
    WHERE account_id = %(ad_account_id)s AND data_table = %(data_table)s AND pivot_type = %(pivot_type)s
      AND last_day >= %(first_day)s::date - 1 AND first_day <= %(last_day)s::date + 1
      AND (
          (last_day >= %(first_day)s AND first_day <= %(last_day)s)
          OR (asked_at, is_whole) = (%(asked_at)s, %(is_whole)s)
      )
    RETURNING first_day, last_day, asked_at, is_whole, (asked_at, is_whole) = (%(asked_at)s, %(is_whole)s) AS is_joined
), kept (first_day, last_day, asked_at, is_whole) AS (
    SELECT least(%(first_day)s::date, min(first_day)), greatest(%(last_day)s::date, max(last_day)),
           %(asked_at)s::timestamptz, %(is_whole)s::boolean
    FROM replaced WHERE is_joined
    UNION ALL
    SELECT first_day, %(first_day)s::date - 1, asked_at, is_whole
    FROM replaced WHERE NOT is_joined AND first_day < %(first_day)s
    UNION ALL
    SELECT %(last_day)s::date + 1, last_day, asked_at, is_whole
    FROM replaced WHERE NOT is_joined AND last_day > %(last_day)s
)
INSERT INTO covered_days (account_id, data_table, pivot_type, first_day, last_day, asked_at, is_whole)
SELECT %(ad_account_id)s, %(data_table)s, %(pivot_type)s, first_day, last_day, asked_at, is_whole FROM kept
"""
_FORGET: Final = """
WITH replaced AS (
    DELETE FROM covered_days
    WHERE account_id = %(ad_account_id)s AND data_table = %(data_table)s AND pivot_type = %(pivot_type)s
      AND last_day >= %(first_day)s AND first_day <= %(last_day)s AND asked_at < %(before)s
    RETURNING first_day, last_day, asked_at, is_whole
)
INSERT INTO covered_days (account_id, data_table, pivot_type, first_day, last_day, asked_at, is_whole)
SELECT %(ad_account_id)s, %(data_table)s, %(pivot_type)s, first_day, %(first_day)s::date - 1, asked_at, is_whole
FROM replaced WHERE first_day < %(first_day)s
UNION ALL
SELECT %(ad_account_id)s, %(data_table)s, %(pivot_type)s, %(last_day)s::date + 1, last_day, asked_at, is_whole
FROM replaced WHERE last_day > %(last_day)s
"""
_UNCHECKED: Final = """
SELECT lower(stretch), upper(stretch) - 1
FROM (
    SELECT range_intersect_agg(of_table.days) AS days
    FROM unnest(%(data_tables)s::text[]) AS wanted (data_table)
    CROSS JOIN LATERAL (
        SELECT coalesce(range_agg(daterange(first_day, least(last_day + 1, asked_on, %(before)s::date)))
                        FILTER (WHERE first_day < asked_on), '{}') AS days
        FROM covered_days CROSS JOIN LATERAL (SELECT (asked_at AT TIME ZONE 'UTC')::date AS asked_on) AS asked
        WHERE account_id = %(ad_account_id)s AND data_table = wanted.data_table
          AND first_day < %(before)s AND asked_at <= %(latest)s
    ) AS of_table
) AS figures
CROSS JOIN LATERAL (
    SELECT coalesce(range_agg(daterange(first_day, last_day, '[]')), '{}') AS days FROM covered_days
    WHERE account_id = %(ad_account_id)s AND data_table = %(checked)s AND asked_at <= %(latest)s
) AS checked
CROSS JOIN LATERAL unnest(figures.days - checked.days) AS stretch
ORDER BY 1
"""
# A multirange for each table, and what they have in common.
_STRETCHES: Final = """
SELECT lower(stretch), upper(stretch) - 1, EXISTS (
    SELECT FROM covered_days
    WHERE account_id = %(ad_account_id)s AND data_table = ANY(%(data_tables)s)
      AND last_day = upper(stretch) - 1 AND (asked_at AT TIME ZONE 'UTC')::date <= last_day AND asked_at <= %(latest)s
)
FROM (
    SELECT unnest(range_intersect_agg(days)) AS stretch
    FROM unnest(%(data_tables)s::text[]) AS wanted (data_table)
    CROSS JOIN LATERAL (
        SELECT coalesce(range_agg(daterange(first_day, last_day, '[]')), '{}') AS days
        FROM covered_days
        WHERE account_id = %(ad_account_id)s AND data_table = wanted.data_table
          AND asked_at <= %(latest)s
    ) AS of_table
) AS common
ORDER BY 1
"""
