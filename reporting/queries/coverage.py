"""Which days of a period are stored, and which of those are complete: what every figure of it rests on.

A sum says something only if each of its days is stored for each ad account in it, and a change only if that holds for
both of its periods. A day that was never fetched is not a day without activity; what a clock that was wrong dated ahead
counts as never fetched.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Generic, TypeVar, overload

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts.models import AdAccount
from accounts.shell import clock
from ingestion.models import CoveredDays
from ingestion.sync.coverage import CHECKED_DAYS, DAILY_TABLES
from ingestion.sync.windows import DayRange, merged, without
from reporting.periods import Period
from reporting.queries.grouping import Selection, fetch_all

_Row = TypeVar("_Row", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The days of a period that rest on data; ranges are inclusive, within the period, oldest first, and do not touch.

    `fetched` were requested at least once, perhaps while they were under way; `stored` came whole after they were over;
    `complete` were also compared with LinkedIn's own totals and match them. `stored_since` is the oldest day that was
    ever fetched; None where none was. Of several ad accounts together, each day counts only if it does for all of them.
    """

    period: Period
    fetched: tuple[DayRange, ...] = ()
    stored: tuple[DayRange, ...] = ()
    complete: tuple[DayRange, ...] = ()
    stored_since: date | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every day is stored: changes, ranks and shares may be worked out from the period."""
        return self.stored == ((self.period.first_day, self.period.last_day),)

    @property
    def is_whole_so_far(self) -> bool:
        """Whether every day is stored, except perhaps for the last, which was fetched while it was under way.

        Enough for shares of a sum and for what is used of a budget: unlike a change, they compare no other days.
        """
        first_day, last_day = self.period.first_day, self.period.last_day
        if self.is_whole or not self.has_fetched(first_day, last_day):
            return self.is_whole
        return first_day == last_day or self.has_stored(first_day, last_day - timedelta(days=1))

    @property
    def is_complete(self) -> bool:
        """Whether every day is stored and matches LinkedIn's totals."""
        return self.complete == ((self.period.first_day, self.period.last_day),)

    @property
    def missing(self) -> tuple[DayRange, ...]:
        """The days that are not stored."""
        return tuple(without((self.period.first_day, self.period.last_day), self.stored))

    def has_fetched(self, first_day: date, last_day: date) -> bool:
        """Whether each of these days was requested, so that no row means no activity."""
        return any(first <= first_day and last_day <= last for first, last in self.fetched)

    def has_stored(self, first_day: date, last_day: date) -> bool:
        """Whether each of these days is stored."""
        return any(first <= first_day and last_day <= last for first, last in self.stored)

    def within(self, period: Period) -> "Coverage":
        """Of fewer days."""
        return replace(
            self,
            period=period,
            fetched=_in_all([self.fetched], period),
            stored=_in_all([self.stored], period),
            complete=_in_all([self.complete], period),
        )

    @property
    def complete_through(self) -> date | None:
        """The last day of the period up to which every day of it is complete."""
        return next((last for first, last in self.complete if first == self.period.first_day), None)


@dataclass(frozen=True, slots=True)
class SelectionCoverage:
    """The coverage of each ad account of a selection, of those of one currency, and of all of them together."""

    together: Coverage
    by_ad_account: Mapping[int, Coverage]
    by_currency: Mapping[str | None, Coverage]

    @property
    def period(self) -> Period:
        return self.together.period

    def of_ad_account(self, ad_account_id: int | None) -> Coverage:
        """What a row of one ad account rests on; without an id it may be any of them."""
        if ad_account_id is None:
            return self.together
        return self.by_ad_account.get(ad_account_id, Coverage(period=self.period))

    def of_currency(self, currency: str | None) -> Coverage:
        """What a sum over all ad accounts of one currency rests on."""
        return self.by_currency.get(currency, Coverage(period=self.period))

    @property
    def oldest_day(self) -> date | None:
        """The oldest day that was fetched of any ad account; None where none was."""
        return min((one.stored_since for one in self.by_ad_account.values() if one.stored_since), default=None)

    def lacking(self) -> list[int]:
        """The ad accounts that are not whole."""
        return [pk for pk, one in self.by_ad_account.items() if not one.is_whole]


