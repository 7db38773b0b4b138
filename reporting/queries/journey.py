"""From impression to action: the funnel, social engagement, and the creatives behind both."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from accounts.models import AdAccount
from ingestion.models import Creative
from reporting.metrics import METRICS
from reporting.periods import Period
from reporting.queries.coverage import CoveredRows
from reporting.queries.grouping import GroupBy
from reporting.queries.performance import PerformanceRow, performance, totals
from reporting.ratios import percent_of

# Each step, and the one that it follows. Conversions and leads are two ends, not two steps: website conversions come
# after a visit, leads from a form that opens on LinkedIn, and neither leads to the other.
_STEPS = {
    "impressions": None,
    "clicks": "impressions",
    "landing_page_clicks": "clicks",
    "conversions": "clicks",
    "leads": "clicks",
}


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One step: its count, the step it follows, and its share of that and of the first one.

    The count is None if nothing is stored and not every day was fetched. A share is None where there is nothing to be
    a part of: the other step is 0, or smaller, since LinkedIn also counts conversions after mere views. So no share is
    above 100.
    """

    name: str
    label: str
    count: int | None
    previous: str | None
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
) -> CoveredRows[FunnelStep]:
    """Impressions, clicks, landing-page clicks, then two ends, conversions and leads: counts across all currencies."""
    found = totals(ad_accounts=ad_accounts, period=period, campaign_ids=campaign_ids)
    is_known = found or found.coverage.together.has_fetched(period.first_day, period.last_day)
    counts = {name: int(sum(one.total(name) for one in found)) if is_known else None for name in _STEPS}
    return CoveredRows(
        [
            FunnelStep(
                name=name,
                label=METRICS[name].label,
                count=counts[name],
                previous=previous,
                percent_of_previous=_share(counts[name], counts[previous]) if previous else None,
                percent_of_first=_share(counts[name], counts["impressions"]),
            )
            for name, previous in _STEPS.items()
        ],
        found.coverage,
    )


def _share(count: int | None, whole: int | None) -> Decimal | None:
    if count is None or whole is None or count > whole:
        return None
    return percent_of(count, whole)


def engagement(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    campaign_ids: Collection[int] | None = None,
    top: int = 5,
) -> CoveredRows[PerformanceRow]:
    """The campaigns with the most likes, comments, shares and follows combined; none without any."""
    rows = performance(
        ad_accounts=ad_accounts,
        period=period,
        group_by=GroupBy.CAMPAIGN,
        campaign_ids=campaign_ids,
        order_by="engagements",
        limit=top,
    )
    return CoveredRows([row for row in rows if row.value("engagements")], rows.coverage)


def top_creatives(
    *,
    ad_accounts: QuerySet[AdAccount],
    period: Period,
    campaign_ids: Collection[int] | None = None,
    order_by: str = "spend",
    top: int = 15,
) -> CoveredRows[CreativePerformance]:
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
    return CoveredRows([_creative_performance(row, creatives[row.key]) for row in rows], rows.coverage)


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
