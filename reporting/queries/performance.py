"""Performance: summed figures by ad account, campaign, creative, day, week or month.

Figures of campaigns, ad accounts and calendar periods come from `campaign_daily_metrics`, those of creatives from
`creative_daily_metrics`. Archived and removed campaigns are included: their spend is history. Each row has one
currency: a day of ad accounts in euros and dollars is two rows.

Each answer says which of its days are stored. Where there are no rows, figures are zero only if every day was fetched,
and None otherwise; a change is worked out only if both of its sides are whole.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import zip_longest
from typing import Any, NamedTuple, TypedDict

from django.db.models import QuerySet

from accounts.models import AdAccount
from accounts.shell.linkedin_words import urn_name
from reporting.metrics import METRICS
from reporting.periods import Period, month_of, week_of
from reporting.queries.coverage import Coverage, CoveredRows, SelectionCoverage, coverage_of
from reporting.queries.grouping import GroupBy, Params, Selection, fetch_all
from reporting.queries.money import by_currency
from reporting.ratios import FIGURE_COLUMNS, NOTHING, UNKNOWN, Figure, Figures, change_percent

_SUMS = ", ".join(f"sum(day.{name})" for name in FIGURE_COLUMNS)
LABELS = frozenset({"key", "label"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRow(Figures):
    """Figures of one group in one currency.

    `key` is the id or URN as text, or the first calendar day of the day, week or month. `first_day` and
    `last_day` are the days included: a week or month at the edge of the period has fewer than usual and is
    `is_partial`. `is_whole` says whether all of these days are stored, for the group's own ad account or, of a day,
    week or month, for all of its currency. `ad_account_id` is None where a group may be of several.
    """

    key: str
    label: str
    currency: str | None
    ad_account_id: int | None
    first_day: date
    last_day: date
    is_partial: bool = False
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals(Figures):
    """Figures of a whole selection in one currency, how many of its days had any activity, and if all are stored."""

    currency: str | None
    days: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One group in two periods; a period without activity has zeros, and one that was never fetched has nothing.

    `before` is None where the other period has no counterpart, such as a fifth week.
    """

    now: PerformanceRow
    before: PerformanceRow | None

    def change_percent(self, name: str) -> Decimal | None:
        """Percent change of a metric; None if there is nothing to compare with or days of either side are missing."""
        return _change_percent(self, name)


@dataclass(frozen=True, slots=True)
class ComparedTotals:
    """The totals of one currency in two periods."""

    now: Totals
    before: Totals

    def change_percent(self, name: str) -> Decimal | None:
        """Percent change of a metric; None if there is nothing to compare with or days of either side are missing."""
        return _change_percent(self, name)


def _change_percent(pair: ComparedRow | ComparedTotals, name: str) -> Decimal | None:
    if pair.before is None or not (pair.now.is_whole and pair.before.is_whole):
        return None
    return change_percent(before=pair.before.value(name), now=pair.now.value(name))


class _Wanted(TypedDict):
    ad_accounts: QuerySet[AdAccount]
    group_by: GroupBy
    campaign_ids: Collection[int] | None
    creative_ids: Collection[str] | None


class _Grouping(NamedTuple):
    """The key of the group, its display name, and the ad account that it belongs to."""

    key: str
    label: str
    ad_account: str = "NULL"


# Creatives of an unknown campaign may be of several ad accounts.
_ONLY_ONE = "CASE WHEN min(ad_account.id) = max(ad_account.id) THEN min(ad_account.id) END"
# Grouped by id only; max() picks the name, which is not part of the key.
_GROUPINGS = {
    GroupBy.AD_ACCOUNT: _Grouping(
        "ad_account.id", "max(coalesce(ad_account.name, ad_account.id::text))", "ad_account.id"
    ),
    GroupBy.CAMPAIGN: _Grouping(
        "campaign.id", "max(coalesce(campaign.name, campaign.id::text, 'Unknown campaign'))", _ONLY_ONE
    ),
    GroupBy.CREATIVE: _Grouping("day.creative_id", "max(coalesce(creative.content_name, day.creative_id))", _ONLY_ONE),
    GroupBy.DAY: _Grouping("day.date", "''"),
    GroupBy.WEEK: _Grouping("date_trunc('week', day.date::timestamp)::date", "''"),
    GroupBy.MONTH: _Grouping("date_trunc('month', day.date::timestamp)::date", "''"),
}


