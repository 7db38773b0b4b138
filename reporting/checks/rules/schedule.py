"""Whether the end of a campaign is intended."""

from datetime import timedelta
from decimal import Decimal

from reporting.checks.facts import AdAccountFacts, CampaignFacts
from reporting.checks.rules.base import CampaignRule, Evidence, EvidenceUnit, Outcome, Problem, days_in_words
from reporting.checks.severity import Severity


class EndPassed(CampaignRule):
    id = "end_passed"
    title = "End date passed"
    severity = Severity.WARNING
    looks_for = "A campaign that is still active although its end date has passed."
    why = "It looks as if it is running but shows nothing, and lists and budgets become misleading."
    remedy = (
        "In Campaign Manager, open the campaign, go to Budget & schedule and set a later end date if it should "
        "continue; otherwise pause or archive it."
    )
    accepted_facts = ("Last day",)

    def check_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Outcome:
        if not campaign.has_ended(facts.as_of):
            return None
        return _ending(campaign, facts, f"{campaign.name} is still active, but its end date has passed.")


class EndNear(CampaignRule):
    id = "end_near"
    title = "End date near"
    severity = Severity.NOTICE
    looks_for = "An active campaign that ends within the next `end_near_days` days."
    why = "Campaigns end quietly: leads stop, and by the time somebody notices, the audience has gone cold."
    remedy = (
        "In Campaign Manager, open the campaign, go to Budget & schedule and move the end date if it should continue; "
        "otherwise accept this finding and plan what comes next."
    )
    accepted_facts = ("Last day",)

    def check_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Outcome:
        near = facts.as_of + timedelta(days=facts.thresholds.end_near_days)
        if campaign.ends_at is None or campaign.has_ended(facts.as_of) or campaign.ends_at > near:
            return None
        days = (campaign.ends_at - facts.as_of).days
        when = f"in {days_in_words(days)}" if days else "within a day"
        return _ending(campaign, facts, f"{campaign.name} ends {when}.")


def _ending(campaign: CampaignFacts, facts: AdAccountFacts, sentence: str) -> Problem:
    assert campaign.ends_at
    # LinkedIn's end is exclusive: at midnight, the day before is the last one.
    last_day = (campaign.ends_at - timedelta(microseconds=1)).date()
    rest = _rest_of_total_budget(campaign, facts)
    unspent = () if rest is None else (Evidence.of("Rest of the total budget", rest, EvidenceUnit.MONEY),)
    return Problem(
        campaign_id=campaign.id,
        sentence=sentence,
        evidence=(
            Evidence.of("First day", campaign.starts_at, EvidenceUnit.DAY),
            Evidence.of("Last day", last_day, EvidenceUnit.DAY),
            *unspent,
        ),
        money=campaign.month_spend,
    )


def _rest_of_total_budget(campaign: CampaignFacts, facts: AdAccountFacts) -> Decimal | None:
    if campaign.total_budget is None or campaign.total_budget_currency != facts.currency or not campaign.starts_at:
        return None
    if not facts.has_figures_since(campaign.starts_at.date()):
        return None
    return max(Decimal(0), campaign.total_budget - campaign.spend_since_start)
