"""What a section of the report consists of: blocks, each a table and a chart drawn from its columns.

A chart holds no figures of its own, so chart, table and CSV always agree. Rows hold exact values.
"""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Literal

from reporting.metrics import METRICS, Better

CellUnit = Literal["text", "count", "money", "percent", "day", "by row"]
Cell = str | int | Decimal | None
Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table; `is_before` marks figures of the period it is compared with."""

    name: str
    label: str
    unit: CellUnit = "text"
    is_before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under columns; `row_units` are the units of a column whose unit is "by row".

    `row_better` says of rows that are figures whether more, less or neither is good. `why_empty` says of each row why
    cells of it are empty, `why_empty_before` the same of what it is compared with; without a reason, there was nothing
    to divide by.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    row_units: tuple[str, ...] = ()
    row_better: tuple[Better, ...] = ()
    why_empty: tuple[str, ...] = ()
    why_empty_before: tuple[str, ...] = ()

    def column(self, name: str) -> tuple[Any, ...]:
        """The values of one column."""
        number = [one.name for one in self.columns].index(name)
        return tuple(row[number] for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """How to draw a table: the column of labels and the columns of figures."""

    kind: Literal["tiles", "line", "bars", "stacked bars", "doughnut", "radar", "funnel"]
    labels: str
    series: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One chart and its table; in one currency if it contains amounts."""

    key: str
    title: str
    table: Table
    chart: Chart
    currency: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A choice within a section, stored in the address under `name`."""

    name: str
    label: str
    value: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSection:
    """One section; without blocks, `empty` says why and `remedy` what to do."""

    name: str
    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()
    choice: Choice | None = None
    empty: str = ""
    remedy: str = ""

    def as_json(self) -> dict[str, object]:
        """Plain values; amounts and ratios stay decimals, for an encoder that keeps their digits."""
        return asdict(self)


def metric_column(name: str, *, is_before: bool = False) -> Column:
    """A metric under its own name; the previous period's is marked."""
    metric = METRICS[name]
    if is_before:
        return Column(name=f"{name}_before", label=f"{metric.label} before", unit=metric.unit.value, is_before=True)
    return Column(name=name, label=metric.label, unit=metric.unit.value)
