"""What a section of the report is made of: blocks, each a table and a chart that is drawn from its columns.

A chart holds no figure of its own, so chart, table and CSV cannot tell different things. Rows hold exact values.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from reporting.metrics import METRICS, Better

CellUnit = Literal["text", "count", "money", "percent", "day", "by row"]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table; `is_before` marks figures of the period compared with."""

    name: str
    label: str
    unit: CellUnit = "text"
    is_before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under columns; `row_units` are the units of a column whose unit is "by row".

    `row_better` says of rows that are figures whether more, less or neither is good.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    row_units: tuple[str, ...] = ()
    row_better: tuple[Better, ...] = ()

    def column(self, name: str) -> tuple[Any, ...]:
        """The values of one column."""
        number = [one.name for one in self.columns].index(name)
        return tuple(row[number] for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """How to draw a table: the column of labels, and those of figures."""

    kind: Literal["tiles", "line", "bars", "stacked bars", "doughnut", "radar", "funnel"]
    labels: str
    series: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One chart and its table, in one currency where amounts are in it."""

    key: str
    title: str
    table: Table
    chart: Chart
    currency: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A choice within a section, kept in the address under `name`."""

    name: str
    label: str
    value: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section; without blocks, `empty` says why."""

    name: str
    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()
    choice: Choice | None = None
    empty: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values; amounts and ratios stay decimals, for an encoder that keeps their digits."""
        return asdict(self)

    def csv_header(self) -> list[str]:
        """Which block a row is of, its currency, and the columns; blocks of one section have the same ones."""
        columns = self.blocks[0].table.columns if self.blocks else ()
        return ["part", "currency", *(one.label for one in columns)]

    def csv_rows(self) -> Iterator[list[Any]]:
        for block in self.blocks:
            for row in block.table.rows:
                yield [block.title, block.currency or "", *row]


def metric_column(name: str, *, is_before: bool = False) -> Column:
    """A figure under its own name; the one of the other period says so."""
    metric = METRICS[name]
    if is_before:
        return Column(name=f"{name}_before", label=f"{metric.label} before", unit=metric.unit.value, is_before=True)
    return Column(name=name, label=metric.label, unit=metric.unit.value)
