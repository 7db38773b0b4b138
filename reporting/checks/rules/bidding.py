"""How impressions are bought."""

from reporting.checks.facts import AdAccountFacts, CampaignFacts
from reporting.checks.rules.base import (
    THE_CAMPAIGN,
    Answer,
    CampaignRule,
    Evidence,
    Found,
    Severity,
    figures_of_the_window,
    not_told,
)


class MaximumDelivery(CampaignRule):
    id = "maximum_delivery"
    title = "Maximum delivery bidding"
    severity = Severity.NOTICE
    looks_for = (
        "An active campaign whose optimization target begins with MAX_ and whose cost type is CPM: LinkedIn bids "
        "by itself and charges by impression."
    )
    why = (
        "Maximum delivery spends the whole budget at whatever an impression costs that day. Without a cap nobody "
        "notices when the price of a click doubles."
    )
    remedy = (
        f"In Campaign Manager open {THE_CAMPAIGN}, go to Bidding and choose “Cost cap” or “Manual bidding”. Begin "
        "near the cost per click of the last weeks and lower it step by step while the budget is still spent."
    )
    stake = "What the campaign spent in the window."

    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        if campaign.bid_strategy is None or campaign.cost_type is None:
            return not_told(campaign, "how the campaign bids")
        if not campaign.bid_strategy.startswith("MAX_") or campaign.cost_type != "CPM":
            return None
        return Found(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} lets LinkedIn bid without a cap.",
            evidence=(
                Evidence.of("Optimization target", campaign.bid_strategy),
                Evidence.of("Cost type", campaign.cost_type),
                *figures_of_the_window(campaign, facts),
            ),
            money=campaign.spend,
            weight=campaign.spend,
        )
