"""Performance: summed figures by ad account, campaign, creative, day, week or month.

Figures of campaigns, ad accounts and calendar periods come from `campaign_daily_metrics`, those of creatives from
`creative_daily_metrics`. Archived and removed campaigns are included: their spend is history. Each row has one
currency: a day of ad accounts in euros and dollars is two rows.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import zip_longest
from typing import Any, NamedTuple, TypedDict

from django.db.models import QuerySet

from accounts.models import AdAccount
from reporting.metrics import METRICS
from reporting.periods import Period, month_of, week_of
from reporting.queries.grouping import GroupBy, Params, Selection, fetch_all
from reporting.ratios import FIGURE_COLUMNS, NOTHING, Figure, Figures, change_percent

_SUMS = ", ".join(f"sum(day.{name})" for name in FIGURE_COLUMNS)
LABELS = frozenset({"key", "label"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceRow(Figures):
    """Figures of one group in one currency.

    `key` is the id or URN as text, or the first calendar day of the day, week or month. `first_day` and
    `last_day` are the days included: a week or month at the edge of the period has fewer than usual and is
    `is_partial`.
    """

    key: str
    label: str
    currency: str | None
    first_day: date
    last_day: date
    is_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals(Figures):
    """Figures of a whole selection in one currency, and how many of its days had any activity."""

    currency: str | None
    days: int


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One group in two periods; a period without activity has zeros.

    `before` is None where the other period has no counterpart, such as a fifth week.
    """

    now: PerformanceRow
    before: PerformanceRow | None

    def change_percent(self, name: str) -> Decimal | None:
        """Percent change of a metric; None if there is nothing to compare with."""
        before = self.before.value(name) if self.before else None
        return change_percent(before=before, now=self.now.value(name))


@dataclass(frozen=True, slots=True)
class ComparedTotals:
    """The totals of one currency in two periods."""

    now: Totals
    before: Totals

    def change_percent(self, name: str) -> Decimal | None:
        """Percent change of a metric; None if there is nothing to compare with."""
        return change_percent(before=self.before.value(name), now=self.now.value(name))


class _Wanted(TypedDict):
    ad_accounts: QuerySet[AdAccount]
    group_by: GroupBy
    campaign_ids: Collection[int] | None
    creative_ids: Collection[str] | None


class _Grouping(NamedTuple):
    """The key of the group, and its display name."""

    key: str
    label: str


# Grouped by id only; max() picks the name, which is not part of the key.
_GROUPINGS = {
    GroupBy.AD_ACCOUNT: _Grouping("ad_account.id", "max(coalesce(ad_account.name, ad_account.id::text))"),
    GroupBy.CAMPAIGN: _Grouping("campaign.id", "max(coalesce(campaign.name, campaign.id::text, 'Unknown campaign'))"),
    GroupBy.CREATIVE: _Grouping("day.creative_id", "max(coalesce(creative.content_name, day.creative_id))"),
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
) -> list[PerformanceRow]:
    """One row per group and currency with any activity.

    Sorted by `order_by`, the name of a metric, `key` or `label`; by default days, weeks and months by date and
    everything else by spend, highest first. Undefined ratios always come last. Raises ValueError for an
    unknown group or order.
    """
    group_by = GroupBy(group_by)
    selection = Selection(ad_accounts, period, campaign_ids, creative_ids)
    source = selection.source(by_creative=group_by is GroupBy.CREATIVE)
    grouping = _GROUPINGS[group_by]
    params: Params = source.params | {"limit": limit}
    rows = fetch_all(
        f"SELECT {grouping.key} AS key, {grouping.label} AS label, ad_account.currency, {_SUMS} {source.sql}"
        f" GROUP BY {grouping.key}, ad_account.currency ORDER BY {_order(group_by, order_by, descending)}"
        " LIMIT %(limit)s",
        params,
    )
    return [_row(group_by, period, *row) for row in rows]


def totals(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    campaign_ids: Collection[int] | None = None,
    creative_ids: Collection[str] | None = None,
) -> list[Totals]:
    """One total per currency with any activity, highest spend first; empty without activity."""
    source = Selection(ad_accounts, period, campaign_ids, creative_ids).source()
    rows = fetch_all(
        f"SELECT ad_account.currency, count(DISTINCT day.date), {_SUMS} {source.sql}"
        " GROUP BY ad_account.currency ORDER BY sum(day.spend) DESC, 1",
        source.params,
    )
    return [Totals(currency=currency, days=days, sums=_by_column(sums)) for currency, days, *sums in rows]


def trend(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    group_by: GroupBy | str = GroupBy.DAY,
    campaign_ids: Collection[int] | None = None,
    creative_ids: Collection[str] | None = None,
) -> list[PerformanceRow]:
    """Every day, week or month of the period in order, with zeros where there was no activity.

    One currency after another; empty if the whole period had no activity.
    """
    group_by = _calendar(group_by)
    rows = performance(
        ad_accounts=ad_accounts,
        period=period,
        group_by=group_by,
        campaign_ids=campaign_ids,
        creative_ids=creative_ids,
    )
    return filled(rows, period=period, group_by=group_by)


