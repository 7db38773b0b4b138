"""From being seen to a lead."""

from reporting.pages.report.answers import Block, Chart, Column, Table
from reporting.pages.report.filters import Selection
from reporting.pages.report.sections.kind import Kind, blocks
from reporting.queries.journey import funnel


def conversion_funnel(selection: Selection) -> tuple[Block, ...]:
    """From being seen to a lead: counts, which may be added over currencies."""
    steps = funnel(**selection.asked())
    if not any(step.count for step in steps):
        return ()
    columns = (
        Column(name="step", label="Step"),
        Column(name="count", label="Count", unit="count"),
        Column(name="of_previous", label="Percent of the step before", unit="percent"),
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


KIND = Kind(
    "Conversion funnel",
    blocks(conversion_funnel),
    (
        "A step may be wider than the one before: LinkedIn counts conversions after a mere view too, and leads come"
        " from forms that need no landing page.",
    ),
)
