"""Each day, week or month, compared with the corresponding one of the previous period."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from reporting.pages.report.answers import Block, Cell, CellUnit, Chart, Column, Row, Table, metric_column
from reporting.pages.report.filters import TREND_METRICS, ReportSelection
from reporting.pages.report.sections.definition import (
    DAYS_MISSING,
    LIES_AHEAD,
    NEVER_FETCHED,
    SectionDefinition,
    blocks,
    in_currency,
)
from reporting.queries.coverage import Coverage, CoveredRows
from reporting.queries.grouping import GroupBy
from reporting.queries.performance import ComparedRow, PerformanceRow, compared_performance, trend

_GAPS: Final = {
    GroupBy.DAY: "Gaps are days that were never fetched.",
    GroupBy.WEEK: "Gaps are weeks with days that were never fetched.",
    GroupBy.MONTH: "Gaps are months with days that were never fetched.",
}


@dataclass(frozen=True, slots=True)
class _Point:
    """A day, week or month and its counterpart; either is a gap if one of its days was never fetched.

    What is left of a week would look like a fall, and so would a day without one of the ad accounts.
    """

    pair: ComparedRow
    is_gap: bool
    is_gap_before: bool


def performance_trend(selection: ReportSelection) -> tuple[Block, ...]:
    """Each day, week or month, compared with the corresponding one of the previous period."""
    pairs = _pairs(selection)
    by_currency: dict[str | None, list[_Point]] = {}
    for pair in pairs:
        by_currency.setdefault(pair.now.currency, []).append(_point(pair, pairs))
    return tuple(_trend_block(selection, currency, points) for currency, points in by_currency.items())


def _pairs(selection: ReportSelection) -> CoveredRows[ComparedRow]:
    arguments = selection.arguments()
    if selection.before:
        return compared_performance(before=selection.before, group_by=selection.step, **arguments)
    rows = trend(group_by=selection.step, **arguments)
    return CoveredRows([ComparedRow(row, None) for row in rows], rows.coverage)


def _point(pair: ComparedRow, pairs: CoveredRows[ComparedRow]) -> _Point:
    now, before, currency = pair.now, pair.before, pair.now.currency
    is_gap_before = bool(before and pairs.before and not _is_fetched(before, pairs.before.of_currency(currency)))
    return _Point(pair, not _is_fetched(now, pairs.coverage.of_currency(currency)), is_gap_before)


def _is_fetched(row: PerformanceRow, covered: Coverage) -> bool:
    return covered.has_fetched(row.first_day, row.last_day)


def _trend_block(selection: ReportSelection, currency: str | None, points: list[_Point]) -> Block:
    step, is_compared = selection.step, selection.before is not None
    columns = [Column(name="when", label=step.capitalize(), unit=_calendar_unit(step))]
    columns += [metric_column(name) for name in TREND_METRICS]
    if is_compared:
        columns += [metric_column(name, is_before=True) for name in TREND_METRICS]
    return Block(
        key=currency or "",
        title=in_currency("Performance trend", currency),
        currency=currency,
        note=_note(step, points, today=selection.today),
        table=Table(
            columns=tuple(columns),
            rows=tuple(_row(point, is_compared=is_compared) for point in points),
            why_empty=tuple(_why(step, point.pair.now, selection.today) if point.is_gap else "" for point in points),
            why_empty_before=tuple(
                _why(step, point.pair.before, selection.today) if point.is_gap_before and point.pair.before else ""
                for point in points
            ),
        ),
        chart=Chart(kind="line", labels="when", series=TREND_METRICS),
    )


def _row(point: _Point, *, is_compared: bool) -> Row:
    now, before = point.pair.now, point.pair.before
    return (
        now.label,
        *_figures(None if point.is_gap else now),
        *(_figures(None if point.is_gap_before else before) if is_compared else ()),
    )


def _figures(row: PerformanceRow | None) -> tuple[Cell, ...]:
    return tuple(row.value(name) if row else None for name in TREND_METRICS)


def _why(step: GroupBy, row: PerformanceRow, today: date) -> str:
    """Why a day, week or month is a gap."""
    if row.first_day > today:
        return LIES_AHEAD
    if row.last_day > today:
        return "Some of the days lie ahead"
    return NEVER_FETCHED if step is GroupBy.DAY else DAYS_MISSING


def _note(step: GroupBy, points: list[_Point], *, today: date) -> str:
    cut = [point.pair.now.label for point in points if point.pair.now.is_partial]
    notes = [f"Incomplete because the period starts or ends within: {' and '.join(cut)}."] if cut else []
    is_ahead = [point.pair.now.last_day > today for point in points]
    if any(is_ahead):
        notes.append("Nothing is drawn for days that lie ahead.")
    if any(
        (point.is_gap and not lies_ahead) or point.is_gap_before
        for point, lies_ahead in zip(points, is_ahead, strict=True)
    ):
        notes.append(_GAPS[step])
    return " ".join(notes)


def _calendar_unit(step: GroupBy) -> CellUnit:
    return "day" if step is GroupBy.DAY else "text"


SECTION = SectionDefinition("Performance trend", blocks(performance_trend))
