"""The shape of a snapshot; `docs/snapshot.schema.json` is written from it (`make openapi`).

Everything is checked against these classes when it is written. Counts are whole numbers; money and ratios are decimal
strings, exact to the last place and without zeros behind it. Knows no table and no query.
"""

import json
import sys
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ingestion.catalogue import CATALOGUE, FIRST_METRICS, Metric, Type
from reporting.metrics import COLUMNS, DAILY, METRICS, SEGMENT_AMOUNTS, SEGMENT_COUNTS

# The first number grows where a reader of the old shape would go wrong, the second where something is added.
# Each metric that came later adds its key.
SCHEMA_VERSION: Final = f"1.{len(CATALOGUE) - FIRST_METRICS}"
MOST_SEGMENTS: Final = 10

Exact = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]
Count = Annotated[int, Field(ge=0)]

# What the key of a ratio is called where people ask for it (`reporting/metrics.py`).
RATIOS: Final = {
    "ctr": "ctr_percent",
    "cpc": "cpc",
    "cpm": "cpm",
    "cost_per_conversion": "cost_per_conversion",
    "cpl": "cost_per_lead",
}
ABOUT: Final = (
    "One LinkedIn ad account over the days of date_range, from a database that is kept equal to LinkedIn's reports.",
    "LinkedIn's own pages have called these campaigns ad sets since October 2025, and campaign groups campaigns.",
    "Days are UTC days, instants are UTC. Money is in account.currency; budgets name their own currency.",
    "Counts are numbers; money and ratios are decimal strings, exact to the last place.",
    "Ratios come from the sums beside them and are null where the divisor is 0; never average ratios or daily ratios.",
    "A day without a row is a day on which nothing happened, unless coverage.incomplete_days names it.",
    "Campaigns and creatives come with the most spend first; those without figures in these days come last.",
    "Demographics are LinkedIn's approximate counts of whole calendar months, without the segments it withholds: they"
    " add up to less or more than the campaigns' figures.",
    "What was left out to stay within the size budget stands in dropped.",
)


def exact(value: Decimal) -> str:
    """Plain digits, without zeros behind the last place."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


def _kinds(metrics: Iterable[Metric]) -> dict[str, Any]:
    """The annotation of each metric's sum, by column."""
    kinds: dict[Type, Any] = {Type.COUNT: Count, Type.DECIMAL: Exact}
    return {one.column: kinds[one.type] | None if one.is_nullable else kinds[one.type] for one in metrics}


class FigureSums(_Part):
    """Sums of some days of one thing, of every column that `reporting/metrics.py` has."""

    __annotations__ = _kinds(metric for metric in DAILY if metric.is_additive)


class Summary(FigureSums):
    """The sums over all days of date_range, and the ratios that follow from them."""

    ctr: Exact | None
    """Clicks per hundred impressions."""
    cpc: Exact | None
    """Cost per click."""
    cpm: Exact | None
    """Cost per thousand impressions."""
    cost_per_conversion: Exact | None
    """Spend per website conversion."""
    cpl: Exact | None
    """Cost per lead: spend per lead form sent in."""


class Day(FigureSums):
    """One UTC day on which anything happened."""

    date: date


class Creative(_Part):
    """One ad."""

    id: str
    """URN of the creative."""
    content_name: str | None
    """Its own name, else its post's name or first words, else its headline."""
    content_reference: str | None
    """URN of the post it shows."""
    intended_status: str | None
    """What the advertiser wants."""
    is_serving: bool | None
    """Whether LinkedIn shows it."""
    review_status: str | None
    serving_hold_reasons: list[str] | None
    """Why LinkedIn does not show it."""
    created_at: datetime | None
    last_modified_at: datetime | None
    missing_since: datetime | None
    """Since when LinkedIn no longer returns it; its figures stay."""
    metrics_summary: Summary
    daily_metrics: list[Day] = Field(default=[])
    """Absent where it was left out; see dropped."""


class Settings(_Part):
    """How a campaign is set up, as LinkedIn has it now."""

    type: str | None
    objective: str | None
    format: str | None
    cost_type: str | None
    """What is bid on: CPC, CPM, CPV."""
    bid_strategy: str | None
    """LinkedIn's optimizationTargetType."""
    unit_cost: Exact | None
    """The bid, in the ad account's currency."""
    daily_budget: Exact | None
    daily_budget_currency: str | None
    total_budget: Exact | None
    total_budget_currency: str | None
    creative_selection: str | None
    offsite_delivery_enabled: bool | None
    """LinkedIn Audience Network."""
    audience_expansion_enabled: bool | None
    campaign_group: str | None
    """URN of the campaign group."""
    serving_statuses: list[str] | None
    run_schedule_start_at: datetime | None
    run_schedule_end_at: datetime | None
    """Exclusive; null is open."""


