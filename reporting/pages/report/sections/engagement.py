"""The campaigns with the most social engagement."""

from reporting.pages.report.answers import Block, Chart, Column, Table, metric_column
from reporting.pages.report.filters import ReportSelection
from reporting.pages.report.sections.definition import SectionDefinition, blocks, figures, why_empty
from reporting.queries.journey import engagement

_TOP = 5
_OF_ENGAGED = ("likes", "comments", "shares", "follows", "clicks")


def social_engagement(selection: ReportSelection) -> tuple[Block, ...]:
    """The campaigns with the most social engagement."""
    rows = engagement(top=_TOP, **selection.arguments())
    if not rows:
        return ()
    names = (*_OF_ENGAGED, "engagements", "engagement_rate_percent")
    columns = (Column(name="campaign", label="Campaign"), *map(metric_column, names))
    return (
        Block(
            key="",
            title="Engagement",
            table=Table(
                columns=columns,
                rows=tuple((row.label, *figures(row, names, rows.coverage)) for row in rows),
                why_empty=tuple(why_empty(rows.coverage.of_ad_account(row.ad_account_id)) for row in rows),
            ),
            chart=Chart(kind="radar", labels="campaign", series=_OF_ENGAGED),
        ),
    )


SECTION = SectionDefinition(
    "Engagement",
    blocks(social_engagement),
    (
        f"The {_TOP} campaigns with the most likes, comments, shares and follows combined. Each axis runs from zero to"
        " the highest value among them.",
    ),
)
