"""Whether money is spent at the speed it was planned."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from reporting.checks.facts import AdAccountFacts, CampaignFacts
from reporting.checks.rules.base import (
    THE_CAMPAIGN,
    Answer,
    CampaignRule,
    CannotJudge,
    Evidence,
    Found,
    Severity,
    Unit,
)


@dataclass(frozen=True, slots=True)
class Pace:
    """What should have been spent by the end of yesterday, and what was."""

    expected: Decimal
    spent: Decimal
    by: str

    @property
    def percent(self) -> Decimal:
        return self.spent * 100 / self.expected


def pace(campaign: CampaignFacts, facts: AdAccountFacts) -> Pace | CannotJudge | None:
    """Against the total budget and its schedule where both are set, else against the daily budget; None if too young.

    LinkedIn may spend half more than the daily budget on one day and evens it out over the week, so days are never
    judged one by one.
    """
    if campaign.has_ended(facts.as_of) or not campaign.has_begun(facts.as_of):
        return None
    if campaign.total_budget and campaign.starts_at and campaign.ends_at:
        whole = campaign.ends_at - campaign.starts_at
        return _pace_of_the_total(campaign, facts, budget=campaign.total_budget, begun=campaign.starts_at, whole=whole)
    if campaign.daily_budget:
        return _pace_of_the_days(campaign, facts, budget=campaign.daily_budget)
    if campaign.total_budget is None and campaign.daily_budget is None:
        return _cannot(campaign, "The campaign has no budget of its own; that of its campaign group is not stored.")
    return None


def _pace_of_the_total(
    campaign: CampaignFacts, facts: AdAccountFacts, *, budget: Decimal, begun: datetime, whole: timedelta
) -> Pace | CannotJudge | None:
    if campaign.total_budget_currency != facts.currency:
        return _cannot(campaign, "The budget's currency is not the ad account's.")
    elapsed = facts.midnight - begun
    if elapsed < timedelta(days=facts.thresholds.pace_days):
        return None
    if facts.figures_from is None or facts.figures_from > begun.date():
        return _cannot(campaign, f"Figures since {begun:%Y-%m-%d} are not all stored; sync from that day on.")
    share = min(Decimal(1), Decimal(elapsed // timedelta(seconds=1)) / Decimal(whole // timedelta(seconds=1)))
    return Pace(budget * share, campaign.spend_since_start, "total budget and schedule")


def _pace_of_the_days(campaign: CampaignFacts, facts: AdAccountFacts, *, budget: Decimal) -> Pace | CannotJudge:
    if campaign.daily_budget_currency != facts.currency:
        return _cannot(campaign, "The budget's currency is not the ad account's.")
    if campaign.paced_days < facts.thresholds.pace_days:
        return _cannot(
            campaign, f"The campaign began or was changed less than {facts.thresholds.pace_days} whole days ago."
        )
    return Pace(budget * campaign.paced_days, campaign.paced_spend, f"daily budget of {campaign.paced_days} days")


class BudgetOverPace(CampaignRule):
    id = "budget_over_pace"
    title = "Budget runs over its pace"
    severity = Severity.WARNING
    reads_figures = True
    looks_for = (
        "An active campaign that spent more than the threshold of what its total budget and schedule, or else its "
        "daily budget, foresee up to yesterday. Daily budgets are judged by the last seven days together."
    )
    why = "The budget ends before the campaign does, or the invoice is higher than what was agreed."
    remedy = (
        f"In Campaign Manager open {THE_CAMPAIGN}, lower the daily budget or the bid, or move the end date forward; "
        "where more was meant to be spent, raise the total budget so that the plan is true again."
    )
    stake = "What was spent more than planned so far."

    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        found = pace(campaign, facts)
        if not isinstance(found, Pace):
            return found
        if found.percent <= facts.thresholds.pace_over_percent:
            return None
        return _off_pace(campaign, found, found.spent - found.expected)


class BudgetUnderPace(CampaignRule):
    id = "budget_under_pace"
    title = "Budget runs under its pace"
    severity = Severity.NOTICE
    reads_figures = True
    looks_for = (
        "An active campaign that is shown and spent less than the threshold of what its total budget and schedule, or "
        "else its daily budget, foresee up to yesterday."
    )
    why = "Money that was planned for results lies idle, and what is left at the end is spent in a hurry."
    remedy = (
        f"In Campaign Manager open {THE_CAMPAIGN}: raise the bid or the cost cap, widen the audience, or give the "
        "rest of the budget to one that can use it."
    )
    stake = "What was spent less than planned so far."

    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        found = pace(campaign, facts)
        if not isinstance(found, Pace):
            return found
        # One that is not shown at all is another rule's.
        if found.percent >= facts.thresholds.pace_under_percent or not campaign.seen_lately:
            return None
        return _off_pace(campaign, found, found.expected - found.spent)


def _off_pace(campaign: CampaignFacts, found: Pace, money: Decimal) -> Found:
    return Found(
        campaign_id=campaign.id,
        sentence=f"{campaign.name} has spent {found.percent:.0f} % of what was planned up to now.",
        evidence=(
            Evidence.of("Planned up to yesterday", found.expected, Unit.MONEY),
            Evidence.of("Spent up to yesterday", found.spent, Unit.MONEY),
            Evidence.of("Share", found.percent, Unit.PERCENT),
            Evidence.of("Planned by", found.by),
        ),
        money=money,
        weight=abs(found.percent - 100),
    )


def _cannot(campaign: CampaignFacts, reason: str) -> CannotJudge:
    return CannotJudge(campaign_id=campaign.id, reason=reason)
