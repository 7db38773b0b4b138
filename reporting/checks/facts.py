"""All that rules know about an ad account; `reporting/queries/check_facts.py` reads it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from accounts.shell.linkedin_words import urn_name
from reporting.checks.thresholds import Thresholds

# A month of spend, whatever the calendar says: it is compared from day to day.
MONTH_DAYS: Final = 30
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFacts:
    """One active campaign: status ACTIVE, still listed by LinkedIn, and its campaign group not paused.

    None means that LinkedIn did not send the value. Figures are for whole days up to the day before the last sync:
    `impressions` to `leads` for the last `window_days`, `month_spend` for the last `MONTH_DAYS`, `seen_lately`
    (impressions and sent messages) for the last `quiet_days`. `paced_days` and `paced_spend` are for the whole days
    since it started or last changed, at most seven; `spend_since_start` is for all stored days since its schedule
    started, where it has a total budget.
    """

    id: int
    name: str
    type: str | None = None
    objective: str | None = None
    cost_type: str | None = None
    bid_strategy: str | None = None
    audience_network: bool | None = None
    audience_expansion: bool | None = None
    holds: tuple[str, ...] = ()
    daily_budget: Decimal | None = None
    daily_budget_currency: str | None = None
    total_budget: Decimal | None = None
    total_budget_currency: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    created_at: datetime | None = None
    creatives_active: int = 0
    creatives_serving: int = 0
    creatives_unknown: int = 0
    impressions: int = 0
    clicks: int = 0
    spend: Decimal = _ZERO
    month_spend: Decimal = _ZERO
    conversions: int = 0
    leads: int = 0
    seen_lately: int = 0
    paced_days: int = 0
    paced_spend: Decimal = _ZERO
    spend_since_start: Decimal = _ZERO

    def has_ended(self, at: datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= at

    def has_begun(self, at: datetime) -> bool:
        return self.starts_at is None or self.starts_at <= at

    def has_nothing_to_serve(self, at: datetime) -> bool:
        """Whether it should run, and LinkedIn serves none of its creatives."""
        is_running = self.has_begun(at) and not self.has_ended(at)
        return is_running and not self.creatives_serving and not self.creatives_unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class CreativeFacts:
    """One active creative in an active campaign that LinkedIn has on hold or sends no status for; `month_spend` is for
    the last `MONTH_DAYS`."""

    id: str
    name: str | None
    campaign_id: int
    campaign_name: str
    review_status: str | None
    hold_reasons: tuple[str, ...]
    is_serving: bool | None
    changed_at: datetime | None
    month_spend: Decimal = _ZERO

    @property
    def called(self) -> str:
        """The subject of a sentence about it."""
        return f"The creative {self.name}" if self.name else f"{urn_name(self.id)} (no name at LinkedIn)"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdAccountFacts:
    """One ad account as of its last sync.

    `figures_from` and `figures_through` are the first and last day of the newest unbroken range that is stored, both
    inclusive.
    """

    id: int
    currency: str | None
    as_of: datetime
    status: str | None = "ACTIVE"
    is_listed: bool = True
    figures_from: date | None = None
    figures_through: date | None = None
    campaigns: tuple[CampaignFacts, ...] = ()
    creatives: tuple[CreativeFacts, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def today(self) -> date:
        """The day of the last sync: not over yet, so no rule counts it."""
        return self.as_of.astimezone(UTC).date()

    @property
    def yesterday(self) -> date:
        return self.today - timedelta(days=1)

    def has_figures_since(self, day: date) -> bool:
        """Whether every day from this one until yesterday is stored."""
        if self.figures_from is None or self.figures_through is None:
            return False
        return self.figures_from <= day and self.yesterday <= self.figures_through

    @property
    def has_month(self) -> bool:
        """Whether every day of the last month is stored."""
        return self.has_figures_since(self.today - timedelta(days=MONTH_DAYS))

    @property
    def midnight(self) -> datetime:
        """The start of `today`."""
        return datetime.combine(self.today, time(), UTC)
