"""Every figure that can be asked for: its name, unit and meaning; API docs, pages and CSV headers read it here.

A *sum* is a column of the daily tables, added up. A *ratio* is worked out from sums and never from other ratios;
the formula people read, the value and the SQL that sorts by it come from the same few words.
"""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a figure is counted in."""

    COUNT = "count"
    MONEY = "money"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class Sum:
    """One or more columns, added up."""

    name: str
    label: str
    description: str
    columns: tuple[str, ...]
    unit: Unit = Unit.COUNT

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


def _column(name: str, label: str, description: str, unit: Unit = Unit.COUNT) -> Sum:
    return Sum(name, label, description, (name,), unit)


# The columns that the daily tables hold, in the order in which people read them.
COLUMNS = (
    _column("impressions", "Impressions", "How often an ad was shown"),
    _column("clicks", "Clicks", "Chargeable clicks; what is chargeable depends on the campaign's objective"),
    _column("spend", "Spend", "What LinkedIn charged, in the ad account's currency", Unit.MONEY),
    _column("landing_page_clicks", "Landing-page clicks", "Clicks that led to the advertiser's page"),
    _column("conversions", "Conversions", "Conversions on the advertiser's website, after clicks and after views"),
    _column("leads", "Leads", "Lead forms sent in on LinkedIn"),
    _column("likes", "Likes", "Likes of the ad"),
    _column("comments", "Comments", "Comments on the ad"),
    _column("shares", "Shares", "Reposts of the ad"),
    _column("follows", "Follows", "New followers of the page that advertises"),
    _column("opens", "Opens", "Message ads that were opened"),
    _column("sends", "Sends", "Message ads that were sent"),
)
_SOCIAL = ("likes", "comments", "shares", "follows")
SUMS = (
    *COLUMNS,
    Sum("engagements", "Social engagements", "Likes, comments, shares and follows together", _SOCIAL),
)
RATIOS = (
    Ratio("ctr_percent", "CTR", "Clicks per hundred impressions", Unit.PERCENT, ("clicks",), "impressions", 100),
    Ratio("cpc", "CPC", "Cost per click", Unit.MONEY, ("spend",), "clicks"),
    Ratio("cpm", "CPM", "Cost per thousand impressions", Unit.MONEY, ("spend",), "impressions", 1000),
    Ratio(
        "cost_per_conversion", "Cost per conversion", "Spend per website conversion", Unit.MONEY,
        ("spend",), "conversions",
    ),
    Ratio("cost_per_lead", "Cost per lead", "Spend per lead form sent in", Unit.MONEY, ("spend",), "leads"),
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
METRICS: dict[str, Metric] = {metric.name: metric for metric in (*SUMS, *RATIOS)}