def performance(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    group_by: GroupBy | str,
    campaign_ids: Collection[int] | None = None,
    creative_ids: Collection[str] | None = None,
    order_by: str | None = None,
    descending: bool | None = None,
    limit: int | None = None,
) -> CoveredRows[PerformanceRow]:
    """One row per group and currency with any activity.

    Sorted by `order_by`, the name of a metric, `key` or `label`; by default days, weeks and months by date and
    everything else by spend, highest first. Undefined ratios always come last. Raises ValueError for an
    unknown group or order.
    """
    group_by = GroupBy(group_by)
    selection = Selection(ad_accounts, period, campaign_ids, creative_ids)
    coverage = coverage_of(selection)
    source = selection.source(by_creative=group_by is GroupBy.CREATIVE)
    grouping = _GROUPINGS[group_by]
    params: Params = source.params | {"limit": limit}
    rows = fetch_all(
        f"SELECT {grouping.key} AS key, {grouping.label} AS label, ad_account.currency, {grouping.ad_account},"
        f" {_SUMS} {source.sql}"
        f" GROUP BY {grouping.key}, ad_account.currency ORDER BY {_order(group_by, order_by, descending)}"
        " LIMIT %(limit)s",
        params,
    )
    of_rows = _bucket_row if group_by.is_calendar else _entity_row
    return CoveredRows([of_rows(group_by, coverage, *row) for row in rows], coverage)


def totals(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    campaign_ids: Collection[int] | None = None,
    creative_ids: Collection[str] | None = None,
    also_unknown: bool = False,
) -> CoveredRows[Totals]:
    """One total per currency with any activity, highest spend first; empty without activity.

    `also_unknown`: then those of which nothing is stored and some day was never fetched, with None for figures.
    """
    selection = Selection(ad_accounts, period, campaign_ids, creative_ids)
    coverage, source = coverage_of(selection), selection.source()
    rows = fetch_all(
        f"SELECT ad_account.currency, count(DISTINCT day.date), {_SUMS} {source.sql}"
        " GROUP BY ad_account.currency ORDER BY sum(day.spend) DESC, 1",
        source.params,
    )
    found = [
        Totals(
            currency=currency,
            days=days,
            is_whole=coverage.of_currency(currency).is_whole,
            sums=_by_column(sums),
        )
        for currency, days, *sums in rows
    ]
    unknown = _unknown(coverage) - {one.currency for one in found} if also_unknown else set()
    return CoveredRows(
        [*found, *(_empty_totals(currency, coverage) for currency in sorted(unknown, key=by_currency))], coverage
    )


def trend(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    group_by: GroupBy | str = GroupBy.DAY,
    campaign_ids: Collection[int] | None = None,
    creative_ids: Collection[str] | None = None,
) -> CoveredRows[PerformanceRow]:
    """Every day, week or month of the period in order, with zeros where there was no activity.

    Those that were not fetched have None instead. One currency after another; empty if no day had any activity.
    """
    group_by = _calendar(group_by)
    rows = performance(
        ad_accounts=ad_accounts,
        period=period,
        group_by=group_by,
        campaign_ids=campaign_ids,
        creative_ids=creative_ids,
    )
    return filled(rows, group_by=group_by)


def filled(
    rows: CoveredRows[PerformanceRow], *, group_by: GroupBy, also_unknown: bool = False
) -> CoveredRows[PerformanceRow]:
    """The rows, plus empty ones for days, weeks or months of the period without any, by currency.

    `also_unknown`: of currencies without any row, too, unless each day is known to have none.
    """
    unknown = _unknown(rows.coverage) if also_unknown else set()
    currencies = sorted({row.currency for row in rows} | unknown, key=by_currency)
    starts, bucket = _starts(group_by, rows.coverage.period), _buckets(rows, group_by)
    return CoveredRows([bucket(currency, start) for currency in currencies for start in starts], rows.coverage)


