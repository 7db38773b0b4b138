"""The nine sections of the report, each from the questions in `reporting/queries`; knows no request and no page.

Amounts of different currencies are never in one block: a section with amounts has one block per currency.
"""

from typing import Final

from reporting.pages.report.answers import Section
from reporting.pages.report.filters import Selection
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

_NOTHING: Final = "Nothing happened in these days."
# In the order in which the page shows them.
_KINDS: Final = {
    "key-figures": key_figures.KIND,
    "trend": trend.KIND,
    "campaigns": campaigns.KIND,
    "spend": spend.KIND,
    "funnel": funnel.KIND,
    "budgets": budgets.KIND,
    "engagement": engagement.KIND,
    "creatives": creatives.KIND,
    "demographics": demographics.KIND,
}
NAMES: Final = {name: kind.title for name, kind in _KINDS.items()}


def section(name: str, selection: Selection) -> Section:
    """One section by its name. Raises KeyError for a name that is not in `NAMES`."""
    kind = _KINDS[name]
    blocks, notes = kind.build(selection)
    return Section(
        name=name,
        title=kind.title,
        blocks=blocks,
        notes=(*kind.notes, *notes),
        choice=kind.choice(selection) if kind.choice else None,
        empty="" if blocks else _NOTHING,
    )
