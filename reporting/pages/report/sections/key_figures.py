"""Key figures, each with what it was before."""

from collections.abc import Callable
from decimal import Decimal

from reporting.metrics import METRICS
from reporting.pages.report.answers import Block, Chart, Column, Table
from reporting.pages.report.filters import Selection
from reporting.pages.report.sections.kind import Kind, blocks, in_currency
from reporting.queries.performance import (
    Totals,
    compared_totals,
    totals,
)

_TILES = (
    "spend", "impressions", "clicks", "ctr_percent", "cpc", "cpm", "conversions", "cost_per_conversion", "leads",
    "cost_per_lead", "engagements", "engagement_rate_percent",
)  # fmt: skip


def key_figures(selection: Selection) -> tuple[Block, ...]:
    """Every figure with what it was before."""
    if selection.before is None:
        blocks = [_tiles(now, None) for now in totals(**selection.asked())]
    else:
        pairs = compared_totals(before=selection.before, **selection.asked())
        blocks = [_tiles(one.now, one.before, one.change_percent) for one in pairs]
    return tuple(sorted(blocks, key=lambda block: block.key))


def _tiles(now: Totals, before: Totals | None, change: Callable[[str], Decimal | None] | None = None) -> Block:
    columns = [Column(name="metric", label="Figure"), Column(name="now", label="This period", unit="by row")]
    if before:
        columns += [
            Column(name="before", label="Period before", unit="by row", is_before=True),
            Column(name="change", label="Change in percent", unit="percent"),
        ]
    rows = [
        (METRICS[name].label, now.value(name), *((before.value(name), change(name)) if before and change else ()))
        for name in _TILES
    ]
    return Block(
        key=now.currency or "",
        title=in_currency("Key figures", now.currency),
        currency=now.currency,
        table=Table(
            columns=tuple(columns),
            rows=tuple(rows),
            row_units=tuple(METRICS[name].unit.value for name in _TILES),
            row_better=tuple(METRICS[name].better for name in _TILES),
        ),
        chart=Chart(kind="tiles", labels="metric", series=("now",)),
    )


KIND = Kind("Key figures", blocks(key_figures))
