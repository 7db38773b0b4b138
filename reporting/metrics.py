"""Every figure that can be asked for: its name, unit and meaning; API docs, pages and CSV headers read it here.

A *sum* is a column of the daily tables, added up; which columns there are says `ingestion/catalogue.py`. A *ratio* is
worked out from sums and never from other ratios; the formula people read, the value and the SQL that sorts by it come
from the same few words.
"""

from dataclasses import dataclass

from ingestion import catalogue
from ingestion.catalogue import Better, Type, Unit

__all__ = [
    "COLUMNS", "DAILY", "METRICS", "OFFERED", "RATIOS", "SEGMENT_AMOUNTS", "SEGMENT_COUNTS", "SUMS", "Better",
    "Metric", "Ratio", "Sum", "Type", "Unit", "sentence",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sum:
    """One or more columns, added up."""

    name: str
    label: str
    description: str
    columns: tuple[str, ...]
    unit: Unit = Unit.COUNT
    type: Type = Type.COUNT
    better: Better = Better.MORE
    is_nullable: bool = False

    @property
    def formula(self) -> str:
        return "sum of " + " + ".join(self.columns)

    @property
    def sql(self) -> str:
        """Inside a grouped query on a daily table."""
        return f"sum({' + '.join(self.columns)})"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Sums divided by a sum; there is none where the divisor is 0."""

    name: str
    label: str
    description: str
    unit: Unit
    columns: tuple[str, ...]
    divisor: str
    times: int = 1
    better: Better = Better.MORE

    @property
    def formula(self) -> str:
        parts = " + ".join(self.columns)
        dividend = f"({parts})" if len(self.columns) > 1 else parts
        return f"{dividend} / {self.divisor}" + (f" · {self.times}" if self.times != 1 else "")

    @property
    def sql(self) -> str:
        """Inside a grouped query on a daily table; null where the divisor is 0."""
        return f"sum({' + '.join(self.columns)}) * {self.times}::numeric / nullif(sum({self.divisor}), 0)"


Metric = Sum | Ratio


def sentence(metric: catalogue.Metric) -> str:
    """What a metric counts, at the beginning of a sentence."""
    return metric.description[0].upper() + metric.description[1:]


def _column(metric: catalogue.Metric) -> Sum:
    return Sum(
        metric.column, metric.label, sentence(metric), (metric.column,),
        unit=metric.unit, type=metric.type, better=metric.better, is_nullable=metric.is_nullable,
    )  # fmt: skip


# What people look for first; the others follow as they came into the catalogue.
_FIRST = ("impressions", "clicks", "spend", "landing_page_clicks", "conversions", "leads")
# The metrics of the daily tables, in the order in which people read them.
DAILY = sorted(
    catalogue.DAILY, key=lambda metric: _FIRST.index(metric.column) if metric.column in _FIRST else len(_FIRST)
)
# Those of which every group of rows has a sum.
COLUMNS = tuple(_column(metric) for metric in DAILY if metric.is_additive)
# Those that every list of figures to choose from holds.
OFFERED = tuple(metric.column for metric in DAILY if metric.is_additive and metric.is_offered)
# Of audiences: what is summed over all ad accounts, and what only over those of one currency.
SEGMENT_COUNTS = tuple(one for one in catalogue.DEMOGRAPHIC if one.is_additive and one.unit is not Unit.MONEY)
SEGMENT_AMOUNTS = tuple(one for one in catalogue.DEMOGRAPHIC if one.is_additive and one.unit is Unit.MONEY)
_SOCIAL = ("likes", "comments", "shares", "follows")
SUMS: tuple[Sum, ...] = (
    *COLUMNS,
    Sum("engagements", "Social engagements", "Likes, comments, shares and follows together", _SOCIAL),
)
RATIOS = (
    Ratio("ctr_percent", "CTR", "Clicks per hundred impressions", Unit.PERCENT, ("clicks",), "impressions", 100),
    Ratio("cpc", "CPC", "Cost per click", Unit.MONEY, ("spend",), "clicks", better=Better.LESS),
    Ratio(
        "cpm", "CPM", "Cost per thousand impressions", Unit.MONEY, ("spend",), "impressions", 1000, better=Better.LESS
    ),
    Ratio(
        "cost_per_conversion", "Cost per conversion", "Spend per website conversion", Unit.MONEY,
        ("spend",), "conversions", better=Better.LESS,
    ),
    Ratio(
        "cost_per_lead", "Cost per lead", "Spend per lead form sent in", Unit.MONEY,
        ("spend",), "leads", better=Better.LESS,
    ),
    Ratio(
        "conversion_rate_percent", "Conversion rate",
        "Conversions per hundred clicks; those after a mere view count too",
        Unit.PERCENT, ("conversions",), "clicks", 100,
    ),
    Ratio(
        "engagement_rate_percent", "Engagement rate",
        "Clicks and social engagements per hundred impressions; where LinkedIn charges for social engagements,"
        " they are among the clicks too",
        Unit.PERCENT, ("clicks", *_SOCIAL), "impressions", 100,
    ),
    Ratio(
        "open_rate_percent", "Open rate", "Opens per hundred message ads sent", Unit.PERCENT, ("opens",), "sends", 100
    ),
)  # fmt: skip
_ALL: tuple[Metric, ...] = (*SUMS, *RATIOS)
METRICS = {metric.name: metric for metric in _ALL}
