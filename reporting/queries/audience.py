"""Who saw the ads, by calendar month.

LinkedIn counts audiences by month, withholds small segments and keeps two years: the months that the period falls in
are counted whole, and *coverage* is the share of all impressions in these months that the segments cover. A month
that is not fetched completely, such as the first one of an ad account, has complete segments but only part of the
impressions, so it is left out of the coverage.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from django.db.models import QuerySet

from accounts.models import AdAccount
from ingestion.models import AudienceDemographic
from reporting.periods import Period, month_of
from reporting.queries.grouping import Params, Row, ad_account_ids, fetch_all
from reporting.queries.money import Money
from reporting.ratios import ctr_percent, percent_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment over all months; `share_percent` is its share of the impressions of all segments of the pivot."""

    segment: str
    name: str
    impressions: int
    clicks: int
    conversions: int
    leads: int
    spend: tuple[Money, ...]
    share_percent: Decimal | None

    @property
    def ctr_percent(self) -> Decimal | None:
        return ctr_percent(clicks=self.clicks, impressions=self.impressions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """One pivot: the segments with the most impressions, and the rest combined.

    `coverage_percent` is the share of the ad accounts' impressions in these months that the segments cover; None if
    there were no impressions or no completely fetched month. It is below 100 if LinkedIn withheld small segments or no
    longer keeps a month, and may exceed 100 if LinkedIn counts a member in several segments.
    """

    pivot_type: str
    label: str
    segments: tuple[Segment, ...]
    rest: Segment | None
    segment_count: int
    impressions: int
    coverage_percent: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audiences:
    """The pivots, and the whole calendar months they cover.

    `months` are those with figures; `partly_fetched_months` are left out of the coverage, because some of their days
    are not fetched yet for some ad account.
    """

    first_day: date
    last_day: date
    months: tuple[date, ...]
    partly_fetched_months: tuple[date, ...]
    pivots: tuple[Audience, ...]


_SEGMENTS = """
WITH segment AS (
    SELECT pivot_type, segment, ad_account.currency, max(segment_name) AS name,
           sum(impressions) AS impressions, sum(clicks) AS clicks, sum(conversions) AS conversions,
           sum(leads) AS leads, sum(spend) AS spend
    FROM audience_demographics AS month JOIN ad_accounts AS ad_account ON ad_account.id = month.account_id
    WHERE month.account_id = ANY(%(ad_account_ids)s) AND month.pivot_type = ANY(%(pivot_types)s)
      AND month.date_start BETWEEN %(first_day)s AND %(last_day)s
    GROUP BY pivot_type, segment, ad_account.currency
), whole AS (
    SELECT pivot_type, segment, max(name) AS name, sum(impressions) AS impressions, sum(clicks) AS clicks,
           sum(conversions) AS conversions, sum(leads) AS leads,
           array_agg(currency ORDER BY currency) AS currencies, array_agg(spend ORDER BY currency) AS amounts
    FROM segment GROUP BY pivot_type, segment
)
SELECT pivot_type, segment, name, impressions, clicks, conversions, leads, currencies, amounts FROM whole
WHERE impressions > 0 OR clicks > 0 ORDER BY pivot_type, impressions DESC, segment
"""
# Months with figures, and whether all their days up to the last sync are fetched; without a successful run they count
# as fetched.
_MONTHS = """
WITH fetched AS (
    SELECT account_id, range_agg(daterange(first_day, last_day, '[]')) AS days FROM sync_log
    WHERE account_id = ANY(%(ad_account_ids)s) AND status = 'success' AND first_day <= last_day GROUP BY account_id
), month AS (
    SELECT DISTINCT account_id, date_start AS first_day, (date_start + interval '1 month')::date AS next_month
    FROM audience_demographics
    WHERE account_id = ANY(%(ad_account_ids)s) AND pivot_type = ANY(%(pivot_types)s)
      AND date_start BETWEEN %(first_day)s AND %(last_day)s
)
SELECT account_id, month.first_day,
       coalesce(days @> daterange(month.first_day, greatest(month.first_day, least(next_month, upper(days)))), true)
FROM month LEFT JOIN fetched USING (account_id) ORDER BY month.first_day, account_id
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
    }
    rows = fetch_all(_SEGMENTS, params)
    found = {pivot_type: list(of_pivot) for pivot_type, of_pivot in groupby(rows, key=lambda row: row[0])}
    [(impressions,)] = fetch_all(_IMPRESSIONS, params)
    months = fetch_all(_MONTHS, params)
    partly = [(ad_account_id, month) for ad_account_id, month, is_whole in months if not is_whole]
    left_out, impressions_left_out = _of_partly_fetched(partly, pivot_types)
    return Audiences(
        first_day=first_day,
        last_day=last_day,
        months=tuple(dict.fromkeys(month for _, month, _ in months)),
        partly_fetched_months=tuple(dict.fromkeys(month for _, month in partly)),
        pivots=tuple(
            _audience(
                one,
                found.get(one, []),
                top=top,
                left_out=left_out.get(one, 0),
                of_all=impressions - impressions_left_out,
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


def _audience(pivot_type: str, rows: Sequence[Row], *, top: int, left_out: int, of_all: int) -> Audience:
    together = sum(int(row[3]) for row in rows)
    segments = [_segment(row, together) for row in rows]
    return Audience(
        pivot_type=pivot_type,
        label=str(AudienceDemographic.PivotType(pivot_type).label),
        segments=tuple(segments[:top]),
        rest=_together(segments[top:], together),
        segment_count=len(segments),
        impressions=together,
        coverage_percent=percent_of(together - left_out, of_all),
    )


def _segment(row: Row, together: int) -> Segment:
    _, segment, name, impressions, clicks, conversions, leads, currencies, amounts = row
    return Segment(
        segment=segment,
        name=name or segment,
        impressions=int(impressions),
        clicks=int(clicks),
        conversions=int(conversions),
        leads=int(leads),
        spend=tuple(Money(amount, currency) for currency, amount in zip(currencies, amounts, strict=True)),
        share_percent=percent_of(int(impressions), together),
    )


def _together(segments: Sequence[Segment], together: int) -> Segment | None:
    """The segments combined; None if there are none."""
    if not segments:
        return None
    impressions = sum(one.impressions for one in segments)
    spend: dict[str | None, Decimal] = {}
    for money in (money for one in segments for money in one.spend):
        spend[money.currency] = spend.get(money.currency, Decimal(0)) + money.amount
    return Segment(
        segment="",
        name=f"{len(segments)} other segments" if len(segments) > 1 else "1 other segment",
        impressions=impressions,
        clicks=sum(one.clicks for one in segments),
        conversions=sum(one.conversions for one in segments),
        leads=sum(one.leads for one in segments),
        spend=tuple(Money(amount, currency) for currency, amount in spend.items()),
        share_percent=percent_of(impressions, together),
    )