def compared_performance(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    group_by: GroupBy | str,
    before: Period | None = None,
    campaign_ids: Collection[int] | None = None,
    creative_ids: Collection[str] | None = None,
    order_by: str | None = None,
    descending: bool | None = None,
    limit: int | None = None,
    also_unknown: bool = False,
) -> CoveredRows[ComparedRow]:
    """Each group in two periods; the other one is by default the one that `Period.previous` gives.

    Ad accounts, campaigns and creatives are matched by key and keep the order of `performance`; those only in the
    other period follow, unless there is a limit. Days, weeks and months are matched by position: the first day
    with the first; none of this period is left out, and they take no `order_by` and no limit. `also_unknown` is as in
    `filled`.
    """
    group_by = GroupBy(group_by)
    before = before or period.previous()
    wanted = _Wanted(ad_accounts=ad_accounts, group_by=group_by, campaign_ids=campaign_ids, creative_ids=creative_ids)
    if group_by.is_calendar:
        return _compared_by_place(
            performance(period=period, **wanted), performance(period=before, **wanted), group_by, also_unknown
        )
    rows = performance(period=period, order_by=order_by, descending=descending, limit=limit, **wanted)
    others = performance(period=before, **wanted)
    earlier = {(row.key, row.currency): row for row in others}
    compared = [
        ComparedRow(row, earlier.pop((row.key, row.currency), None) or _empty(row, others.coverage)) for row in rows
    ]
    if limit is None:
        compared += [ComparedRow(_empty(row, rows.coverage), row) for row in earlier.values()]
    return CoveredRows(compared, rows.coverage, others.coverage)


def compared_totals(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    before: Period | None = None,
    campaign_ids: Collection[int] | None = None,
    creative_ids: Collection[str] | None = None,
    also_unknown: bool = False,
) -> CoveredRows[ComparedTotals]:
    """The totals of each currency beside those of another period, by default `Period.previous`.

    `also_unknown` is as in `totals`, of this period.
    """
    wanted: dict[str, Any] = {
        "ad_accounts": ad_accounts,
        "campaign_ids": campaign_ids,
        "creative_ids": creative_ids,
    }
    now = totals(period=period, also_unknown=also_unknown, **wanted)
    earlier = totals(period=before or period.previous(), **wanted)
    of_now, of_earlier = ({one.currency: one for one in found} for found in (now, earlier))
    return CoveredRows(
        [
            ComparedTotals(
                of_now.get(currency) or _empty_totals(currency, now.coverage),
                of_earlier.get(currency) or _empty_totals(currency, earlier.coverage),
            )
            for currency in {**of_now, **of_earlier}
        ],
        now.coverage,
        earlier.coverage,
    )


def _order(group_by: GroupBy, order_by: str | None, descending: bool | None) -> str:
    """ORDER BY, ending with the key, so that the order is always the same."""
    name = order_by or ("key" if group_by.is_calendar else "spend")
    if name in LABELS:
        expression, is_descending = ("label, key" if name == "label" else "key"), bool(descending)
        expression = "key" if group_by.is_calendar else expression
    elif name in METRICS:
        expression, is_descending = METRICS[name].sql, descending is None or descending
    else:
        known = ", ".join([*sorted(LABELS), *METRICS])
        raise ValueError(f"Unknown order “{name}”; choose one of {known}.")
    direction = "DESC" if is_descending else "ASC"
    columns = ", ".join(f"{column} {direction} NULLS LAST" for column in _columns(expression, name))
    return f"{columns}, key, ad_account.currency"


def _columns(expression: str, name: str) -> list[str]:
    return expression.split(", ") if name in LABELS else [expression]


def _entity_row(
    group_by: GroupBy,
    coverage: SelectionCoverage,
    key: int | str | None,
    label: str,
    currency: str | None,
    ad_account_id: int | None,
    *sums: Figure,
) -> PerformanceRow:
    return PerformanceRow(
        key="" if key is None else str(key),
        label=urn_name(label) if group_by is GroupBy.CREATIVE and label == key else label,
        currency=currency,
        ad_account_id=ad_account_id,
        first_day=coverage.period.first_day,
        last_day=coverage.period.last_day,
        is_whole=coverage.of_ad_account(ad_account_id).is_whole,
        sums=_by_column(sums),
    )


