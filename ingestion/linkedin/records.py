"""What LinkedIn sends, one frozen record per object, independent of requests and of our tables.

Field names are LinkedIn's in snake case. What LinkedIn did not send is None, never an invented default; enum
values are kept as text because LinkedIn adds new ones inside a version. Unknown fields are ignored.
Source: LinkedIn Marketing, "Ad Accounts", "Campaigns", "Creatives", "Reporting", 202602.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Annotated, TypeVar

from pydantic import AliasChoices, AliasPath, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass

from ingestion import catalogue
from ingestion.catalogue import Metric, Type
from ingestion.linkedin.fields import (
    AdAccountId,
    AdAccountUrn,
    CampaignUrn,
    Cost,
    Count,
    CreatedAt,
    CreativeUrn,
    DayOfMonth,
    Flag,
    Id,
    Instant,
    LastModifiedAt,
    Month,
    Segment,
    Text,
    Year,
    text_or_none,
)
from ingestion.linkedin.restli import urn_id

C = TypeVar("C")
# By field name as well, so that tests can write `CampaignRecord(id=1, name="…")`.
_CAMEL = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="ignore")


@dataclass(frozen=True, slots=True, config=_CAMEL)
class MoneyRecord:
    """An amount in its currency; budgets are per UTC day or over the whole run."""

    amount: Cost
    currency_code: Text | None = None


@dataclass(frozen=True, slots=True, config=_CAMEL)
class AdAccountRecord:
    """One ad account the member has a role on. Source: "Ad Accounts", 202602."""

    id: Id
    name: Text | None = None
    status: Text | None = None
    currency: Text | None = None
    type: Text | None = None
    test: Flag | None = None
    reference: Text | None = None
    serving_statuses: list[Text] | None = None
    created_at: CreatedAt = None
    last_modified_at: LastModifiedAt = None


@dataclass(frozen=True, slots=True, config=_CAMEL)
class AdAccountUserRecord:
    """One member's role on one ad account. Source: "Ad Account Users", 202602."""

    ad_account_id: Annotated[AdAccountId, Field(validation_alias="account")]
    user_urn: Annotated[Text, Field(validation_alias="user")]
    role: Text


@dataclass(frozen=True, slots=True, config=_CAMEL)
class RunScheduleRecord:
    """When a campaign runs; `end` is exclusive, None when open."""

    start: Instant | None = None
    end: Instant | None = None


@dataclass(frozen=True, slots=True, config=_CAMEL)
class CampaignRecord:
    """One campaign of any status. `account` and `campaign_group` are URNs. Source: "Campaigns", 202602."""

    id: Id
    account: Text | None = None
    name: Text | None = None
    status: Text | None = None
    type: Text | None = None
    format: Text | None = None
    objective_type: Text | None = None
    cost_type: Text | None = None
    optimization_target_type: Text | None = None
    creative_selection: Text | None = None
    offsite_delivery_enabled: Flag | None = None
    audience_expansion_enabled: Flag | None = None
    campaign_group: Text | None = None
    daily_budget: MoneyRecord | None = None
    total_budget: MoneyRecord | None = None
    unit_cost: MoneyRecord | None = None
    serving_statuses: list[Text] | None = None
    run_schedule: RunScheduleRecord | None = None
    created_at: CreatedAt = None
    last_modified_at: LastModifiedAt = None


@dataclass(frozen=True, slots=True)
class ContentRecord:
    """What a creative shows: the URN of its post, or the headline of an inline ad; None where unknown."""

    reference: str | None = None
    headline: str | None = None


def _content(value: object) -> ContentRecord | None:
    """The parts we read of LinkedIn's union; a new member of it must not cost us the creative."""
    if value is None or isinstance(value, ContentRecord):
        return value
    if not isinstance(value, dict):
        return ContentRecord()
    members = [member for member in value.values() if isinstance(member, dict)]
    posts = [text_or_none(member.get(key)) for member in members for key in ("post", "reference")]
    headlines = [text_or_none(member.get("headline")) for member in members]
    return ContentRecord(
        reference=text_or_none(value.get("reference")) or next((urn for urn in posts if urn), None),
        headline=next((text for text in headlines if text), None),
    )


