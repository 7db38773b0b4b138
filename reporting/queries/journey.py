"""From impression to action: the funnel, social engagement, and the creatives behind both."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from accounts.models import AdAccount
from ingestion.models import Creative
from reporting.metrics import METRICS
from reporting.periods import Period
from reporting.queries.grouping import GroupBy
from reporting.queries.performance import PerformanceRow, performance, totals
from reporting.ratios import percent_of

_STEPS = ("impressions", "clicks", "landing_page_clicks", "conversions", "leads")


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One step: its count, and its share of the previous and the first step; None where those are 0."""

    name: str
    label: str
    count: int
    percent_of_previous: Decimal | None
    percent_of_first: Decimal | None


@dataclass(frozen=True, slots=True)
class CreativePerformance:
    """One creative's figures with its status at LinkedIn."""

    figures: PerformanceRow
    campaign_id: int | None
    campaign_name: str | None
    intended_status: str | None
    is_serving: bool | None
    review_status: str | None
    serving_hold_reasons: tuple[str, ...]
    is_missing: bool


def funnel(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    campaign_ids: Collection[int] | None = None,
) -> tuple[FunnelStep, ...]:
    """Impressions, clicks, landing-page clicks, conversions, leads: counts across all currencies.

    A step may be larger than the previous one: LinkedIn also counts view-through conversions, and lead forms need no
    landing page.
    """
    found = totals(ad_accounts=ad_accounts, period=period, campaign_ids=campaign_ids)
    counts = [int(sum(one.total(name) for one in found)) for name in _STEPS]
    return tuple(
        FunnelStep(
            name=name,
            label=METRICS[name].label,
            count=count,
            percent_of_previous=percent_of(count, previous) if number else None,
            percent_of_first=percent_of(count, counts[0]),
        )
        for number, (name, count, previous) in enumerate(zip(_STEPS, counts, [0, *counts[:-1]], strict=True))
    )


def engagement(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    campaign_ids: Collection[int] | None = None,
    top: int = 5,
) -> list[PerformanceRow]:
    """The campaigns with the most likes, comments, shares and follows combined; none without any."""
    rows = performance(
        ad_accounts=ad_accounts,
        period=period,
        group_by=GroupBy.CAMPAIGN,
        campaign_ids=campaign_ids,
        order_by="engagements",
        limit=top,
    )
    return [row for row in rows if row.value("engagements")]


def top_creatives(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    campaign_ids: Collection[int] | None = None,
    order_by: str = "spend",
    top: int = 15,
) -> list[CreativePerformance]:
    """The creatives with the highest value of a metric, and whether LinkedIn serves them."""
    rows = performance(
        ad_accounts=ad_accounts,
        period=period,
        group_by=GroupBy.CREATIVE,
        campaign_ids=campaign_ids,
        order_by=order_by,
        limit=top,
    )
    creatives = Creative.objects.select_related("campaign").in_bulk([row.key for row in rows])
    return [_creative_performance(row, creatives[row.key]) for row in rows]


def _creative_performance(row: PerformanceRow, creative: Creative) -> CreativePerformance:
    campaign = creative.campaign
    return CreativePerformance(
        figures=row,
        campaign_id=creative.campaign_id,
        campaign_name=campaign.name if campaign else None,
        intended_status=creative.intended_status,
        is_serving=creative.is_serving,
        review_status=creative.review_status,
        serving_hold_reasons=tuple(creative.serving_hold_reasons or ()),
        is_missing=creative.missing_since is not None,
    )
