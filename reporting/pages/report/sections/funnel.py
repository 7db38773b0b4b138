"""From impression to conversion or lead."""

from reporting.pages.report.answers import Block, Chart, Column, Table
from reporting.pages.report.filters import ReportSelection
from reporting.pages.report.sections.definition import SectionDefinition, blocks, why_empty
from reporting.queries.journey import funnel


def conversion_funnel(selection: ReportSelection) -> tuple[Block, ...]:
    """From impression to conversion or lead: counts, which can be added across currencies."""
    steps = funnel(**selection.arguments())
    if not any(step.count for step in steps):
        return ()
    columns = (
        Column(name="step", label="Step"),
        Column(name="count", label="Count", unit="count"),
        Column(name="previous", label="Follows"),
        Column(name="of_previous", label="Percent of that step", unit="percent"),
        Column(name="of_first", label="Percent of impressions", unit="percent"),
    )
    # A zero would say that nothing happened on days that were never fetched.
    reason = why_empty(steps.coverage.together)
    labels = {step.name: step.label for step in steps}
    rows = tuple(
        (
            step.label,
            step.count or (None if reason else step.count),
            labels[step.previous] if step.previous else None,
            step.percent_of_previous,
            step.percent_of_first,
        )
        for step in steps
    )
    return (
        Block(
            key="",
            title="Conversion funnel",
            table=Table(columns=columns, rows=rows, why_empty=(reason,) * len(rows)),
            chart=Chart(kind="funnel", labels="step", series=("count",)),
        ),
    )


SECTION = SectionDefinition(
    "Conversion funnel",
    blocks(conversion_funnel),
    (
        "Conversions and leads are two ends: conversions happen on a website, leads in a form on LinkedIn. Conversions"
        " after mere views count too, so a share is left out where it would be above 100 %.",
    ),
)
