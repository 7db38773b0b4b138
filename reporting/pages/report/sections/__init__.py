"""The nine sections of the report, built from `reporting/queries`, independent of requests and pages.

Amounts in different currencies are never in one block: a section with amounts has one block per currency.
"""

from typing import Final

from reporting.pages.coverage import has_any
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
from reporting.queries.coverage import selection_coverage

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
    empty, remedy = ("", "") if blocks else _why_empty(selection)
    return ReportSection(
        name=name,
        title=definition.title,
        blocks=blocks,
        notes=(*definition.notes, *notes),
        choice=definition.choice(selection) if definition.choice else None,
        empty=empty,
        remedy=remedy,
    )


def _why_empty(selection: ReportSelection) -> tuple[str, str]:
    """Why, and what to do; no activity is known only of days that were fetched."""
    if not selection.chosen.exists():
        return "There are no ad accounts to report on.", "Ask an owner to share one with you."
    if selection.lies_ahead:
        return "This period lies ahead.", "Choose days that have come."
    covered = selection_coverage(**selection.arguments())
    if not has_any(covered):
        return "Nothing is stored for this period.", "Choose other dates, or have these synced."
    empty = "No activity in this period." if covered.together.is_whole else "No activity on the days that are stored."
    return empty, "Try other dates, ad accounts or campaigns."
