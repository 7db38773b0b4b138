"""Spend by campaign: the largest shares and the rest."""

from reporting.pages.report.answers import Block, Chart, Column, Table, metric_column
from reporting.pages.report.filters import ReportSelection
from reporting.pages.report.sections.definition import NOT_WHOLE, SectionDefinition, blocks, in_currency
from reporting.queries.budgets import spend_distribution

_TOP = 7


def spend_by_campaign(selection: ReportSelection) -> tuple[Block, ...]:
    """The largest shares and the rest."""
    columns = (
        Column(name="campaign", label="Campaign"),
        metric_column("spend"),
        Column(name="share", label="Percent share", unit="percent"),
    )
    found = spend_distribution(top=_TOP, **selection.arguments())
    return tuple(
        Block(
            key=one.total.currency or "",
            title=in_currency("Spend by campaign", one.total.currency),
            currency=one.total.currency,
            table=Table(
                columns=columns,
                rows=tuple((part.label, part.spend.amount, part.share_percent) for part in one.parts),
                why_empty=(NOT_WHOLE if not found.coverage.of_currency(one.total.currency).is_whole_so_far else "",)
                * len(one.parts),
            ),
            chart=Chart(kind="doughnut", labels="campaign", series=("spend",)),
        )
        for one in found
    )


SECTION = SectionDefinition("Spend distribution", blocks(spend_by_campaign))
