"""What commands show on a terminal."""

from typing import IO, cast

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.table import Table


def console(stream: OutputWrapper) -> Console:
    """Tables and text onto a command's stream; long lines are left to the terminal."""
    return Console(file=cast("IO[str]", stream), soft_wrap=True)


def row_table(rows: dict[str, int]) -> Table:
    """Row counts by table name."""
    table = Table("Table", "Rows", title="Stored")
    for name, count in rows.items():
        table.add_row(name, f"{count:,}")
    return table
