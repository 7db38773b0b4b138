"""Whether there is something to show."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from reporting.checks.facts import AdAccountFacts, CampaignFacts, CreativeFacts
from reporting.checks.rules.base import (
    THE_CAMPAIGN,
    Answer,
    CampaignRule,
    CannotJudge,
    Evidence,
    Found,
    Rule,
    Severity,
    Unit,
    figures_of_the_window,
    not_told,
)

_DAYS_A_WEEK = 7
_OF_ITS_PARENTS = ("CAMPAIGN_", "ACCOUNT_")
# What a person stopped, and what a review that is still young brings.
_NO_TROUBLE = {"STOPPED", "UNDER_REVIEW", "PROCESSING"}


def a_week_of_budget(campaign: CampaignFacts, facts: AdAccountFacts) -> Decimal | None:
    """What a campaign that shows nothing leaves unspent; None without a daily budget in the ad account's currency."""
    if campaign.daily_budget is None or campaign.daily_budget_currency != facts.currency:
        return None
    return campaign.daily_budget * _DAYS_A_WEEK


class NoServingCreative(CampaignRule):
    id = "no_serving_creative"
    title = "Active campaign without a serving creative"
    severity = Severity.CRITICAL
    looks_for = "An active campaign that has begun and not ended, none of whose creatives LinkedIn shows."
    why = "The campaign counts as running and shows nothing: its budget and its days pass unused."
    remedy = (
        f"In Campaign Manager open {THE_CAMPAIGN} and look at the status of its ads: switch paused ones on, mend or "
        "replace rejected ones, or pause it so that nobody takes it for running."
    )
    stake = "A week of the daily budget, which stays unspent."

    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        if campaign.creatives_serving or campaign.has_ended(facts.as_of) or not campaign.has_begun(facts.as_of):
            return None
        if campaign.creatives_unknown:
            return not_told(campaign, "whether its creatives are serving")
        money = a_week_of_budget(campaign, facts)
        return Found(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} is active, and none of its creatives is serving.",
            evidence=(
                Evidence.of("Creatives switched on", campaign.creatives_active, Unit.COUNT),
                Evidence.of("Creatives serving", 0, Unit.COUNT),
                *_holds(campaign),
            ),
            money=money,
            weight=money or Decimal(1),
        )


class SingleCreative(CampaignRule):
    id = "single_creative"
    title = "Only one creative"
    severity = Severity.NOTICE
    looks_for = "An active campaign with exactly one creative switched on."
    why = (
        "The same people see the same ad again and again and stop clicking, and there is nothing to compare it with. "
        "LinkedIn recommends four to five."
    )
    remedy = (
        f"In Campaign Manager open {THE_CAMPAIGN}, add two to four ads with another image or first sentence, and let "
        "them run side by side for two weeks before pausing the weakest."
    )
    stake = "What the campaign spent in the window."

    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        if campaign.creatives_active != 1 or campaign.has_ended(facts.as_of):
            return None
        return Found(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} has a single creative.",
            evidence=(Evidence.of("Creatives switched on", 1, Unit.COUNT), *figures_of_the_window(campaign, facts)),
            money=campaign.spend,
            weight=campaign.spend,
        )


class HeldCreative(Rule):
    id = "held_creative"
    title = "Creative rejected or on hold"
    severity = Severity.WARNING
    looks_for = (
        "A creative that is switched on in an active campaign and that LinkedIn rejected, holds for a reason of its "
        "own (form, processing, content quality, job posting), or has reviewed for longer than it should take."
    )
    why = "An ad that was meant to run does not, and LinkedIn tells only whoever happens to open it."
    remedy = (
        f"In Campaign Manager open {THE_CAMPAIGN}, hover over the status of the ad to read the reason, correct the ad "
        "and send it in again, or pause it. A review that does not end is answered by LinkedIn's support."
    )
    stake = "What the creative spent in the window, before it was held."

    def answers(self, facts: AdAccountFacts) -> Iterable[Answer]:
        return (self.judge_creative(creative, facts) for creative in facts.creatives)

    def judge_creative(self, creative: CreativeFacts, facts: AdAccountFacts) -> Answer:
        is_rejected = creative.review_status == "REJECTED" or "REJECTED" in creative.hold_reasons
        own_holds = [one for one in creative.hold_reasons if _is_its_own(one)]
        in_review = creative.review_status in {"PENDING", "NEEDS_REVIEW"} or "UNDER_REVIEW" in creative.hold_reasons
        if is_rejected:
            return self._found(creative, "was rejected by LinkedIn", Decimal(2))
        if own_holds:
            return self._found(creative, "is held back by LinkedIn", Decimal(1))
        if in_review:
            return self._in_review(creative, facts)
        if creative.review_status is None and not creative.hold_reasons and creative.is_serving is None:
            return _unjudged(creative, "LinkedIn did not tell whether the creative is reviewed or held.")
        return None

    def _in_review(self, creative: CreativeFacts, facts: AdAccountFacts) -> Answer:
        if creative.changed_at is None:
            return _unjudged(creative, "LinkedIn did not tell since when the creative is in review.")
        if facts.as_of - creative.changed_at < timedelta(days=facts.thresholds.review_days):
            return None
        return self._found(creative, "is still in review", Decimal(1))

    def _found(self, creative: CreativeFacts, what: str, weight: Decimal) -> Found:
        return Found(
            campaign_id=creative.campaign_id,
            creative_id=creative.id,
            sentence=f"The creative {creative.name} of {creative.campaign_name} {what}.",
            evidence=(
                Evidence.of("Review", creative.review_status or "not told"),
                Evidence.of("Held because", ", ".join(creative.hold_reasons) or "not told"),
                Evidence.of("Last changed", creative.changed_at, Unit.DAY),
            ),
            money=creative.spend,
            weight=weight,
        )


def _is_its_own(hold: str) -> bool:
    """A hold of the creative itself; new reasons of LinkedIn's count too."""
    return hold not in _NO_TROUBLE and not hold.startswith(_OF_ITS_PARENTS)


def _unjudged(creative: CreativeFacts, reason: str) -> CannotJudge:
    return CannotJudge(campaign_id=creative.campaign_id, creative_id=creative.id, reason=reason)


def _holds(campaign: CampaignFacts) -> tuple[Evidence, ...]:
    return (Evidence.of("LinkedIn says", ", ".join(campaign.holds)),) if campaign.holds else ()
