"""A section of the report as a file: its tables, and what the page says about them.

A file leaves the page, so each row says why its cells are empty and which days its figures lack.
"""

from collections.abc import Iterator
from decimal import Decimal

from reporting.pages.report.answers import Block, Cell, ReportSection
from reporting.pages.report.filters import ReportSelection
from reporting.periods import Period
from reporting.queries.coverage import selection_coverage


def header(found: ReportSection, selection: ReportSelection) -> list[str]:
    """A row's block and currency, the columns, which are the same in all blocks, its note, and the missing days."""
    columns = found.blocks[0].table.columns if found.blocks else ()
    missing = ["missing_days", *(["missing_days_before"] if selection.before else [])]
    return ["part", "currency", *(one.label for one in columns), "note", *missing]


def rows(found: ReportSection, selection: ReportSelection) -> Iterator[list[Cell]]:
    """Without blocks, one row says why there are no figures."""
    missing = [_missing_days(selection, one) for one in (selection.period, selection.before) if one]
    if not found.blocks:
        yield [found.title, "", found.empty, *missing]
    for block in found.blocks:
        for number, row in enumerate(block.table.rows):
            yield [block.title, block.currency or "", *map(_plain, row), _note(block, number), *missing]


def _missing_days(selection: ReportSelection, period: Period) -> str:
    """The days that are not stored, as ISO 8601 intervals."""
    covered = selection_coverage(**selection.arguments() | {"period": period})
    return ", ".join(f"{first}/{last}" for first, last in covered.together.missing)


def _note(block: Block, number: int) -> str:
    """What the page says of the block, and why cells of the row are empty."""
    table, reasons = block.table, [block.note]
    for is_before, why in ((False, table.why_empty), (True, table.why_empty_before)):
        cells = [
            cell
            for column, cell in zip(table.columns, table.rows[number], strict=True)
            if (column.is_before or column.name == "change") is is_before
        ]
        if why and None in cells:
            reasons.append(why[number])
    return " ".join(f"{reason.removesuffix('.')}." for reason in dict.fromkeys(reasons) if reason)


def _plain(cell: Cell) -> Cell:
    """Without zeros at the end of its fraction."""
    return cell.normalize() if isinstance(cell, Decimal) else cell
