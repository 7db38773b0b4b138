"""Every metric that LinkedIn counts for us, once: tables, requests, rows, answers, views and documents read it here.

A further metric is a line in `CATALOGUE` and a migration; `docs/recipes.md` walks through it. Does not import Django,
so that the client may import it. Source: LinkedIn Marketing, "Reporting: Metrics Available", 202603.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Flag, StrEnum, auto
from typing import Final

# LinkedIn takes 20 fields a request, and two of them say whose figures a row holds and of which day.
MAX_DAILY_METRICS: Final = 18


class Type(StrEnum):
    """How LinkedIn sends a metric, and how it is stored."""

    COUNT = "count"  # a whole number
    DECIMAL = "decimal"  # text with up to 20 places


class Unit(StrEnum):
    """What a figure is counted in."""

    COUNT = "count"
    MONEY = "money"
    PERCENT = "percent"


class Better(StrEnum):
    """Which way a figure should go."""

    MORE = "more"
    LESS = "less"
    NEITHER = "neither"


class AddsUp(Flag):
    """Over what the values of a metric may be added; reach, for one, over nothing."""

    NOT_AT_ALL = 0
    OVER_DAYS = auto()
    OVER_ENTITIES = auto()
    OVER_EVERYTHING = OVER_DAYS | OVER_ENTITIES


class AskedFor(Flag):
    """Which of our tables hold a metric: those of days, that of demographics, or both."""

    DAYS = auto()
    DEMOGRAPHICS = auto()
    EVERYWHERE = DAYS | DEMOGRAPHICS


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `field` is LinkedIn's name for it, `column` ours; `description` begins in the middle of a sentence.

    What LinkedIn does not send is 0, or null where `is_nullable`. `note` explains the column where its name does not.
    `is_offered`: lists of figures to choose from hold it without naming it.
    """

    field: str
    column: str
    label: str
    description: str
    type: Type = Type.COUNT
    unit: Unit = Unit.COUNT
    adds_up: AddsUp = AddsUp.OVER_EVERYTHING
    better: Better = Better.MORE
    asked_for: AskedFor = AskedFor.DAYS
    is_nullable: bool = False
    is_offered: bool = True
    note: str = ""

    @property
    def attribute(self) -> str:
        """LinkedIn's name as records spell it."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.field).lower()

    @property
    def absent(self) -> int | Decimal | None:
        """What it means that LinkedIn did not send it."""
        if self.is_nullable:
            return None
        return 0 if self.type is Type.COUNT else Decimal(0)

    @property
    def is_additive(self) -> bool:
        """Whether every group of rows has a sum."""
        return self.adds_up is AddsUp.OVER_EVERYTHING


# New ones at the end: the order of the columns in tables, views and files.
CATALOGUE: Final = (
    Metric("impressions", "impressions", "Impressions", "how often an ad was shown", asked_for=AskedFor.EVERYWHERE),
    Metric(
        "clicks", "clicks", "Clicks", "chargeable clicks; what is chargeable depends on the campaign's objective",
        asked_for=AskedFor.EVERYWHERE, note="chargeable clicks",
    ),
    Metric(
        "costInLocalCurrency", "spend", "Spend", "what LinkedIn charged, in the ad account's currency",
        Type.DECIMAL, Unit.MONEY, better=Better.NEITHER, asked_for=AskedFor.EVERYWHERE,
    ),
    Metric(
        "landingPageClicks", "landing_page_clicks", "Landing-page clicks", "clicks that led to the advertiser's page",
        is_offered=False,
    ),
    Metric(
        "externalWebsiteConversions", "conversions", "Conversions",
        "conversions on the advertiser's website, after clicks and after views", asked_for=AskedFor.EVERYWHERE,
    ),
    Metric("likes", "likes", "Likes", "likes of the ad", is_offered=False),
    Metric("comments", "comments", "Comments", "comments on the ad", is_offered=False),
    Metric("shares", "shares", "Shares", "reposts of the ad", is_offered=False),
    Metric("follows", "follows", "Follows", "new followers of the page that advertises", is_offered=False),
    Metric("oneClickLeads", "leads", "Leads", "lead forms sent in on LinkedIn", asked_for=AskedFor.EVERYWHERE),
    Metric("opens", "opens", "Opens", "message ads that were opened", is_offered=False, note="message ads opened"),
    Metric("sends", "sends", "Sends", "message ads that were sent", is_offered=False, note="message ads sent"),
)  # fmt: skip
# So many there were at first. What lists them in a fixed order has the others behind everything else.
FIRST_METRICS: Final = 12
DAILY: Final = tuple(metric for metric in CATALOGUE if AskedFor.DAYS in metric.asked_for)
DEMOGRAPHIC: Final = tuple(metric for metric in CATALOGUE if AskedFor.DEMOGRAPHICS in metric.asked_for)
