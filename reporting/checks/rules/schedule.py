"""Whether the end was meant."""

from datetime import timedelta
from decimal import Decimal

from reporting.checks.facts import AdAccountFacts, CampaignFacts
from reporting.checks.rules.base import THE_CAMPAIGN, Answer, CampaignRule, Evidence, Found, Severity, Unit

_SET_THE_END = f"In Campaign Manager open {THE_CAMPAIGN}, go to Budget & schedule"


class EndPassed(CampaignRule):
    id = "end_passed"
    title = "End date passed"
    severity = Severity.WARNING
    looks_for = "A campaign that is still active although its end date has passed."
    why = "It looks as if it runs and shows nothing; lists and budgets are read wrongly because of it."
    remedy = f"{_SET_THE_END} and set a later end date if it is to go on; otherwise pause or archive it."
    stake = "What is left of the total budget, where that is known."

    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        if campaign.ends_at is None or not campaign.has_ended(facts.as_of):
            return None
        return Found(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} is still active, and its end date has passed.",
            evidence=_dates(campaign),
            money=_left_of_the_total(campaign, facts),
        )


class EndNear(CampaignRule):
    id = "end_near"
    title = "End date near"
    severity = Severity.NOTICE
    looks_for = "An active campaign that ends within the next 7 days."
    why = "Campaigns end in silence: leads stop, and the audience has to be warmed up anew when somebody notices."
    remedy = f"{_SET_THE_END} and move the end date if it is to go on; otherwise accept this and plan what follows."
    stake = "What is left of the total budget and would not be spent, where that is known."

    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        near = facts.as_of + timedelta(days=facts.thresholds.end_near_days)
        if campaign.ends_at is None or campaign.has_ended(facts.as_of) or campaign.ends_at > near:
            return None
        days = (campaign.ends_at - facts.as_of).days
        when = f"in {days} day{'' if days == 1 else 's'}" if days else "within a day"
        return Found(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} ends {when}.",
            evidence=_dates(campaign),
            money=_left_of_the_total(campaign, facts),
        )


def _dates(campaign: CampaignFacts) -> tuple[Evidence, ...]:
    assert campaign.ends_at
    # LinkedIn's end is exclusive: at midnight the day before is the last one.
    last_day = (campaign.ends_at - timedelta(microseconds=1)).date()
    return (
        Evidence.of("Began", campaign.starts_at, Unit.DAY),
        Evidence.of("Last day", last_day, Unit.DAY),
    )


def _left_of_the_total(campaign: CampaignFacts, facts: AdAccountFacts) -> Decimal | None:
    if campaign.total_budget is None or campaign.total_budget_currency != facts.currency or not campaign.starts_at:
        return None
    if facts.figures_from is None or facts.figures_from > campaign.starts_at.date():
        return None
    return max(Decimal(0), campaign.total_budget - campaign.spend_since_start)
