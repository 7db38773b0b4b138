"""Whether the ads of a campaign can be shown."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from reporting.checks.facts import AdAccountFacts, CreativeFacts
from reporting.checks.rules.base import Evidence, EvidenceUnit, NotChecked, Outcome, Problem, Rule
from reporting.checks.severity import Severity

_PARENT_HOLDS = ("CAMPAIGN_", "ACCOUNT_")
# What a person stopped, and what any new review brings.
_HARMLESS_HOLDS = {"STOPPED", "UNDER_REVIEW", "PROCESSING"}


class HeldCreative(Rule):
    id = "held_creative"
    title = "Creative rejected or on hold"
    severity = Severity.WARNING
    looks_for = (
        "An active creative in an active campaign that LinkedIn has rejected, put on hold (form, processing, content "
        "quality, job posting) or kept in review for too long."
    )
    why = "An ad that should be running is not, and LinkedIn says so only where somebody opens that ad."
    remedy = (
        "In Campaign Manager, open the campaign and hover over the ad's status to read the reason. Fix the ad and "
        "resubmit it, or pause it. If a review does not end, contact LinkedIn support."
    )
    stake = "What the creative spent in the last 30 days, before it was held."
    accepted_facts = ("Review status", "Hold reasons")

    def outcomes(self, facts: AdAccountFacts) -> Iterable[Outcome]:
        ended = {campaign.id for campaign in facts.campaigns if campaign.has_ended(facts.as_of)}
        return (self.check_creative(one, facts) for one in facts.creatives if one.campaign_id not in ended)

    def check_creative(self, creative: CreativeFacts, facts: AdAccountFacts) -> Outcome:
        is_rejected = creative.review_status == "REJECTED" or "REJECTED" in creative.hold_reasons
        own_holds = [one for one in creative.hold_reasons if _is_own_hold(one)]
        in_review = creative.review_status in {"PENDING", "NEEDS_REVIEW"} or "UNDER_REVIEW" in creative.hold_reasons
        if is_rejected:
            return _problem(creative, "was rejected by LinkedIn", Decimal(2))
        if own_holds:
            return _problem(creative, "is on hold at LinkedIn", Decimal(1))
        if in_review:
            return _in_review(creative, facts)
        if creative.review_status is None and not creative.hold_reasons and creative.is_serving is None:
            return _not_checked(creative, "LinkedIn sent no review status for the creative.")
        return None


def _in_review(creative: CreativeFacts, facts: AdAccountFacts) -> Outcome:
    if creative.changed_at is None:
        return _not_checked(creative, "LinkedIn did not send when the review started.")
    if facts.as_of - creative.changed_at < timedelta(days=facts.thresholds.review_days):
        return None
    return _problem(creative, "is still in review", Decimal(1))


def _problem(creative: CreativeFacts, what: str, weight: Decimal) -> Problem:
    # Reasons of the campaign and the ad account come and go without anything new about the creative.
    own_reasons = [one for one in creative.hold_reasons if not one.startswith(_PARENT_HOLDS)]
    return Problem(
        campaign_id=creative.campaign_id,
        creative_id=creative.id,
        sentence=f"{creative.called} in {creative.campaign_name} {what}.",
        evidence=(
            Evidence.of("Review status", creative.review_status or "unknown", EvidenceUnit.WORD),
            Evidence.of("Hold reasons", ", ".join(own_reasons) or "unknown", EvidenceUnit.WORD),
            Evidence.of("Last changed", creative.changed_at, EvidenceUnit.DAY),
        ),
        money=creative.month_spend,
        weight=weight,
    )


def _is_own_hold(hold: str) -> bool:
    """A hold on the creative itself; reasons that LinkedIn adds later count too."""
    return hold not in _HARMLESS_HOLDS and not hold.startswith(_PARENT_HOLDS)


def _not_checked(creative: CreativeFacts, reason: str) -> NotChecked:
    return NotChecked(campaign_id=creative.campaign_id, creative_id=creative.id, reason=reason)
