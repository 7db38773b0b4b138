"""Whether an active campaign reaches anybody."""

from datetime import timedelta
from decimal import Decimal

from reporting.checks.facts import MONTH_DAYS, AdAccountFacts, CampaignFacts
from reporting.checks.rules.base import (
    CampaignRule,
    Evidence,
    EvidenceUnit,
    Outcome,
    Problem,
    days_in_words,
    days_missing,
    not_reported,
)
from reporting.checks.severity import Severity


class NoServingCreative(CampaignRule):
    id = "no_serving_creative"
    title = "Active campaign without a serving creative"
    severity = Severity.CRITICAL
    looks_for = "An active campaign that has started and not ended, with no creative that LinkedIn serves."
    why = "The campaign counts as running but shows nothing, so its budget and its days go unused."
    remedy = (
        "In Campaign Manager, open the campaign and check the status of its ads: turn on paused ones, fix or replace "
        "rejected ones, or pause the campaign so that nobody thinks it is running."
    )

    def check_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Outcome:
        if campaign.creatives_serving or campaign.has_ended(facts.as_of) or not campaign.has_begun(facts.as_of):
            return None
        if not campaign.has_nothing_to_serve(facts.as_of):
            return not_reported(campaign, "serving status for its creatives")
        return _undelivered(
            campaign,
            facts,
            sentence=f"{campaign.name} is active, but none of its creatives is serving.",
            evidence=(
                Evidence.of("Active creatives", campaign.creatives_active, EvidenceUnit.COUNT),
                Evidence.of("Serving creatives", 0, EvidenceUnit.COUNT),
            ),
        )


class NoImpressions(CampaignRule):
    id = "no_impressions"
    title = "Active without impressions"
    severity = Severity.CRITICAL
    reads_figures = True
    looks_for = (
        "An active campaign without an impression or a sent message in the last `quiet_days` whole days. One without a "
        "serving creative is left out: it has its own finding."
    )
    why = "People think it is running. Its audience may be too small, its bid too low, or its budget used up."
    remedy = (
        "In Campaign Manager, open the campaign and read the delivery column: widen its targeting (LinkedIn needs 300 "
        "members), raise the bid or the cost cap if it has one, add budget to the campaign or its campaign group, or "
        "pause it."
    )

    def check_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Outcome:
        quiet_days = facts.thresholds.quiet_days
        first_day = facts.today - timedelta(days=quiet_days)
        began_at = max((one for one in (campaign.starts_at, campaign.created_at) if one), default=None)
        if campaign.seen_lately or campaign.has_ended(facts.as_of):
            return None
        # Its cause, which is reported as such.
        if campaign.has_nothing_to_serve(facts.as_of):
            return None
        if began_at is not None and began_at.date() >= first_day:
            return None
        if not facts.has_figures_since(first_day):
            return days_missing(first_day, campaign)
        return _undelivered(
            campaign,
            facts,
            sentence=f"{campaign.name} is active but had no impressions in {days_in_words(quiet_days)}.",
            evidence=(
                Evidence.of("First day without impressions", first_day, EvidenceUnit.DAY),
                Evidence.of("Last day without impressions", facts.yesterday, EvidenceUnit.DAY),
            ),
        )


def _undelivered(
    campaign: CampaignFacts, facts: AdAccountFacts, *, sentence: str, evidence: tuple[Evidence, ...]
) -> Problem:
    """With what LinkedIn says is wrong, and the budget that goes unspent."""
    unspent = _month_of_budget(campaign, facts)
    budget = (Evidence.of("Daily budget in a month", unspent, EvidenceUnit.MONEY),) if unspent else ()
    holds = (Evidence.of("LinkedIn's reasons", ", ".join(campaign.holds), EvidenceUnit.WORD),) if campaign.holds else ()
    return Problem(
        campaign_id=campaign.id,
        sentence=sentence,
        evidence=(*evidence, *budget, *holds),
        money=campaign.month_spend,
    )


def _month_of_budget(campaign: CampaignFacts, facts: AdAccountFacts) -> Decimal | None:
    """None without a daily budget in the ad account's currency."""
    if campaign.daily_budget is None or campaign.daily_budget_currency != facts.currency:
        return None
    return campaign.daily_budget * MONTH_DAYS
