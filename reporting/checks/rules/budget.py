"""Whether money is spent at the planned pace."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from reporting.checks.facts import MONTH_DAYS, AdAccountFacts, CampaignFacts
from reporting.checks.rules.base import (
    CampaignRule,
    Evidence,
    EvidenceUnit,
    NotChecked,
    Outcome,
    Problem,
    beside,
    days_in_words,
    days_missing,
)
from reporting.checks.severity import Severity

_SECONDS_PER_DAY: Final = 86_400
# Percent of the plan.
_LEAST_INCREASE: Final = Decimal(10)


@dataclass(frozen=True, slots=True)
class Pace:
    """What should have been spent by the end of yesterday, and what was, over so many `days`; `plan` says
    which budget it goes by."""

    expected: Decimal
    spent: Decimal
    days: Decimal
    plan: str

    @property
    def percent(self) -> Decimal:
        return self.spent * 100 / self.expected

    @property
    def off_plan_a_month(self) -> Decimal:
        """How much is spent above or below plan in a month, if it goes on like this."""
        return abs(self.spent - self.expected) * MONTH_DAYS / self.days


def pace(campaign: CampaignFacts, facts: AdAccountFacts) -> Pace | NotChecked | None:
    """By the total budget and its schedule where both are set, else by the daily budget; None if it is too early.

    LinkedIn may spend 50% more than the daily budget on one day and evens it out over the week, so single days are
    never checked.
    """
    if campaign.has_ended(facts.as_of) or not campaign.has_begun(facts.as_of):
        return None
    if campaign.total_budget and campaign.starts_at and campaign.ends_at:
        duration = campaign.ends_at - campaign.starts_at
        return _total_pace(
            campaign, facts, budget=campaign.total_budget, starts_at=campaign.starts_at, duration=duration
        )
    if campaign.daily_budget:
        return _daily_pace(campaign, facts, budget=campaign.daily_budget)
    if campaign.total_budget is None and campaign.daily_budget is None:
        return _not_checked(
            campaign, "The campaign has no budget of its own, and its campaign group's budget is not stored."
        )
    return None


def _total_pace(
    campaign: CampaignFacts, facts: AdAccountFacts, *, budget: Decimal, starts_at: datetime, duration: timedelta
) -> Pace | NotChecked | None:
    if campaign.total_budget_currency != facts.currency:
        return _not_checked(campaign, "The budget's currency is not the ad account's.")
    elapsed = facts.midnight - starts_at
    if elapsed < timedelta(days=facts.thresholds.pace_days):
        return None
    if not facts.has_figures_since(starts_at.date()):
        return days_missing(starts_at.date(), campaign)
    share = min(Decimal(1), Decimal(elapsed // timedelta(seconds=1)) / Decimal(duration // timedelta(seconds=1)))
    days = Decimal(elapsed // timedelta(seconds=1)) / _SECONDS_PER_DAY
    return Pace(budget * share, campaign.spend_since_start, days, "total budget and schedule")


def _daily_pace(campaign: CampaignFacts, facts: AdAccountFacts, *, budget: Decimal) -> Pace | NotChecked:
    first_day = facts.today - timedelta(days=campaign.paced_days)
    if campaign.paced_days and not facts.has_figures_since(first_day):
        return days_missing(first_day, campaign)
    if campaign.daily_budget_currency != facts.currency:
        return _not_checked(campaign, "The budget's currency is not the ad account's.")
    if campaign.paced_days < facts.thresholds.pace_days:
        whole_days = days_in_words(facts.thresholds.pace_days, "whole day")
        return _not_checked(campaign, f"The campaign started or changed less than {whole_days} ago.")
    days = campaign.paced_days
    plan = f"daily budget over {days_in_words(days)}"
    return Pace(budget * days, campaign.paced_spend, Decimal(days), plan)


class BudgetOverPace(CampaignRule):
    id = "budget_over_pace"
    title = "Overspending its budget plan"
    severity = Severity.WARNING
    reads_figures = True
    looks_for = (
        "An active campaign that has spent more than the threshold of its plan up to yesterday: the total budget and "
        "schedule, or else the daily budget over the last seven days together."
    )
    why = "The budget runs out before the campaign ends, or the invoice is higher than agreed."
    remedy = (
        "In Campaign Manager, open the campaign and lower the daily budget or the bid, or bring the end date forward. "
        "If the extra spend is intended, raise the total budget so that it matches the plan."
    )
    stake = (
        "What is spent above plan in 30 days, at the present pace, but no more than the campaign spent in the last 30 "
        "days."
    )
    stake_label = "above plan in 30 days"

    def check_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Outcome:
        found = pace(campaign, facts)
        if not isinstance(found, Pace):
            return found
        threshold = facts.thresholds.pace_over_percent
        if found.percent <= threshold:
            return None
        return _off_pace(campaign, found, threshold, where="above", money=found.off_plan_a_month)

    def least_increase(self, facts: AdAccountFacts) -> Decimal:
        return _LEAST_INCREASE


class BudgetUnderPace(CampaignRule):
    id = "budget_under_pace"
    title = "Underspending its budget plan"
    severity = Severity.NOTICE
    reads_figures = True
    looks_for = (
        "An active campaign that gets impressions but has spent less than the threshold of its plan up to yesterday: "
        "the total budget and schedule, or else the daily budget over the last seven days together."
    )
    why = "Money that was planned for results sits idle, and the rest is spent in a rush at the end."
    remedy = (
        "In Campaign Manager, open the campaign and widen its targeting, or move the rest of the budget to a campaign "
        "that can use it. If it has a bid or a cost cap, raise that; with maximum delivery there is none to raise."
    )

    def check_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Outcome:
        found = pace(campaign, facts)
        if not isinstance(found, Pace):
            return found
        threshold = facts.thresholds.pace_under_percent
        # One without impressions or without anything to show is reported by another rule.
        is_dead = not campaign.seen_lately or campaign.has_nothing_to_serve(facts.as_of)
        if found.percent >= threshold or is_dead:
            return None
        return _off_pace(campaign, found, threshold, where="below", money=campaign.month_spend)

    def least_increase(self, facts: AdAccountFacts) -> Decimal:
        return _LEAST_INCREASE


def _off_pace(campaign: CampaignFacts, found: Pace, threshold: int, *, where: str, money: Decimal) -> Problem:
    share = beside(found.percent, threshold, decimals=0)
    return Problem(
        campaign_id=campaign.id,
        sentence=f"{campaign.name} has spent {share}% of its plan so far, {where} the threshold of {threshold}%.",
        evidence=(
            Evidence.of("Planned through yesterday", found.expected, EvidenceUnit.MONEY),
            Evidence.of("Spent through yesterday", found.spent, EvidenceUnit.MONEY),
            Evidence.of("Share", found.percent, EvidenceUnit.PERCENT),
            Evidence.of_threshold(threshold, EvidenceUnit.PERCENT),
            Evidence.of("Plan", found.plan),
            Evidence.of(
                f"{where.capitalize()} plan in a month, at this pace", found.off_plan_a_month, EvidenceUnit.MONEY
            ),
        ),
        money=money,
        weight=abs(found.percent - 100),
    )


def _not_checked(campaign: CampaignFacts, reason: str) -> NotChecked:
    return NotChecked(campaign_id=campaign.id, reason=reason)
