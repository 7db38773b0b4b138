"""CTR, CPC, cost per lead and the others, from summed counts only.

Every ratio is None where its divisor is 0: no impressions is not a click rate of 0 %. Percentages are rounded to
six places and money to ten, as the generated columns of a daily row are, so that one day's ratio equals the row's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Self

from ingestion import catalogue
from reporting.metrics import COLUMNS, METRICS, Ratio, Unit

Figure = int | Decimal | None

_PLACES: Final = {Unit.PERCENT: Decimal("1e-6"), Unit.MONEY: Decimal("1e-10")}
FIGURE_COLUMNS: Final = tuple(column.name for column in COLUMNS)
# The sums of no rows at all.
NOTHING: Final[Mapping[str, Figure]] = {
    metric.column: metric.absent for metric in catalogue.DAILY if metric.column in FIGURE_COLUMNS
}
# Those of days that were never fetched.
UNKNOWN: Final[Mapping[str, Figure]] = dict.fromkeys(FIGURE_COLUMNS)


def value(name: str, sums: Mapping[str, Figure]) -> Figure:
    """The metric of that name from the sums it is made of; None for a ratio whose divisor is 0."""
    metric = METRICS[name]
    parts = [sums[column] for column in metric.columns]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    total = sum(known)
    if isinstance(metric, Ratio):
        return _divided(Decimal(total) * metric.times, sums[metric.divisor], metric.unit)
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The summed columns of some daily rows of one currency, by name; ratios and other sums follow from them."""

    sums: Mapping[str, Figure] = field(default_factory=lambda: NOTHING)

    def value(self, name: str) -> Figure:
        """The metric of that name; None for a ratio whose divisor is 0."""
        return value(name, self.sums)

    def total(self, name: str) -> Decimal:
        """A sum to go on adding; 0 where it is None."""
        return Decimal(self.value(name) or 0)

    def plus(self, other: "Figures") -> Self:
        """These figures with another's added; both must be of one currency."""
        return replace(self, sums=added(self.sums, other.sums))


def percent_of(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """part / whole · 100 with six decimals; None where there is no whole."""
    return _divided(Decimal(part) * 100, whole, Unit.PERCENT)


def change_percent(*, before: Figure, now: Figure) -> Decimal | None:
    """How much more or less than before, in percent of before; None where there was nothing to compare with."""
    if before is None or now is None:
        return None
    return percent_of(now - before, before)


def added(one: Mapping[str, Figure], other: Mapping[str, Figure]) -> dict[str, Figure]:
    """Sums of the same columns, column by column; as in SQL, None counts for nothing beside a number."""
    return {name: _plus(sum_of_one, other[name]) for name, sum_of_one in one.items()}


def _plus(one: Figure, other: Figure) -> Figure:
    if one is None or other is None:
        return other if one is None else one
    return one + other


def _divided(dividend: Decimal, divisor: Figure, unit: Unit) -> Decimal | None:
    return (dividend / Decimal(divisor)).quantize(_PLACES[unit], ROUND_HALF_UP) if divisor else None
