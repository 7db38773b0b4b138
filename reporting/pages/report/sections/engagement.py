"""The campaigns that people answered most."""

from reporting.pages.report.answers import Block, Chart, Column, Table, metric_column
from reporting.pages.report.filters import Selection
from reporting.pages.report.sections.kind import Kind, blocks
from reporting.queries.journey import engagement

_TOP = 5
_OF_ENGAGED = ("likes", "comments", "shares", "follows", "clicks")


def social_engagement(selection: Selection) -> tuple[Block, ...]:
    """The campaigns that people answered most."""
    rows = engagement(top=_TOP, **selection.asked())
    if not rows:
        return ()
    names = (*_OF_ENGAGED, "engagements", "engagement_rate_percent")
    columns = (Column(name="campaign", label="Campaign"), *map(metric_column, names))
    return (
        Block(
            key="",
            title="Engagement",
            table=Table(columns=columns, rows=tuple((row.label, *(row.value(name) for name in names)) for row in rows)),
            chart=Chart(kind="radar", labels="campaign", series=_OF_ENGAGED),
        ),
    )


KIND = Kind(
    "Engagement",
    blocks(social_engagement),
    (
        f"The {_TOP} campaigns with most likes, comments, shares and follows together. Each axis runs from"
        " zero to the most that one of them has.",
    ),
)
