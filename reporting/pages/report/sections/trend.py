"""Each day, week or month, compared with the corresponding one of the previous period."""

from collections.abc import Iterable

from reporting.pages.report.answers import Block, CellUnit, Chart, Column, Table, metric_column
from reporting.pages.report.filters import TREND_METRICS, ReportSelection
from reporting.pages.report.sections.definition import SectionDefinition, blocks, in_currency
from reporting.queries.grouping import GroupBy
from reporting.queries.performance import (
    ComparedRow,
    compared_performance,
    trend,
)


def performance_trend(selection: ReportSelection) -> tuple[Block, ...]:
    """Each day, week or month, compared with the corresponding one of the previous period."""
    arguments = selection.arguments()
    pairs: Iterable[ComparedRow]
    if selection.before is None:
        pairs = [ComparedRow(row, None) for row in trend(group_by=selection.step, **arguments)]
    else:
        pairs = compared_performance(before=selection.before, group_by=selection.step, **arguments)
    by_currency: dict[str | None, list[ComparedRow]] = {}
    for pair in pairs:
        by_currency.setdefault(pair.now.currency, []).append(pair)
    return tuple(_trend_block(selection, currency, rows) for currency, rows in by_currency.items())


def _trend_block(selection: ReportSelection, currency: str | None, pairs: list[ComparedRow]) -> Block:
    columns = [Column(name="when", label=selection.step.capitalize(), unit=_calendar_unit(selection.step))]
    columns += [metric_column(name) for name in TREND_METRICS]
    if selection.before:
        columns += [metric_column(name, is_before=True) for name in TREND_METRICS]
    rows = [
        (
            pair.now.label,
            *(pair.now.value(name) for name in TREND_METRICS),
            *((pair.before.value(name) if pair.before else None for name in TREND_METRICS) if selection.before else ()),
        )
        for pair in pairs
    ]
    cut = [pair.now.label for pair in pairs if pair.now.is_partial]
    return Block(
        key=currency or "",
        title=in_currency("Performance trend", currency),
        currency=currency,
        note=f"Incomplete because the period starts or ends within: {' and '.join(cut)}." if cut else "",
        table=Table(columns=tuple(columns), rows=tuple(rows)),
        chart=Chart(kind="line", labels="when", series=TREND_METRICS),
    )


def _calendar_unit(step: GroupBy) -> CellUnit:
    return "day" if step is GroupBy.DAY else "text"


SECTION = SectionDefinition("Performance trend", blocks(performance_trend))
