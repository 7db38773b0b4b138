"""The creatives with the highest value of one metric, and their review status."""

from accounts.shell import linkedin_words
from reporting.pages.report.answers import Block, Chart, Column, Table, metric_column
from reporting.pages.report.filters import CREATIVE_METRICS, ReportSelection
from reporting.pages.report.sections.definition import (
    SectionDefinition,
    blocks,
    choice_of,
    figures,
    in_currency,
    inline_label,
    why_empty,
)
from reporting.queries.coverage import CoveredRows
from reporting.queries.journey import CreativePerformance, top_creatives

_TOP = 15


def creative_performance(selection: ReportSelection) -> tuple[Block, ...]:
    """The creatives with the highest value of one metric, and their review status."""
    return tuple(
        _creative_block(selection.creative_metric, currency, found)
        for currency in selection.currencies()
        if (found := top_creatives(order_by=selection.creative_metric, top=_TOP, **selection.arguments(currency)))
    )


def _creative_block(chosen: str, currency: str | None, found: CoveredRows[CreativePerformance]) -> Block:
    columns = (
        Column(name="creative", label="Creative"),
        Column(name="campaign", label="Campaign"),
        Column(name="state", label="State"),
        *map(metric_column, CREATIVE_METRICS),
    )
    rows = tuple(
        (
            one.figures.label,
            one.campaign_name or "",
            _state(one),
            *figures(one.figures, CREATIVE_METRICS, found.coverage),
        )
        for one in found
    )
    return Block(
        key=currency or "",
        title=in_currency(f"Creatives by {inline_label(chosen)}", currency),
        currency=currency,
        table=Table(
            columns=columns,
            rows=rows,
            why_empty=tuple(why_empty(found.coverage.of_ad_account(one.figures.ad_account_id)) for one in found),
        ),
        chart=Chart(kind="bars", labels="creative", series=(chosen,)),
    )


def _state(one: CreativePerformance) -> str:
    """Review status, whether it is served, and why not."""
    if one.is_missing:
        return "No longer at LinkedIn"
    parts = [linkedin_words.label(one.review_status)] if one.review_status else []
    if one.is_serving is not None:
        parts.append("serving" if one.is_serving else "not serving")
    reasons = f" ({', '.join(map(_inline, one.serving_hold_reasons))})" if one.serving_hold_reasons else ""
    return (", ".join(parts) or "Unknown") + reasons


def _inline(reason: str) -> str:
    label = linkedin_words.label(reason)
    return label[0].lower() + label[1:]


SECTION = SectionDefinition(
    "Creative performance",
    blocks(creative_performance),
    (f"The {_TOP} creatives with the highest value of the chosen metric.",),
    lambda selection: choice_of("creative_metric", selection.creative_metric, CREATIVE_METRICS),
)
