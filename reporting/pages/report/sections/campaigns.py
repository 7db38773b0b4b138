"""The campaigns with most of one figure."""

from reporting.pages.report.answers import Block, Chart, Column, Table, metric_column
from reporting.pages.report.filters import CAMPAIGN_METRICS, Selection, with_offered
from reporting.pages.report.sections.kind import Kind, blocks, choice_of, in_currency, label_in_sentence
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


def campaign_comparison(selection: Selection) -> tuple[Block, ...]:
    """The campaigns with most of one figure."""
    return tuple(
        _campaign_block(selection, currency, rows)
        for currency in selection.currencies()
        if (rows := _campaigns(selection, currency))
    )


def _campaigns(selection: Selection, currency: str | None) -> list[ComparedRow]:
    wanted = {
        **selection.asked(currency),
        "group_by": GroupBy.CAMPAIGN,
        "order_by": selection.campaign_metric,
        "limit": _TOP,
    }
    if selection.before is None:
        return [ComparedRow(row, None) for row in performance(**wanted)]
    return compared_performance(before=selection.before, **wanted)


def _campaign_block(selection: Selection, currency: str | None, pairs: list[ComparedRow]) -> Block:
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
        title=in_currency(f"Campaigns by {label_in_sentence(chosen)}", currency),
        currency=currency,
        table=Table(columns=tuple(columns), rows=tuple(rows)),
        chart=Chart(kind="bars", labels="campaign", series=(chosen,)),
    )


KIND = Kind(
    "Campaign comparison",
    blocks(campaign_comparison),
    (f"The {_TOP} campaigns with most of the chosen figure; what LinkedIn's own pages call ad sets.",),
    lambda selection: choice_of("campaign_metric", selection.campaign_metric, CAMPAIGN_METRICS),
)
