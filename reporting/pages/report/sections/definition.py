"""The definition of a section: title, builder, notes; and wording that sections share."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reporting.metrics import METRICS
from reporting.pages.report.answers import Block, Choice
from reporting.pages.report.filters import ReportSelection, metric_options
from reporting.queries.coverage import Coverage, SelectionCoverage
from reporting.queries.performance import PerformanceRow
from reporting.ratios import Figure, Figures

NEVER_FETCHED: Final = "Never fetched"
LIES_AHEAD: Final = "Lies ahead"
DAYS_MISSING: Final = "Some of the days are not stored"
NOT_WHOLE: Final = "Not every day is over and stored"
NOT_COMPARED: Final = "Not every day of both periods is over and stored"

# Blocks, and notes about them.
BlocksAndNotes = tuple[tuple[Block, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SectionDefinition:
    """A section's title, its builder, and notes that help to read it."""

    title: str
    build: Callable[[ReportSelection], BlocksAndNotes]
    notes: tuple[str, ...] = ()
    choice: Callable[[ReportSelection], Choice] | None = None


def blocks(build: Callable[[ReportSelection], tuple[Block, ...]]) -> Callable[[ReportSelection], BlocksAndNotes]:
    """A builder for a section whose notes never change."""
    return lambda selection: (build(selection), ())


def is_fetched(covered: Coverage) -> bool:
    """Whether each day of the period was fetched, so that a zero is one and shares are those of the whole period."""
    return covered.has_fetched(covered.period.first_day, covered.period.last_day)


def figure(row: Figures, name: str, covered: Coverage) -> Figure:
    """A figure of the period; where days of it were never fetched, a zero would say that nothing happened on them."""
    value = row.value(name)
    return value if value or is_fetched(covered) else None


def why_empty(covered: Coverage) -> str:
    """Why a figure of the period may be missing; empty if no day of it is."""
    return "" if is_fetched(covered) else DAYS_MISSING


def figures(row: PerformanceRow, names: Iterable[str], coverage: SelectionCoverage) -> tuple[Figure, ...]:
    """Several figures of a campaign or creative."""
    covered = coverage.of_ad_account(row.ad_account_id)
    return tuple(figure(row, name, covered) for name in names)


def choice_of(name: str, value: str, metrics: Sequence[str]) -> Choice:
    return Choice(name=name, label="Metric", value=value, options=metric_options(metrics))


def in_currency(title: str, currency: str | None) -> str:
    """The title of a block, with its currency."""
    return f"{title}, {currency}" if currency else title


def inline_label(metric: str) -> str:
    """A metric's label within a sentence; abbreviations stay as they are."""
    label = METRICS[metric].label
    return label if label.isupper() else label[0].lower() + label[1:]
