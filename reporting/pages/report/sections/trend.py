"""Every day, week or month, beside the same place of the period before."""

from typing import Any

from reporting.pages.report.answers import Block, Chart, Column, Table, metric_column
from reporting.pages.report.filters import TREND_METRICS, Selection
from reporting.pages.report.sections.kind import Kind, blocks, in_currency
from reporting.queries.grouping import GroupBy
from reporting.queries.performance import (
    ComparedRow,
    compared_performance,
    trend,
)


def performance_trend(selection: Selection) -> tuple[Block, ...]:
    """Every day, week or month, beside the same place of the period before."""
    wanted = {**selection.asked(), "group_by": selection.step}
    if selection.before is None:
        pairs = [ComparedRow(row, None) for row in trend(**wanted)]
    else:
        pairs = compared_performance(before=selection.before, **wanted)
    by_currency: dict[str | None, list[ComparedRow]] = {}
    for pair in pairs:
        by_currency.setdefault(pair.now.currency, []).append(pair)
    return tuple(_trend_block(selection, currency, rows) for currency, rows in by_currency.items())


def _trend_block(selection: Selection, currency: str | None, pairs: list[ComparedRow]) -> Block:
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
        note=f"Not whole, because the period begins or ends in it: {' and '.join(cut)}." if cut else "",
        table=Table(columns=tuple(columns), rows=tuple(rows)),
        chart=Chart(kind="line", labels="when", series=TREND_METRICS),
    )


def _calendar_unit(step: GroupBy) -> Any:
    return "day" if step is GroupBy.DAY else "text"


KIND = Kind("Performance trend", blocks(performance_trend))