@dataclass(frozen=True, slots=True, config=_CAMEL)
class CreativeRecord:
    """One creative (ad) of any status; its id is a URN, unlike a campaign's. Source: "Creatives", 202602."""

    id: CreativeUrn
    campaign: CampaignUrn
    name: Text | None = None
    intended_status: Text | None = None
    is_serving: Flag | None = None
    serving_hold_reasons: list[Text] | None = None
    review_status: Annotated[Text | None, Field(validation_alias=AliasPath("review", "status"))] = None
    created_at: Instant | None = None
    last_modified_at: Instant | None = None
    content: Annotated[ContentRecord | None, BeforeValidator(_content)] = None

    @property
    def campaign_id(self) -> int:
        return urn_id(self.campaign)

    @property
    def content_reference(self) -> str | None:
        """URN of the share, ugcPost or InMail content behind the ad."""
        return self.content.reference if self.content else None

    @property
    def headline(self) -> str | None:
        return self.content.headline if self.content else None


@dataclass(frozen=True, slots=True, config=_CAMEL)
class NameRecord:
    """A URN and its English name; the URN may come as `value.string`. Source: "Ad Targeting", 202602."""

    urn: Annotated[Segment, Field(validation_alias=AliasChoices("urn", AliasPath("value", "string")))]
    name: Text


@dataclass(frozen=True, slots=True, config=_CAMEL)
class PostRecord:
    """The texts a creative can be named after. Source: "Posts API", 202602."""

    id: Segment
    dsc_name: Annotated[Text | None, Field(validation_alias=AliasPath("adContext", "dscName"))] = None
    commentary: Text | None = None


@dataclass(frozen=True, slots=True, config=_CAMEL)
class CalendarDay:
    """A UTC day as LinkedIn spells it; 31 February passes here and is refused with its page."""

    year: Year
    month: Month
    day: DayOfMonth

    def date(self) -> date:
        """Raises ValueError for a day the calendar does not have."""
        return date(self.year, self.month, self.day)


@dataclass(frozen=True, slots=True, config=_CAMEL)
class DateRange:
    """Both days included."""

    start: CalendarDay
    end: CalendarDay


def _with_metrics(metrics: Iterable[Metric]) -> Callable[[type[C]], type[C]]:
    """Adds a field for each metric to a class that is to be a record; None means LinkedIn did not send it."""

    def add(cls: type[C]) -> type[C]:
        for metric in metrics:
            kind = Count if metric.type is Type.COUNT else Cost
            cls.__annotations__[metric.attribute] = Annotated[kind | None, Field(alias=metric.field)]
            setattr(cls, metric.attribute, None)
        return cls

    return add


@dataclass(frozen=True, slots=True, config=_CAMEL)
@_with_metrics(catalogue.DAILY)
class DayRecord:
    """The metrics of one UTC day; cost in the ad account's currency."""

    pivot_values: tuple[str]
    date_range: DateRange

    @property
    def day(self) -> date:
        return self.date_range.start.date()

    @property
    def _number(self) -> int:
        return int(self.pivot_values[0].rpartition(":")[2])


@dataclass(frozen=True, slots=True, config=_CAMEL)
class CampaignDayRecord(DayRecord):
    """One row per campaign and UTC day."""

    pivot_values: tuple[CampaignUrn]

    @property
    def campaign_id(self) -> int:
        return self._number


@dataclass(frozen=True, slots=True, config=_CAMEL)
class CreativeDayRecord(DayRecord):
    """One row per creative and UTC day."""

    pivot_values: tuple[CreativeUrn]

    @property
    def creative_urn(self) -> str:
        return self.pivot_values[0]


@dataclass(frozen=True, slots=True, config=_CAMEL)
class AccountDayRecord(DayRecord):
    """One row per UTC day: LinkedIn's own total of an ad account."""

    pivot_values: tuple[AdAccountUrn]

    @property
    def ad_account_id(self) -> int:
        return self._number


@dataclass(frozen=True, slots=True, config=_CAMEL)
@_with_metrics(catalogue.DEMOGRAPHIC)
class DemographicMonthRecord:
    """One row per segment and calendar month; approximate by design, so segments do not add up to the total.

    The segment is a URN (title, function, seniority, industry, organization, geo) or an enum (SIZE_2_TO_10).
    """

    pivot_values: tuple[Segment]
    date_range: DateRange
    impressions: Count | None = None

    @property
    def segment(self) -> str:
        return self.pivot_values[0]

    @property
    def first_day(self) -> date:
        return self.date_range.start.date()

    @property
    def last_day(self) -> date:
        return self.date_range.end.date()
