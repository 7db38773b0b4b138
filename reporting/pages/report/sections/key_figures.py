"""Key figures, compared with the previous period."""

from collections.abc import Callable
from decimal import Decimal

from reporting.metrics import METRICS
from reporting.pages.report.answers import Block, Chart, Column, Table
from reporting.pages.report.filters import ReportSelection
from reporting.pages.report.sections.definition import SectionDefinition, blocks, in_currency
from reporting.periods import Period
from reporting.queries.performance import (
    Totals,
    compared_totals,
    totals,
)

_TILES = (
    "spend", "impressions", "clicks", "ctr_percent", "cpc", "cpm", "conversions", "cost_per_conversion", "leads",
    "cost_per_lead", "engagements", "engagement_rate_percent",
)  # fmt: skip


def key_figures(selection: ReportSelection) -> tuple[Block, ...]:
    """Key figures, compared with the previous period."""
    if selection.before is None:
        blocks = [_tiles(now, None) for now in totals(**selection.arguments())]
    else:
        pairs = compared_totals(before=selection.before, **selection.arguments())
        blocks = [_tiles(one.now, one.before, one.change_percent, compared_with=selection.before) for one in pairs]
    return tuple(sorted(blocks, key=lambda block: block.key))


def _tiles(
    now: Totals,
    before: Totals | None,
    change: Callable[[str], Decimal | None] | None = None,
    *,
    compared_with: Period | None = None,
) -> Block:
    columns = [Column(name="metric", label="Metric"), Column(name="now", label="This period", unit="by row")]
    if before:
        columns += [
            Column(name="before", label=f"From {compared_with}", unit="by row", is_before=True),
            Column(name="change", label="Percent change", unit="percent"),
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


SECTION = SectionDefinition("Key figures", blocks(key_figures))