def filled(rows: Iterable[PerformanceRow], *, period: Period, group_by: GroupBy) -> list[PerformanceRow]:
    """The rows, plus empty ones for days, weeks or months of the period without any, by currency."""
    found = {(row.currency, row.key): row for row in rows}
    currencies = sorted({currency for currency, _ in found}, key=lambda currency: currency or "")
    starts = _starts(group_by, period)
    return [
        found.get((currency, start.isoformat())) or _row(group_by, period, start, "", currency)
        for currency in currencies
        for start in starts
    ]


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
) -> list[ComparedRow]:
    """Each group in two periods; the other one is by default the one that `Period.previous` gives.

    Ad accounts, campaigns and creatives are matched by key and keep the order of `performance`; those only in the
    other period follow, unless there is a limit. Days, weeks and months are matched by position: the first day
    with the first; none of this period is left out, and they take no `order_by` and no limit.
    """
    group_by = GroupBy(group_by)
    before = before or period.previous()
    wanted = _Wanted(ad_accounts=ad_accounts, group_by=group_by, campaign_ids=campaign_ids, creative_ids=creative_ids)
    if group_by.is_calendar:
        return _compared_by_place(
            performance(period=period, **wanted), performance(period=before, **wanted), period, before, group_by
        )
    rows = performance(period=period, order_by=order_by, descending=descending, limit=limit, **wanted)
    earlier = {(row.key, row.currency): row for row in performance(period=before, **wanted)}
    compared = [ComparedRow(row, earlier.pop((row.key, row.currency), None) or _zeros_of(row, before)) for row in rows]
    if limit is None:
        compared += [ComparedRow(_zeros_of(row, period), row) for row in earlier.values()]
    return compared


def compared_totals(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    before: Period | None = None,
    campaign_ids: Collection[int] | None = None,
    creative_ids: Collection[str] | None = None,
) -> list[ComparedTotals]:
    """The totals of each currency beside those of another period, by default `Period.previous`."""
    wanted: dict[str, Any] = {
        "ad_accounts": ad_accounts,
        "campaign_ids": campaign_ids,
        "creative_ids": creative_ids,
    }
    now = {one.currency: one for one in totals(period=period, **wanted)}
    earlier = {one.currency: one for one in totals(period=before or period.previous(), **wanted)}
    return [
        ComparedTotals(
            now.get(currency) or Totals(currency=currency, days=0),
            earlier.get(currency) or Totals(currency=currency, days=0),
        )
        for currency in {**now, **earlier}
    ]


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


def _row(
    group_by: GroupBy, period: Period, key: Any, label: str, currency: str | None, *sums: Figure
) -> PerformanceRow:
    if not group_by.is_calendar:
        return PerformanceRow(
            key="" if key is None else str(key),
            label=label,
            currency=currency,
            first_day=period.first_day,
            last_day=period.last_day,
            sums=_by_column(sums),
        )
    whole = _bucket(group_by, key)
    counted = period.clipped(*whole)
    return PerformanceRow(
        key=key.isoformat(),
        label=_calendar_label(group_by, key),
        currency=currency,
        first_day=counted.first_day,
        last_day=counted.last_day,
        is_partial=(counted.first_day, counted.last_day) != whole,
        sums=_by_column(sums),
    )


def _by_column(sums: Sequence[Figure]) -> Mapping[str, Figure]:
    """Summed columns by name; a row that is made here has none."""
    return dict(zip(FIGURE_COLUMNS, sums, strict=True)) if sums else NOTHING


def _zeros_of(row: PerformanceRow, period: Period) -> PerformanceRow:
    return PerformanceRow(
        key=row.key,
        label=row.label,
        currency=row.currency,
        first_day=period.first_day,
        last_day=period.last_day,
    )


def _compared_by_place(
    rows: list[PerformanceRow],
    earlier: list[PerformanceRow],
    period: Period,
    before: Period,
    group_by: GroupBy,
) -> list[ComparedRow]:
    """The n-th bucket of one period with the n-th of the other, for all buckets of the first."""
    now = {(row.currency, row.key): row for row in rows}
    then = {(row.currency, row.key): row for row in earlier}
    currencies = sorted({currency for currency, _ in [*now, *then]}, key=lambda currency: currency or "")
    starts, starts_before = _starts(group_by, period), _starts(group_by, before)
    return [
        ComparedRow(
            now.get((currency, start.isoformat())) or _row(group_by, period, start, "", currency),
            then.get((currency, start_before.isoformat())) or _row(group_by, before, start_before, "", currency)
            if start_before
            else None,
        )
        for currency in currencies
        for start, start_before in zip_longest(starts, starts_before[: len(starts)])
    ]


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
