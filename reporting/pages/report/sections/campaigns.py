"""The campaigns with the highest value of one metric."""

from reporting.pages.report.answers import Block, Chart, Column, Table, metric_column
from reporting.pages.report.filters import CAMPAIGN_METRICS, ReportSelection, with_offered
from reporting.pages.report.sections.definition import (
    DAYS_MISSING,
    SectionDefinition,
    blocks,
    choice_of,
    figures,
    in_currency,
    inline_label,
    why_empty,
)
from reporting.queries.coverage import CoveredRows
from reporting.queries.grouping import GroupBy
from reporting.queries.performance import ComparedRow, compared_performance, performance
from reporting.ratios import Figure

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


def _campaigns(selection: ReportSelection, currency: str | None) -> CoveredRows[ComparedRow]:
    arguments, order_by = selection.arguments(currency), selection.campaign_metric
    if selection.before is None:
        rows = performance(group_by=GroupBy.CAMPAIGN, order_by=order_by, limit=_TOP, **arguments)
        return CoveredRows([ComparedRow(row, None) for row in rows], rows.coverage)
    return compared_performance(
        before=selection.before, group_by=GroupBy.CAMPAIGN, order_by=order_by, limit=_TOP, **arguments
    )


def _campaign_block(selection: ReportSelection, currency: str | None, pairs: CoveredRows[ComparedRow]) -> Block:
    chosen = selection.campaign_metric
    columns = [Column(name="campaign", label="Campaign"), *map(metric_column, _OF_CAMPAIGNS)]
    if selection.before:
        columns.append(metric_column(chosen, is_before=True))
    rows = [
        (
            pair.now.label,
            *figures(pair.now, _OF_CAMPAIGNS, pairs.coverage),
            *((_before(pair, chosen),) if selection.before else ()),
        )
        for pair in pairs
    ]
    return Block(
        key=currency or "",
        title=in_currency(f"Campaigns by {inline_label(chosen)}", currency),
        currency=currency,
        table=Table(
            columns=tuple(columns),
            rows=tuple(rows),
            why_empty=tuple(why_empty(pairs.coverage.of_ad_account(pair.now.ad_account_id)) for pair in pairs),
            why_empty_before=tuple("" if pair.before and pair.before.is_whole else DAYS_MISSING for pair in pairs),
        ),
        chart=Chart(kind="bars", labels="campaign", series=(chosen,)),
    )


def _before(pair: ComparedRow, name: str) -> Figure:
    """What it was, if every day of that is stored."""
    return pair.before.value(name) if pair.before and pair.before.is_whole else None


SECTION = SectionDefinition(
    "Campaign comparison",
    blocks(campaign_comparison),
    (f"The {_TOP} campaigns (ad sets in Campaign Manager) with the highest value of the chosen metric.",),
    lambda selection: choice_of("campaign_metric", selection.campaign_metric, CAMPAIGN_METRICS),
)
