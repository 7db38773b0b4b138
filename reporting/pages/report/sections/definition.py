"""The definition of a section: title, builder, notes; and wording that sections share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reporting.metrics import METRICS
from reporting.pages.report.answers import Block, Choice
from reporting.pages.report.filters import ReportSelection, metric_options

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


def choice_of(name: str, value: str, metrics: Sequence[str]) -> Choice:
    return Choice(name=name, label="Metric", value=value, options=metric_options(metrics))


def in_currency(title: str, currency: str | None) -> str:
    """The title of a block, with its currency."""
    return f"{title}, {currency}" if currency else title


def inline_label(metric: str) -> str:
    """A metric's label within a sentence; abbreviations stay as they are."""
    label = METRICS[metric].label
    return label if label.isupper() else label[0].lower() + label[1:]


def as_words(text: str) -> str:
    """A LinkedIn enum value as words."""
    return text.replace("_", " ").capitalize()
