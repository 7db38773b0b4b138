"""Writes what `docs/` says of each metric from the catalogue: the tables' columns and those of the views for BI tools.

`make openapi` runs it; a test holds the documents to it.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from ingestion import catalogue
from ingestion.catalogue import Metric, Type
from reporting.operations.bi_view_columns import View, views

_DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
_TYPES: Final = {Type.COUNT: "integer", Type.DECIMAL: "numeric(24, 10)"}
_OF_DAYS: Final = ("campaign_daily_metrics", "creative_daily_metrics", "account_daily_totals")


def tables(text: str) -> str:
    """`docs/tables.md` with the catalogue's metrics in the sections of the tables that hold them."""
    for table in _OF_DAYS:
        text = _with_metrics(text, table, catalogue.DAILY, after="date")
    return _with_metrics(text, "audience_demographics", catalogue.DEMOGRAPHIC, after="date_end")


def bi(text: str) -> str:
    """`docs/bi.md` with the columns of every view."""
    head, _, _ = text.partition("\n## Columns\n")
    return f"{head}\n## Columns\n" + "".join(map(_view, views()))


WRITERS: Final[dict[str, Callable[[str], str]]] = {"tables.md": tables, "bi.md": bi}


def _with_metrics(text: str, table: str, metrics: Iterable[Metric], *, after: str) -> str:
    """Everything between the row named and that of the CTR."""
    rows = "".join(f"| `{one.column}` | {_TYPES[one.type]} | {_meaning(one)} |\n" for one in metrics)
    pattern = rf"(\n## {table}\n(?:(?!\n## ).)*?\n\| `{after}` [^\n]*\n).*?(?=\| `ctr` )"
    return re.sub(pattern, lambda found: found[1] + rows, text, count=1, flags=re.DOTALL)


def _meaning(metric: Metric) -> str:
    parts = [metric.description]
    if metric.attribute != metric.column:
        parts.append(f"LinkedIn's {metric.field}")
    if metric.is_nullable:
        parts.append("empty where LinkedIn did not send it")
    return "; ".join(parts)


def _view(view: View) -> str:
    rows = "".join(f"| `{one.name}` | {one.type} | {one.meaning} | {one.unit} |\n" for one in view.columns)
    return f"\n### {view.name}\n\n{view.about}\n\n| column | type | meaning | unit |\n| --- | --- | --- | --- |\n{rows}"


if __name__ == "__main__":
    for name, write in WRITERS.items():
        (_DOCS / name).write_text(write((_DOCS / name).read_text()))
