"""What a rule is: words for people, and a pure function from facts to findings."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final

from reporting.checks.facts import AdAccountFacts, CampaignFacts

# LinkedIn's own pages renamed both in October 2025; the API kept its words.
THE_CAMPAIGN: Final = "the campaign (an “ad set” in Campaign Manager since October 2025)"


class Severity(StrEnum):
    """The gravest first."""

    CRITICAL = "critical"
    WARNING = "warning"
    NOTICE = "notice"


class Unit(StrEnum):
    """How a piece of evidence is shown."""

    COUNT = "count"
    MONEY = "money"
    PERCENT = "percent"
    DAY = "day"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact that the finding rests on; `value` is text, so that it is stored and read back exactly."""

    label: str
    value: str
    unit: Unit = Unit.TEXT

    @classmethod
    def of(cls, label: str, value: int | Decimal | date | str | None, unit: Unit = Unit.TEXT) -> "Evidence":
        if value is None:
            return cls(label, "not set")
        if isinstance(value, datetime):
            value = value.date()
        if isinstance(value, Decimal):
            value = f"{value:.2f}"
        return cls(label, str(value), unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing to mend. `weight` grows as it gets worse, in the rule's own measure; no money where none is known."""

    campaign_id: int | None = None
    creative_id: str | None = None
    sentence: str
    evidence: tuple[Evidence, ...]
    money: Decimal | None = None
    weight: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CannotJudge:
    """Not a finding: what could not be judged, and why. Without a campaign: nothing of the ad account could."""

    reason: str
    campaign_id: int | None = None
    creative_id: str | None = None


Answer = Found | CannotJudge | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one ad account."""

    found: tuple[Found, ...] = ()
    unjudged: tuple[CannotJudge, ...] = ()


class Rule(ABC):
    """One rule. `stake` says what its money at stake is; `reads_figures` that it needs the days before the sync."""

    id: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[Severity]
    looks_for: ClassVar[str]
    why: ClassVar[str]
    remedy: ClassVar[str]
    stake: ClassVar[str]
    reads_figures: ClassVar[bool] = False

    def judge(self, facts: AdAccountFacts) -> Verdict:
        """Findings, and what could not be judged."""
        if reason := self._obstacle(facts):
            return Verdict(unjudged=(CannotJudge(reason=reason),))
        answers = list(self.answers(facts))
        return Verdict(
            found=tuple(one for one in answers if isinstance(one, Found)),
            unjudged=tuple(one for one in answers if isinstance(one, CannotJudge)),
        )

    @abstractmethod
    def answers(self, facts: AdAccountFacts) -> Iterable[Answer]:
        """One answer per thing judged."""

    def _obstacle(self, facts: AdAccountFacts) -> str | None:
        if not facts.is_listed:
            return "LinkedIn no longer returns this ad account; ask for a role on it and sync."
        if facts.status is not None and facts.status != "ACTIVE":
            return f"The ad account is {facts.status} at LinkedIn: nothing runs there."
        if self.reads_figures and (facts.figures_through is None or facts.figures_through < facts.yesterday):
            return "The figures of the last days are not there yet; sync this ad account."
        return None


class CampaignRule(Rule):
    """A rule that looks at one active campaign after the other."""

    def answers(self, facts: AdAccountFacts) -> Iterable[Answer]:
        return (self.judge_campaign(campaign, facts) for campaign in facts.campaigns)

    @abstractmethod
    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        """Pure: the same facts bring the same answer."""


def not_told(campaign: CampaignFacts, what: str) -> CannotJudge:
    """LinkedIn left a field out."""
    return CannotJudge(campaign_id=campaign.id, reason=f"LinkedIn did not tell {what}.")


def figures_of_the_window(campaign: CampaignFacts, facts: AdAccountFacts) -> tuple[Evidence, ...]:
    """What the campaign spent lately, beside the setting that is judged."""
    days = facts.thresholds.window_days
    return (
        Evidence.of(f"Spend in {days} days", campaign.spend, Unit.MONEY),
        Evidence.of(f"Impressions in {days} days", campaign.impressions, Unit.COUNT),
    )