@dataclass(frozen=True, slots=True)
class CoveredRows(Sequence[_Row], Generic[_Row]):
    """The rows that answer a question, and what they rest on; `before` is of the period they are compared with."""

    rows: Sequence[_Row]
    coverage: SelectionCoverage
    before: SelectionCoverage | None = None

    @overload
    def __getitem__(self, place: int) -> _Row: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[_Row]: ...
    def __getitem__(self, place: int | slice) -> _Row | Sequence[_Row]:
        return self.rows[place]

    def __len__(self) -> int:
        return len(self.rows)


def selection_coverage(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    campaign_ids: Collection[int] | None = None,
    creative_ids: Collection[str] | None = None,
) -> SelectionCoverage:
    """What the figures of these ad accounts rest on; with campaigns or creatives, only those that they belong to."""
    return coverage_of(Selection(ad_accounts, period, campaign_ids, creative_ids))


def coverage_of(selection: Selection) -> SelectionCoverage:
    """The same; read it before the rows, since a sync may store days in between: rows may know more, never less."""
    period = selection.period
    rows = fetch_all(
        _COVERED,
        {
            "ad_account_ids": selection.ad_account_ids,
            "campaign_ids": None if selection.campaign_ids is None else list(selection.campaign_ids),
            "creative_ids": None if selection.creative_ids is None else list(selection.creative_ids),
            "data_tables": [*DAILY_TABLES],
            "checked": CHECKED_DAYS.data_table,
            "first_day": period.first_day,
            "last_day": period.last_day,
            "latest": clock.latest(timezone.now()),
        },
    )
    each = {ad_account_id: _coverage(period, *days) for ad_account_id, _, *days in rows}
    of_currency: dict[str | None, list[Coverage]] = {}
    for ad_account_id, currency, *_ in rows:
        of_currency.setdefault(currency, []).append(each[ad_account_id])
    return SelectionCoverage(
        together(each.values(), period=period),
        each,
        {currency: together(several, period=period) for currency, several in of_currency.items()},
    )


def ever_synced(ad_accounts: QuerySet[AdAccount]) -> QuerySet[AdAccount]:
    """Those of which any day was fetched; pages leave the others out of sums, and name them."""
    covered = CoveredDays.objects.filter(
        account=OuterRef("pk"), data_table__in=DAILY_TABLES, asked_at__lte=clock.latest(timezone.now())
    )
    return ad_accounts.filter(Exists(covered))


def together(each: Collection[Coverage], *, period: Period) -> Coverage:
    """Several ad accounts in one sum; nothing is covered where there is none."""
    since = [one.stored_since for one in each]
    return Coverage(
        period=period,
        fetched=_in_all([one.fetched for one in each], period),
        stored=_in_all([one.stored for one in each], period),
        complete=_in_all([one.complete for one in each], period),
        stored_since=None if None in since else max((one for one in since if one), default=None),
    )


def _coverage(
    period: Period,
    fetched: Sequence[Sequence[date]],
    stored: Sequence[Sequence[date]],
    checked: Sequence[Sequence[date]],
    incomplete: Sequence[date],
    lost: Sequence[date],
    stored_since: date | None,
) -> Coverage:
    """Days of which LinkedIn counted something and nothing is stored (`lost`) are as if they were never fetched."""
    whole = _without(_ranges(stored), lost)
    matching = _without(_ranges(checked), incomplete)
    return Coverage(
        period=period,
        fetched=_without(_ranges(fetched), lost),
        stored=whole,
        complete=_in_all([whole, matching], period),
        stored_since=stored_since,
    )


