"""The campaigns with the highest value of one metric."""

from collections.abc import Sequence

from reporting.pages.report.answers import Block, Chart, Column, Table, metric_column
from reporting.pages.report.filters import CAMPAIGN_METRICS, ReportSelection, with_offered
from reporting.pages.report.sections.definition import SectionDefinition, blocks, choice_of, in_currency, inline_label
from reporting.queries.grouping import GroupBy
from reporting.queries.performance import (
    ComparedRow,
    compared_performance,
    performance,
)

_TOP = 20
_OF_CAMPAIGNS = with_offered(
    "spend", "impressions", "clicks", "ctr_percent", "cpc", "conversions", "cost_per_conversion", "leads",
    "cost_per_lead",
)  # fmt: skip


def campaign_comparison(selection: ReportSelection) -> tuple[Block, ...]:
    """The campaigns with the highest value of one metric."""
    return tuple(
        _campaign_block(selection, currency, rows)
        for currency in selection.currencies()
        if (rows := _campaigns(selection, currency))
    )


def _campaigns(selection: ReportSelection, currency: str | None) -> Sequence[ComparedRow]:
    arguments, order_by = selection.arguments(currency), selection.campaign_metric
    if selection.before is None:
        rows = performance(group_by=GroupBy.CAMPAIGN, order_by=order_by, limit=_TOP, **arguments)
        return [ComparedRow(row, None) for row in rows]
    return compared_performance(
        before=selection.before, group_by=GroupBy.CAMPAIGN, order_by=order_by, limit=_TOP, **arguments
    )


def _campaign_block(selection: ReportSelection, currency: str | None, pairs: Sequence[ComparedRow]) -> Block:
    chosen = selection.campaign_metric
    columns = [Column(name="campaign", label="Campaign"), *map(metric_column, _OF_CAMPAIGNS)]
    if selection.before:
        columns.append(metric_column(chosen, is_before=True))
    rows = [
        (
            pair.now.label,
            *(pair.now.value(name) for name in _OF_CAMPAIGNS),
            *((pair.before.value(chosen) if pair.before else None,) if selection.before else ()),
        )
        for pair in pairs
    ]
    return Block(
        key=currency or "",
        title=in_currency(f"Campaigns by {inline_label(chosen)}", currency),
        currency=currency,
        table=Table(columns=tuple(columns), rows=tuple(rows)),
        chart=Chart(kind="bars", labels="campaign", series=(chosen,)),
    )


SECTION = SectionDefinition(
    "Campaign comparison",
    blocks(campaign_comparison),
    (f"The {_TOP} campaigns (ad sets in Campaign Manager) with the highest value of the chosen metric.",),
    lambda selection: choice_of("campaign_metric", selection.campaign_metric, CAMPAIGN_METRICS),
)