class Campaign(_Part):
    """One campaign, in any status."""

    id: int
    name: str | None
    status: str | None
    created_at: datetime | None
    last_modified_at: datetime | None
    missing_since: datetime | None
    """Since when LinkedIn no longer returns it; its figures stay."""
    settings: Settings
    metrics_summary: Summary
    daily_metrics: list[Day] = Field(default=[])
    """Absent where it was left out; see dropped."""
    creatives: list[Creative] = Field(default=[])
    """Absent where they were left out; see dropped."""


class Segment(_Part):
    """One segment of the audience, or the rest of them together."""

    segment: str
    """URN or LinkedIn's enum; empty for the rest."""
    segment_name: str
    __annotations__ |= _kinds((*SEGMENT_COUNTS, *SEGMENT_AMOUNTS))
    ctr: Exact | None
    share_pct: Exact | None
    """Of the impressions of all segments of this pivot."""


class Pivot(_Part):
    """Who saw the ads, by one trait."""

    segments: list[Segment] = Field(max_length=MOST_SEGMENTS)
    """Those seen most, first."""
    rest: Segment | None
    """All other segments together."""
    segment_count: Count
    coverage_pct: Exact | None
    """Which part of the ad account's impressions of these months the segments explain."""


class Demographics(_Part):
    """Who saw the ads, in the calendar months that the days touch."""

    date_start: date
    date_end: date
    months: list[date]
    """First days of the months that hold figures."""
    pivots: dict[str, Pivot]


class Account(_Part):
    """The ad account with everything in it."""

    id: int
    name: str | None
    status: str | None
    currency: str | None
    """ISO code of every amount that names no currency of its own."""
    type: str | None
    is_test: bool | None
    missing_since: datetime | None
    campaign_count: Count
    creative_count: Count
    metrics_summary: Summary
    daily_metrics: list[Day]
    demographics: Demographics
    campaigns: list[Campaign] = Field(default=[])
    """Absent where they were left out; see dropped."""
    creatives_without_campaign: list[Creative] = Field(default=[])
    """Creatives that LinkedIn reports figures for without telling their campaign."""


class SyncRun(_Part):
    """The sync that stored something last."""

    id: int
    status: str
    started_at: datetime
    finished_at: datetime | None


class Provenance(_Part):
    """Where the figures come from, and how old they are."""

    product: str
    product_version: str
    data_as_of: datetime | None
    """When the last successful sync began; null before the first."""
    sync_run: SyncRun | None


class DateRange(_Part):
    """UTC days, both included."""

    first_day: date
    last_day: date
    days: Count


class Coverage(_Part):
    """How complete the figures of these days are."""

    complete_through: date | None
    """Up to this day every stored day adds up to LinkedIn's own totals."""
    incomplete_days: list[date]
    """Days of date_range that do not add up to LinkedIn's own totals."""
    days_with_figures: Count
    first_stored_day: date | None
    """The first day of which anything is stored; earlier ones were never fetched, or nothing happened."""


class Dropped(_Part):
    """Something that was left out to stay within the size budget."""

    detail: str
    """What, such as creatives.daily_metrics."""
    count: Count
    """Of how many campaigns or creatives."""
    sentence: str
    """The same in words, with where to find it."""


class Definition(_Part):
    """What a figure means."""

    unit: str
    """count, money or percent."""
    meaning: str
    formula: str


class Snapshot(_Part):
    """One ad account and some days, as one document that explains itself."""

    schema_version: Annotated[str, Field(pattern=r"^1\.[0-9]+$")]
    generated_at: datetime
    provenance: Provenance
    date_range: DateRange
    coverage: Coverage
    dropped: list[Dropped]
    about: list[str]
    """How to read this document."""
    definitions: dict[str, Definition]
    """What each figure means, by its key."""
    account: Account


def definitions() -> dict[str, Definition]:
    """Of every figure that a snapshot holds."""
    names = {column.name: column.name for column in COLUMNS} | RATIOS
    return {key: _definition(name) for key, name in names.items()}


def _definition(name: str) -> Definition:
    metric = METRICS[name]
    return Definition(unit=metric.unit.value, meaning=metric.description, formula=metric.formula)


def schema() -> dict[str, Any]:
    """The JSON Schema that is published."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"Version {SCHEMA_VERSION}. Within version 1 keys are added and never change; ignore unknown ones.",
    }
    return head | Snapshot.model_json_schema(mode="serialization")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
