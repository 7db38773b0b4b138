"""What a rule is: words for people, and a pure function from facts to problems."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final

from accounts.shell.linkedin_words import label
from reporting.checks.facts import AdAccountFacts, CampaignFacts
from reporting.checks.severity import Severity

_MAX_DECIMALS: Final = 6
# Less would be shown as 0.00; LinkedIn sends dust such as -2E-18.
_LEAST_AMOUNT: Final = Decimal("0.005")


class EvidenceUnit(StrEnum):
    """How a piece of evidence is shown."""

    COUNT = "count"
    MONEY = "money"
    PERCENT = "percent"
    DAY = "day"
    TEXT = "text"
    # LinkedIn's own words, separated by commas; pages show Campaign Manager's.
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact that supports a problem; `value` is text, so that it is stored and read back exactly."""

    label: str
    value: str
    unit: EvidenceUnit = EvidenceUnit.TEXT

    @classmethod
    def of(
        cls, label: str, value: int | Decimal | date | str | None, unit: EvidenceUnit = EvidenceUnit.TEXT
    ) -> "Evidence":
        if value is None:
            return cls(label, "not set")
        if isinstance(value, datetime):
            value = value.date()
        if isinstance(value, Decimal):
            value = f"{value:.2f}"
        return cls(label, str(value), unit)

    @classmethod
    def of_days(cls, label: str, value: int | Decimal, unit: EvidenceUnit, *, are_stored: bool) -> "Evidence":
        """A sum of days, which says nothing unless all of them are stored."""
        return cls.of(label, value, unit) if are_stored else cls(label, "unknown: some of the days are not stored")

    @classmethod
    def of_threshold(cls, value: int | Decimal, unit: EvidenceUnit) -> "Evidence":
        """The ad account's own, with all its decimals."""
        return cls("Threshold", plain(value), unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something to fix. `weight` grows with severity, in the rule's own unit.

    `money` is the spend of the last `MONTH_DAYS` that it concerns; None where that is unknown or nothing.
    """

    campaign_id: int | None = None
    creative_id: str | None = None
    sentence: str
    evidence: tuple[Evidence, ...]
    money: Decimal | None = None
    weight: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotChecked:
    """What could not be checked, and why; without a campaign, nothing in the ad account could.

    `since`: a sync of the days from this one on would help.
    """

    reason: str
    since: date | None = None
    campaign_id: int | None = None
    creative_id: str | None = None


Outcome = Problem | NotChecked | None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule reports about one ad account."""

    problems: tuple[Problem, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()


class Rule(ABC):
    """One rule.

    `stake` says which spend it concerns, `stake_label` the same in few words beside the amount; `reads_figures`, that
    it needs the days before the sync.
    `accepted_facts` are the labels of the evidence that an acceptance is about: where one has another value, nobody
    has accepted that.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[Severity]
    looks_for: ClassVar[str]
    why: ClassVar[str]
    remedy: ClassVar[str]
    stake: ClassVar[str] = "What the campaign spent in the last 30 days."
    stake_label: ClassVar[str] = "spent in 30 days"
    reads_figures: ClassVar[bool] = False
    accepted_facts: ClassVar[tuple[str, ...]] = ()

    def check(self, facts: AdAccountFacts) -> RuleResult:
        """Problems, and what could not be checked."""
        if obstacle := self._obstacle(facts):
            return RuleResult(not_checked=(obstacle,))
        outcomes = list(self.outcomes(facts))
        spent = {campaign.id: campaign.month_spend for campaign in facts.campaigns} if facts.has_month else None
        return RuleResult(
            problems=tuple(_within_a_month(one, spent) for one in outcomes if isinstance(one, Problem)),
            not_checked=tuple(one for one in outcomes if isinstance(one, NotChecked)),
        )

    @abstractmethod
    def outcomes(self, facts: AdAccountFacts) -> Iterable[Outcome]:
        """One outcome per campaign or creative; None where all is well."""

    def least_increase(self, facts: AdAccountFacts) -> Decimal:
        """How much the weight must grow at least for an accepted finding to be worse, in the rule's own unit."""
        return Decimal(0)

    def _obstacle(self, facts: AdAccountFacts) -> NotChecked | None:
        if not facts.is_listed:
            return NotChecked(reason="LinkedIn no longer returns this ad account; request a role on it, then sync.")
        if facts.status is not None and facts.status != "ACTIVE":
            status = label(facts.status).lower()
            return NotChecked(reason=f"The ad account is {status} at LinkedIn, so nothing runs in it.")
        if self.reads_figures and (facts.figures_through is None or facts.figures_through < facts.yesterday):
            since = facts.figures_through or facts.yesterday
            return NotChecked(reason="The latest days have not been synced yet; sync this ad account.", since=since)
        first_day = self.first_day(facts)
        return days_missing(first_day) if first_day and not facts.has_figures_since(first_day) else None

    def first_day(self, facts: AdAccountFacts) -> date | None:
        """The first day whose figures it reads of every campaign; None where that differs or it reads none."""
        return None


class CampaignRule(Rule):
    """A rule that checks each active campaign separately."""

    def outcomes(self, facts: AdAccountFacts) -> Iterable[Outcome]:
        return (self.check_campaign(campaign, facts) for campaign in facts.campaigns)

    @abstractmethod
    def check_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Outcome:
        """Pure: the same facts give the same outcome."""


def _within_a_month(problem: Problem, spent: Mapping[int, Decimal] | None) -> Problem:
    """With at most what its campaign spent in the last month, so that amounts never exceed what is spent.

    `spent` is None where days of the month are missing: then nobody knows.
    """
    money = None if spent is None else problem.money
    if spent is not None and money is not None and problem.campaign_id is not None:
        money = min(money, spent.get(problem.campaign_id, money))
    is_nothing = money is not None and money < _LEAST_AMOUNT
    return replace(problem, money=None if is_nothing else money)


def days_missing(first_day: date, campaign: CampaignFacts | None = None) -> NotChecked:
    """Figures since this day are needed, of one campaign or of all."""
    return NotChecked(
        campaign_id=campaign.id if campaign else None,
        reason=f"Some days since {first_day} are not stored; sync from that day on.",
        since=first_day,
    )


def plain(value: int | Decimal) -> str:
    """A threshold as people type it: 0.4, 1, 110."""
    return f"{Decimal(value).normalize():f}"


def beside(value: Decimal, threshold: int | Decimal, *, decimals: int) -> str:
    """A percentage with as many decimals as it takes to tell it from the threshold."""
    while decimals < _MAX_DECIMALS and round(value, decimals) == threshold:
        decimals += 1
    return f"{value:.{decimals}f}"


def days_in_words(count: int, kind: str = "day") -> str:
    """1 day, 30 days, 3 whole days."""
    return f"{count} {kind}{'' if count == 1 else 's'}"


def not_reported(campaign: CampaignFacts, what: str) -> NotChecked:
    """LinkedIn left out a field."""
    return NotChecked(campaign_id=campaign.id, reason=f"LinkedIn sent no {what}.")
