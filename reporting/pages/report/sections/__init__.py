"""The nine sections of the report, built from `reporting/queries`, independent of requests and pages.

Amounts in different currencies are never in one block: a section with amounts has one block per currency.
"""

from typing import Final

from reporting.pages.report.answers import ReportSection
from reporting.pages.report.filters import ReportSelection
from reporting.pages.report.sections import (
    budgets,
    campaigns,
    creatives,
    demographics,
    engagement,
    funnel,
    key_figures,
    spend,
    trend,
)

_NOTHING: Final = "No activity in this period."
# In page order.
_SECTIONS: Final = {
    "key-figures": key_figures.SECTION,
    "trend": trend.SECTION,
    "campaigns": campaigns.SECTION,
    "spend": spend.SECTION,
    "funnel": funnel.SECTION,
    "budgets": budgets.SECTION,
    "engagement": engagement.SECTION,
    "creatives": creatives.SECTION,
    "demographics": demographics.SECTION,
}
NAMES: Final = {name: one.title for name, one in _SECTIONS.items()}


def section(name: str, selection: ReportSelection) -> ReportSection:
    """One section by its name. Raises KeyError for a name that is not in `NAMES`."""
    definition = _SECTIONS[name]
    blocks, notes = definition.build(selection)
    return ReportSection(
        name=name,
        title=definition.title,
        blocks=blocks,
        notes=(*definition.notes, *notes),
        choice=definition.choice(selection) if definition.choice else None,
        empty="" if blocks else _NOTHING,
    )