def _bucket_row(
    group_by: GroupBy,
    coverage: SelectionCoverage,
    start: date,
    _label: str,
    currency: str | None,
    _ad_account_id: int | None,
    *sums: Figure,
) -> PerformanceRow:
    whole = _bucket(group_by, start)
    counted = coverage.period.clipped(*whole)
    covered = coverage.of_currency(currency)
    return PerformanceRow(
        key=start.isoformat(),
        label=_calendar_label(group_by, start),
        currency=currency,
        ad_account_id=None,
        first_day=counted.first_day,
        last_day=counted.last_day,
        is_partial=(counted.first_day, counted.last_day) != whole,
        is_whole=covered.has_stored(counted.first_day, counted.last_day),
        sums=_by_column(sums) if sums else sums_without_rows(covered, counted),
    )


def _by_column(sums: Sequence[Figure]) -> Mapping[str, Figure]:
    return dict(zip(FIGURE_COLUMNS, sums, strict=True))


def sums_without_rows(covered: Coverage, days: Period | None = None) -> Mapping[str, Figure]:
    """Zeros if each of the days was fetched, by default of the whole period; otherwise nobody knows."""
    days = days or covered.period
    return NOTHING if covered.has_fetched(days.first_day, days.last_day) else UNKNOWN


def _empty(row: PerformanceRow, coverage: SelectionCoverage) -> PerformanceRow:
    """The same group in a period in which it has no rows."""
    covered = coverage.of_ad_account(row.ad_account_id)
    return replace(
        row,
        first_day=coverage.period.first_day,
        last_day=coverage.period.last_day,
        is_whole=covered.is_whole,
        sums=sums_without_rows(covered),
    )


def _unknown(coverage: SelectionCoverage) -> set[str | None]:
    """The currencies of which some day was never fetched, so that no rows do not mean no activity."""
    period = coverage.period
    return {
        currency
        for currency, one in coverage.by_currency.items()
        if not one.has_fetched(period.first_day, period.last_day)
    }


def _empty_totals(currency: str | None, coverage: SelectionCoverage) -> Totals:
    covered = coverage.of_currency(currency)
    return Totals(currency=currency, days=0, is_whole=covered.is_whole, sums=sums_without_rows(covered))


def _buckets(rows: CoveredRows[PerformanceRow], group_by: GroupBy) -> Callable[[str | None, date], PerformanceRow]:
    """Finds the row of a currency and bucket, or makes an empty one."""
    found = {(row.currency, row.key): row for row in rows}

    def bucket(currency: str | None, start: date) -> PerformanceRow:
        stored = found.get((currency, start.isoformat()))
        return stored or _bucket_row(group_by, rows.coverage, start, "", currency, None)

    return bucket


def _compared_by_place(
    rows: CoveredRows[PerformanceRow],
    earlier: CoveredRows[PerformanceRow],
    group_by: GroupBy,
    also_unknown: bool,
) -> CoveredRows[ComparedRow]:
    """The n-th bucket of one period with the n-th of the other, for all buckets of the first."""
    unknown = _unknown(rows.coverage) if also_unknown else set()
    currencies = sorted({row.currency for row in [*rows, *earlier]} | unknown, key=by_currency)
    starts, starts_before = (_starts(group_by, found.coverage.period) for found in (rows, earlier))
    now, then = _buckets(rows, group_by), _buckets(earlier, group_by)
    return CoveredRows(
        [
            ComparedRow(now(currency, start), then(currency, start_before) if start_before else None)
            for currency in currencies
            for start, start_before in zip_longest(starts, starts_before[: len(starts)])
        ],
        rows.coverage,
        earlier.coverage,
    )


def _calendar(group_by: GroupBy | str) -> GroupBy:
    group_by = GroupBy(group_by)
    if not group_by.is_calendar:
        raise ValueError(f"A trend is by day, week or month, not by {group_by}.")
    return group_by


def _bucket(group_by: GroupBy, day: date) -> tuple[date, date]:
    if group_by is GroupBy.WEEK:
        return week_of(day)
    return month_of(day) if group_by is GroupBy.MONTH else (day, day)


def _starts(group_by: GroupBy, period: Period) -> list[date]:
    """The first calendar day of each bucket in the period."""
    return list(dict.fromkeys(_bucket(group_by, day)[0] for day in period.each_day()))


def _calendar_label(group_by: GroupBy, day: date) -> str:
    if group_by is GroupBy.WEEK:
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return f"{day:%Y-%m}" if group_by is GroupBy.MONTH else day.isoformat()
