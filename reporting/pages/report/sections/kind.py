"""What each section is: a title, how its blocks are made, what one has to know to read it; and words they share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reporting.metrics import METRICS
from reporting.pages.report.answers import Block, Choice
from reporting.pages.report.filters import Selection, metric_options

# Blocks, and what has to be said of these ones.
Found = tuple[tuple[Block, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A section's title, how it is made, and what one has to know to read it."""

    title: str
    build: Callable[[Selection], Found]
    notes: tuple[str, ...] = ()
    choice: Callable[[Selection], Choice] | None = None


def blocks(build: Callable[[Selection], tuple[Block, ...]]) -> Callable[[Selection], Found]:
    """A section whose notes are always the same."""
    return lambda selection: (build(selection), ())


def choice_of(name: str, value: str, metrics: Sequence[str]) -> Choice:
    return Choice(name=name, label="Figure", value=value, options=metric_options(metrics))


def in_currency(title: str, currency: str | None) -> str:
    """A block of amounts says in which currency they are."""
    return f"{title}, {currency}" if currency else title


def label_in_sentence(metric: str) -> str:
    """A figure's name in the middle of a sentence: abbreviations stay as they are."""
    label = METRICS[metric].label
    return label if label.isupper() else label[0].lower() + label[1:]
