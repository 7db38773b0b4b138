"""Key figures, compared with the previous period."""

from reporting.metrics import METRICS
from reporting.pages.report.answers import Block, Chart, Column, Table
from reporting.pages.report.filters import ReportSelection
from reporting.pages.report.sections.definition import (
    NOT_COMPARED,
    SectionDefinition,
    blocks,
    figure,
    in_currency,
    why_empty,
)
from reporting.periods import Period
from reporting.queries.coverage import SelectionCoverage
from reporting.queries.money import by_currency
from reporting.queries.performance import ComparedTotals, Totals, compared_totals, totals
from reporting.ratios import Figure

_TILES = (
    "spend", "impressions", "clicks", "ctr_percent", "cpc", "cpm", "conversions", "cost_per_conversion", "leads",
    "cost_per_lead", "engagements", "engagement_rate_percent",
)  # fmt: skip


def key_figures(selection: ReportSelection) -> tuple[Block, ...]:
    """Key figures, compared with the previous period."""
    if selection.before is None:
        found = totals(**selection.arguments())
        blocks = [_tiles(now, None, found.coverage) for now in found]
    else:
        pairs = compared_totals(before=selection.before, **selection.arguments())
        blocks = [_tiles(one.now, one, pairs.coverage, compared_with=selection.before) for one in pairs]
    return tuple(sorted(blocks, key=lambda block: by_currency(block.currency)))


def _tiles(
    now: Totals, pair: ComparedTotals | None, coverage: SelectionCoverage, *, compared_with: Period | None = None
) -> Block:
    covered = coverage.of_currency(now.currency)
    columns = [Column(name="metric", label="Metric"), Column(name="now", label="This period", unit="by row")]
    if pair:
        columns += [
            Column(name="before", label=f"From {compared_with}", unit="by row", is_before=True),
            Column(name="change", label="Percent change", unit="percent"),
        ]
    rows = [(METRICS[name].label, figure(now, name, covered), *_compared(pair, name)) for name in _TILES]
    is_compared = pair is None or (pair.now.is_whole and pair.before.is_whole)
    return Block(
        key=now.currency or "",
        title=in_currency("Key figures", now.currency),
        currency=now.currency,
        table=Table(
            columns=tuple(columns),
            rows=tuple(rows),
            row_units=tuple(METRICS[name].unit.value for name in _TILES),
            row_better=tuple(METRICS[name].better for name in _TILES),
            why_empty=(why_empty(covered),) * len(_TILES),
            why_empty_before=("" if is_compared else NOT_COMPARED,) * len(_TILES),
        ),
        chart=Chart(kind="tiles", labels="metric", series=("now",)),
    )


def _compared(pair: ComparedTotals | None, name: str) -> tuple[Figure, ...]:
    """What it was, as far as that is stored, and the change since."""
    if pair is None:
        return ()
    return pair.before.value(name) if pair.before.is_whole else None, pair.change_percent(name)


SECTION = SectionDefinition("Key figures", blocks(key_figures))
