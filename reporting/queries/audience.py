"""Who saw the ads, by calendar month.

LinkedIn counts audiences by month, withholds small segments and keeps two years: the months that the period falls in
are counted whole, and *coverage* is the share of all impressions in these months that the segments cover. A month
that is not fetched completely, such as the first one of an ad account, has complete segments but only part of the
impressions, so it is left out of the coverage. Where a month was never requested for some ad account, or LinkedIn cut
its answer, there are neither shares nor coverage.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from itertools import chain, groupby
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import AdAccount
from accounts.shell import clock
from accounts.shell.linkedin_words import urn_name
from ingestion.models import AudienceDemographic
from reporting.metrics import SEGMENT_AMOUNTS, SEGMENT_COUNTS, Type
from reporting.periods import Period, month_of
from reporting.queries.grouping import Params, Row, ad_account_ids, fetch_all
from reporting.queries.money import Money
from reporting.ratios import Figure, added, percent_of, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment over all months; `share_percent` is its share of the impressions of all segments of the pivot, None
    where months are missing.

    `sums` are of all currencies, by column; `amounts` of each one, the same currencies in the same order for each.
    """

    segment: str
    name: str
    sums: Mapping[str, Figure]
    amounts: Mapping[str, tuple[Money, ...]]
    share_percent: Decimal | None

    @property
    def ctr_percent(self) -> Figure:
        return self.value("ctr_percent")

    def value(self, name: str) -> Figure:
        """A metric that holds no money; None for a ratio whose divisor is 0."""
        return value(name, self.sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """One pivot: the segments with the most impressions, and the rest combined.

    `missing_months` were not fetched for some ad account, or not whole; without any segment, `impressions` are then
    None. `coverage_percent` is the share of the ad
    accounts' impressions in these months that the segments cover; None if there were no impressions, no completely
    fetched month, or a missing one. It is below 100 if LinkedIn withheld small segments or no
    longer keeps a month, and may exceed 100 if LinkedIn counts a member in several segments.
    """

    pivot_type: str
    label: str
    segments: tuple[Segment, ...]
    rest: Segment | None
    segment_count: int
    impressions: int | None
    coverage_percent: Decimal | None
    missing_months: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audiences:
    """The pivots, and the whole calendar months they cover.

    `months` are those with figures; `partly_fetched_months` are left out of the coverage, because some of their days
    are not fetched yet for some ad account. `missing_months` are those of any pivot.
    """

    first_day: date
    last_day: date
    months: tuple[date, ...]
    partly_fetched_months: tuple[date, ...]
    missing_months: tuple[date, ...]
    pivots: tuple[Audience, ...]


_SUMS = ", ".join(f"sum({metric.column}) AS {metric.column}" for metric in (*SEGMENT_COUNTS, *SEGMENT_AMOUNTS))
# PostgreSQL makes the sum of sums numeric.
_SUMS_OF_SUMS = ", ".join(
    f"sum({metric.column}){'::bigint' if metric.type is Type.COUNT else ''}" for metric in SEGMENT_COUNTS
)
_AMOUNTS_BY_CURRENCY = ", ".join(f"array_agg({metric.column} ORDER BY currency)" for metric in SEGMENT_AMOUNTS)
_SEGMENTS = f"""
WITH segment AS (
    SELECT pivot_type, segment, ad_account.currency, max(segment_name) AS name, {_SUMS}
    FROM audience_demographics AS month JOIN ad_accounts AS ad_account ON ad_account.id = month.account_id
    WHERE month.account_id = ANY(%(ad_account_ids)s) AND month.pivot_type = ANY(%(pivot_types)s)
      AND month.date_start BETWEEN %(first_day)s AND %(last_day)s
    GROUP BY pivot_type, segment, ad_account.currency
)
SELECT pivot_type, segment, max(name), {_SUMS_OF_SUMS}, array_agg(currency ORDER BY currency), {_AMOUNTS_BY_CURRENCY}
FROM segment GROUP BY pivot_type, segment
HAVING sum(impressions) > 0 OR sum(clicks) > 0 ORDER BY pivot_type, sum(impressions) DESC, segment
"""  # noqa: S608
# Months with figures, and whether LinkedIn sent all of them, up to the last sync, for every pivot that is asked for and
# for the campaigns whose impressions the segments are compared with.
_MONTHS = """
WITH fetched AS (
    SELECT account_id, pivot_type, range_agg(daterange(first_day, last_day, '[]')) AS days
    FROM covered_days
    WHERE account_id = ANY(%(ad_account_ids)s) AND is_whole AND asked_at <= %(latest)s
      AND (pivot_type = ANY(%(pivot_types)s) OR data_table = 'campaign_daily_metrics')
    GROUP BY account_id, pivot_type
), month AS (
    SELECT DISTINCT account_id, pivot_type, date_start AS first_day,
           (date_start + interval '1 month')::date AS next_month
    FROM audience_demographics
    WHERE account_id = ANY(%(ad_account_ids)s) AND pivot_type = ANY(%(pivot_types)s)
      AND date_start BETWEEN %(first_day)s AND %(last_day)s
)
SELECT month.account_id, month.first_day, bool_and(coalesce(
    segments.days @> daterange(first_day, greatest(first_day, least(next_month, upper(segments.days))))
    AND campaigns.days @> daterange(first_day, greatest(first_day, least(next_month, upper(campaigns.days)))),
    false
))
FROM month
LEFT JOIN fetched AS segments USING (account_id, pivot_type)
LEFT JOIN fetched AS campaigns ON campaigns.account_id = month.account_id AND campaigns.pivot_type = ''
GROUP BY month.account_id, month.first_day ORDER BY month.first_day, month.account_id
"""
# By pivot, the months that were not requested for each ad account, or whose answer LinkedIn cut.
_MISSING_MONTHS = """
SELECT pivot_type, array_agg(DISTINCT month.first_day ORDER BY month.first_day)
FROM unnest(%(ad_account_ids)s::bigint[]) AS account (id)
CROSS JOIN unnest(%(pivot_types)s::text[]) AS pivot (pivot_type)
CROSS JOIN LATERAL (
    SELECT first_day::date
    FROM generate_series(%(first_day)s::timestamp, %(last_day)s::timestamp, interval '1 month') AS first_day
) AS month
WHERE NOT EXISTS (
    SELECT FROM covered_days
    WHERE account_id = account.id AND data_table = 'audience_demographics' AND pivot_type = pivot.pivot_type
      AND is_whole AND asked_at <= %(latest)s
      AND month.first_day BETWEEN covered_days.first_day AND covered_days.last_day
)
GROUP BY pivot_type
"""
# Of single months of single ad accounts.
_SEEN_IN_PARTLY = """
SELECT pivot_type, sum(impressions) FROM audience_demographics
JOIN unnest(%(accounts)s::bigint[], %(months)s::date[]) AS partly (account_id, date_start)
    USING (account_id, date_start)
WHERE pivot_type = ANY(%(pivot_types)s) GROUP BY pivot_type
"""
_IMPRESSIONS_IN_PARTLY = """
SELECT coalesce(sum(day.impressions), 0)
FROM unnest(%(accounts)s::bigint[], %(months)s::date[]) AS partly (account_id, first_day)
JOIN campaigns AS campaign ON campaign.account_id = partly.account_id
JOIN campaign_daily_metrics AS day ON day.campaign_id = campaign.id
    AND day.date >= partly.first_day AND day.date < partly.first_day + interval '1 month'
"""
_IMPRESSIONS = """
SELECT coalesce(sum(day.impressions), 0)
FROM campaign_daily_metrics AS day JOIN campaigns AS campaign ON campaign.id = day.campaign_id
WHERE campaign.account_id = ANY(%(ad_account_ids)s) AND day.date BETWEEN %(first_day)s AND %(last_day)s
"""


def audiences(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    pivot_types: Iterable[str] = AudienceDemographic.PivotType.values,
    top: int = 10,
) -> Audiences:
    """The requested pivots in order, each with its `top` segments; pivots without figures have none."""
    pivot_types = list(pivot_types)
    first_day, last_day = month_of(period.first_day)[0], month_of(period.last_day)[1]
    params: Params = {
        "ad_account_ids": ad_account_ids(ad_accounts),
        "pivot_types": pivot_types,
        "first_day": first_day,
        "last_day": last_day,
        "latest": clock.latest(timezone.now()),
    }
    rows = fetch_all(_SEGMENTS, params)
    found = {pivot_type: list(of_pivot) for pivot_type, of_pivot in groupby(rows, key=lambda row: row[0])}
    [(impressions,)] = fetch_all(_IMPRESSIONS, params)
    months = fetch_all(_MONTHS, params)
    partly = [(ad_account_id, month) for ad_account_id, month, is_whole in months if not is_whole]
    left_out, impressions_left_out = _of_partly_fetched(partly, pivot_types)
    missing = {pivot_type: tuple(of_pivot) for pivot_type, of_pivot in fetch_all(_MISSING_MONTHS, params)}
    return Audiences(
        first_day=first_day,
        last_day=last_day,
        months=tuple(dict.fromkeys(month for _, month, _ in months)),
        partly_fetched_months=tuple(dict.fromkeys(month for _, month in partly)),
        missing_months=tuple(sorted(set(chain.from_iterable(missing.values())))),
        pivots=tuple(
            _audience(
                one,
                found.get(one, []),
                top=top,
                left_out=left_out.get(one, 0),
                of_all=impressions - impressions_left_out,
                missing=missing.get(one, ()),
            )
            for one in pivot_types
        ),
    )


def _of_partly_fetched(partly: Sequence[tuple[int, date]], pivot_types: list[str]) -> tuple[dict[str, int], int]:
    """Impressions of the segments by pivot, and of the campaigns, in these months of these ad accounts."""
    if not partly:
        return {}, 0
    params: Params = {
        "accounts": [ad_account_id for ad_account_id, _ in partly],
        "months": [month for _, month in partly],
        "pivot_types": pivot_types,
    }
    [(impressions,)] = fetch_all(_IMPRESSIONS_IN_PARTLY, params)
    return {pivot_type: int(seen) for pivot_type, seen in fetch_all(_SEEN_IN_PARTLY, params)}, impressions


def _audience(
    pivot_type: str, rows: Sequence[Row], *, top: int, left_out: int, of_all: int, missing: tuple[date, ...]
) -> Audience:
    together = sum(_counts_of(row)["impressions"] for row in rows)
    # Of a whole that is not known there are no shares.
    whole = 0 if missing else together
    segments = [_segment(row, whole) for row in rows]
    return Audience(
        pivot_type=pivot_type,
        label=str(AudienceDemographic.PivotType(pivot_type).label),
        segments=tuple(segments[:top]),
        rest=_together(segments[top:], whole),
        segment_count=len(segments),
        impressions=together if segments or not missing else None,
        coverage_percent=None if missing else percent_of(together - left_out, of_all),
        missing_months=missing,
    )


def _segment(row: Row, together: int) -> Segment:
    _, segment, name, *values = row
    sums = _counts_of(row)
    currencies, *amounts = values[len(SEGMENT_COUNTS) :]
    return Segment(
        segment=segment,
        name=name or urn_name(segment),
        sums=sums,
        amounts={
            metric.column: tuple(map(Money, of_metric, currencies))
            for metric, of_metric in zip(SEGMENT_AMOUNTS, amounts, strict=True)
        },
        share_percent=percent_of(sums["impressions"], together),
    )


def _counts_of(row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip((metric.column for metric in SEGMENT_COUNTS), row[3:], strict=False))


def _together(segments: Sequence[Segment], together: int) -> Segment | None:
    """The segments combined; None if there are none."""
    if not segments:
        return None
    sums: Mapping[str, Figure] = reduce(added, [one.sums for one in segments])
    return Segment(
        segment="",
        name=f"{len(segments)} other segments" if len(segments) > 1 else "1 other segment",
        sums=sums,
        amounts={
            metric.column: _by_currency(money for one in segments for money in one.amounts[metric.column])
            for metric in SEGMENT_AMOUNTS
        },
        share_percent=percent_of(sums["impressions"] or 0, together),
    )


def _by_currency(money: Iterable[Money]) -> tuple[Money, ...]:
    sums: dict[str | None, Decimal] = {}
    for one in money:
        sums[one.currency] = sums.get(one.currency, Decimal(0)) + one.amount
    return tuple(Money(amount, currency) for currency, amount in sums.items())
