"""CTR, CPC, cost per lead and the others, from summed counts only.

Every ratio is None where its divisor is 0: no impressions is not a click rate of 0 %. Percentages are rounded to
six places and money to ten, as the generated columns of a daily row are, so that one day's ratio equals the row's.
"""

from dataclasses import dataclass, fields
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

from reporting.metrics import METRICS, Metric, Ratio, Unit

_PLACES = {Unit.PERCENT: Decimal("1e-6"), Unit.MONEY: Decimal("1e-10")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The summed columns of some daily rows of one currency; ratios and other sums follow from them."""

    impressions: int = 0
    clicks: int = 0
    spend: Decimal = Decimal(0)
    landing_page_clicks: int = 0
    conversions: int = 0
    leads: int = 0
    likes: int = 0
    comments: int = 0
    shares: int = 0
    follows: int = 0
    opens: int = 0
    sends: int = 0

    def value(self, name: str) -> Decimal | int | None:
        """The metric of that name; None for a ratio whose divisor is 0."""
        return _value(METRICS[name], self)

    @property
    def engagements(self) -> int:
        return self.likes + self.comments + self.shares + self.follows

    @property
    def ctr_percent(self) -> Decimal | None:
        return ctr_percent(clicks=self.clicks, impressions=self.impressions)

    @property
    def cpc(self) -> Decimal | None:
        return cpc(spend=self.spend, clicks=self.clicks)

    @property
    def cpm(self) -> Decimal | None:
        return cpm(spend=self.spend, impressions=self.impressions)

    @property
    def cost_per_conversion(self) -> Decimal | None:
        return cost_per_conversion(spend=self.spend, conversions=self.conversions)

    @property
    def cost_per_lead(self) -> Decimal | None:
        return cost_per_lead(spend=self.spend, leads=self.leads)

    @property
    def conversion_rate_percent(self) -> Decimal | None:
        return conversion_rate_percent(conversions=self.conversions, clicks=self.clicks)

    @property
    def engagement_rate_percent(self) -> Decimal | None:
        return _ratio("engagement_rate_percent", self.clicks + self.engagements, self.impressions)

    @property
    def open_rate_percent(self) -> Decimal | None:
        return _ratio("open_rate_percent", self.opens, self.sends)

    def plus(self, other: "Figures") -> Self:
        """These figures with another's added; both must be of one currency."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in FIGURE_COLUMNS}
        rest = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in sums}
        return type(self)(**rest, **sums)


FIGURE_COLUMNS = tuple(one.name for one in fields(Figures))


def ctr_percent(*, clicks: int, impressions: int) -> Decimal | None:
    """Clicks per hundred impressions; None without impressions."""
    return _ratio("ctr_percent", clicks, impressions)


def cpc(*, spend: Decimal, clicks: int) -> Decimal | None:
    """Cost per click; None without clicks."""
    return _ratio("cpc", spend, clicks)


def cpm(*, spend: Decimal, impressions: int) -> Decimal | None:
    """Cost per thousand impressions; None without impressions."""
    return _ratio("cpm", spend, impressions)


def cost_per_conversion(*, spend: Decimal, conversions: int) -> Decimal | None:
    """Spend per website conversion; None without conversions."""
    return _ratio("cost_per_conversion", spend, conversions)


def cost_per_lead(*, spend: Decimal, leads: int) -> Decimal | None:
    """Spend per lead; None without leads."""
    return _ratio("cost_per_lead", spend, leads)


def conversion_rate_percent(*, conversions: int, clicks: int) -> Decimal | None:
    """Conversions per hundred clicks; None without clicks."""
    return _ratio("conversion_rate_percent", conversions, clicks)


def percent_of(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    """part / whole · 100 with six decimals; None where there is no whole."""
    return _divided(Decimal(part) * 100, Decimal(whole), Unit.PERCENT)


def change_percent(*, before: Decimal | int | None, now: Decimal | int | None) -> Decimal | None:
    """How much more or less than before, in percent of before; None where there was nothing to compare with."""
    if before is None or now is None:
        return None
    return percent_of(now - before, before)


def _value(metric: Metric, figures: Figures) -> Decimal | int | None:
    total: Decimal | int = sum(getattr(figures, column) for column in metric.columns)
    return _ratio(metric.name, total, getattr(figures, metric.divisor)) if isinstance(metric, Ratio) else total


def _ratio(name: str, dividend: Decimal | int, divisor: Decimal | int) -> Decimal | None:
    metric = METRICS[name]
    assert isinstance(metric, Ratio)
    return _divided(Decimal(dividend) * metric.times, Decimal(divisor), metric.unit)


def _divided(dividend: Decimal, divisor: Decimal, unit: Unit) -> Decimal | None:
    return (dividend / divisor).quantize(_PLACES[unit], ROUND_HALF_UP) if divisor else None
