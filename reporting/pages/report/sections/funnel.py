"""From impression to lead."""

from reporting.pages.report.answers import Block, Chart, Column, Table
from reporting.pages.report.filters import ReportSelection
from reporting.pages.report.sections.definition import SectionDefinition, blocks
from reporting.queries.journey import funnel


def conversion_funnel(selection: ReportSelection) -> tuple[Block, ...]:
    """From impression to lead: counts, which can be added across currencies."""
    steps = funnel(**selection.arguments())
    if not any(step.count for step in steps):
        return ()
    columns = (
        Column(name="step", label="Step"),
        Column(name="count", label="Count", unit="count"),
        Column(name="of_previous", label="Percent of previous step", unit="percent"),
        Column(name="of_first", label="Percent of impressions", unit="percent"),
    )
    rows = tuple((step.label, step.count, step.percent_of_previous, step.percent_of_first) for step in steps)
    return (
        Block(
            key="",
            title="Conversion funnel",
            table=Table(columns=columns, rows=rows),
            chart=Chart(kind="funnel", labels="step", series=("count",)),
        ),
    )


SECTION = SectionDefinition(
    "Conversion funnel",
    blocks(conversion_funnel),
    (
        "A step may be larger than the previous one: LinkedIn also counts view-through conversions, and lead forms"
        " need no landing page.",
    ),
)