def _ranges(bounds: Iterable[Sequence[date]]) -> tuple[DayRange, ...]:
    return tuple((first, last) for first, last in bounds)


def _without(ranges: Sequence[DayRange], taken_out: Sequence[date]) -> tuple[DayRange, ...]:
    return tuple(left for days in ranges for left in without(days, [(day, day) for day in taken_out]))


def _in_all(each: Sequence[Sequence[DayRange]], period: Period) -> tuple[DayRange, ...]:
    """The days of the period that are in each of these; none where there is nothing to be in."""
    if not each:
        return ()
    all_days = (period.first_day, period.last_day)
    left_out = merged(days for ranges in each for days in without(all_days, ranges))
    return tuple(without(all_days, left_out))


# Both daily tables must have a day; ranges come as arrays of their first and last day.
_BOUNDS: Final = """(
    SELECT coalesce(array_agg(ARRAY[lower(days), upper(days) - 1] ORDER BY days), '{{}}')
    FROM unnest({days} * datemultirange(daterange(%(first_day)s, %(last_day)s, '[]'))) AS days
)"""
_COVERED: Final = f"""
SELECT account.id, account.currency, {_BOUNDS.format(days="daily.fetched")}, {_BOUNDS.format(days="daily.stored")},
       {_BOUNDS.format(days="checked.days")},
       ARRAY(SELECT date FROM incomplete_days
             WHERE account_id = account.id AND date BETWEEN %(first_day)s AND %(last_day)s ORDER BY date),
       ARRAY(SELECT date FROM incomplete_days
             WHERE account_id = account.id AND date BETWEEN %(first_day)s AND %(last_day)s AND state = 'missing'),
       daily.since
FROM ad_accounts AS account
CROSS JOIN LATERAL (
    SELECT range_intersect_agg(of_table.fetched) AS fetched, range_intersect_agg(of_table.stored) AS stored,
           CASE WHEN bool_and(oldest.first_day IS NOT NULL) THEN max(oldest.first_day) END AS since
    FROM unnest(%(data_tables)s::text[]) AS wanted (data_table)
    CROSS JOIN LATERAL (
        SELECT coalesce(range_agg(daterange(first_day, last_day, '[]')), '{{}}') AS fetched,
               coalesce(range_agg(daterange(first_day, least(last_day + 1, asked_on)))
                        FILTER (WHERE is_whole AND first_day < asked_on), '{{}}') AS stored
        FROM covered_days CROSS JOIN LATERAL (SELECT (asked_at AT TIME ZONE 'UTC')::date AS asked_on) AS asked
        WHERE account_id = account.id AND data_table = wanted.data_table AND pivot_type = ''
          AND last_day >= %(first_day)s AND first_day <= %(last_day)s AND asked_at <= %(latest)s
    ) AS of_table
    LEFT JOIN LATERAL (
        SELECT first_day FROM covered_days
        WHERE account_id = account.id AND data_table = wanted.data_table AND pivot_type = '' AND asked_at <= %(latest)s
        ORDER BY last_day LIMIT 1
    ) AS oldest ON true
) AS daily
CROSS JOIN LATERAL (
    SELECT coalesce(range_agg(daterange(first_day, last_day, '[]')), '{{}}') AS days FROM covered_days
    WHERE account_id = account.id AND data_table = %(checked)s AND pivot_type = ''
      AND last_day >= %(first_day)s AND first_day <= %(last_day)s AND asked_at <= %(latest)s
) AS checked
WHERE account.id = ANY(%(ad_account_ids)s)
  AND (%(campaign_ids)s::bigint[] IS NULL
       OR account.id IN (SELECT account_id FROM campaigns WHERE id = ANY(%(campaign_ids)s)))
  AND (%(creative_ids)s::text[] IS NULL
       OR account.id IN (SELECT account_id FROM creatives WHERE id = ANY(%(creative_ids)s)))
"""  # noqa: S608
