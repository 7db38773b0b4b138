"""How a campaign is set up: placement, audience, bidding, number of creatives."""

from abc import abstractmethod
from typing import ClassVar

from reporting.checks.facts import AdAccountFacts, CampaignFacts
from reporting.checks.rules.base import CampaignRule, Evidence, EvidenceUnit, Outcome, Problem, not_reported
from reporting.checks.severity import Severity


class SettingRule(CampaignRule):
    """A setting that puts at stake what the campaign spent in the window."""

    # What the rule reads, and what it reports after the campaign's name.
    setting: ClassVar[str]
    statement: ClassVar[str]

    @abstractmethod
    def applies(self, campaign: CampaignFacts, facts: AdAccountFacts) -> bool | None:
        """Whether the campaign is set up this way; None where LinkedIn did not send the setting."""

    @abstractmethod
    def setting_evidence(self, campaign: CampaignFacts) -> tuple[Evidence, ...]:
        """The setting as it is."""

    def check_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Outcome:
        applies = self.applies(campaign, facts)
        if applies is None:
            return not_reported(campaign, self.setting)
        if not applies:
            return None
        days = facts.thresholds.window_days
        return Problem(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} {self.statement}.",
            evidence=(
                *self.setting_evidence(campaign),
                Evidence.of(f"Spend in {days} days", campaign.spend, EvidenceUnit.MONEY),
                Evidence.of(f"Impressions in {days} days", campaign.impressions, EvidenceUnit.COUNT),
            ),
            money=campaign.spend,
            weight=campaign.spend,
        )


class AudienceNetwork(SettingRule):
    id = "audience_network"
    title = "LinkedIn Audience Network is on"
    severity = Severity.WARNING
    looks_for = "An active campaign that also shows its ads on other companies' sites and apps."
    why = (
        "Clicks from other sites and apps are cheap and often accidental. You cannot see who was reached, and CTR and "
        "cost per click look better than they are."
    )
    remedy = (
        "In Campaign Manager, open the campaign, go to Placement, clear “LinkedIn Audience Network” and save. "
        "Keep it on only with your own block list, and only after comparing both placements in the performance "
        "breakdown."
    )
    stake = "Campaign spend in the window. LinkedIn does not report here how much of it went to the network."
    setting = "Audience Network setting"
    statement = "also runs on LinkedIn Audience Network"

    def applies(self, campaign: CampaignFacts, facts: AdAccountFacts) -> bool | None:
        return campaign.audience_network

    def setting_evidence(self, campaign: CampaignFacts) -> tuple[Evidence, ...]:
        return (Evidence.of("LinkedIn Audience Network", "on"),)


class AudienceExpansion(SettingRule):
    id = "audience_expansion"
    title = "Audience expansion is on"
    severity = Severity.WARNING
    looks_for = "An active campaign that LinkedIn may show to people outside its targeting."
    why = (
        "LinkedIn adds people who resemble the chosen audience, such as other seniorities or industries. They cost "
        "the same as the right people, and they blur the demographics."
    )
    remedy = (
        "In Campaign Manager, open the campaign, go to Audience, clear “Enable audience expansion” and save. "
        "If the audience is too small, widen the targeting yourself."
    )
    stake = "Campaign spend in the window. LinkedIn does not report how much of it went to added people."
    setting = "audience expansion setting"
    statement = "is shown to people outside its targeting"

    def applies(self, campaign: CampaignFacts, facts: AdAccountFacts) -> bool | None:
        return campaign.audience_expansion

    def setting_evidence(self, campaign: CampaignFacts) -> tuple[Evidence, ...]:
        return (Evidence.of("Audience expansion", "on"),)


class MaximumDelivery(SettingRule):
    id = "maximum_delivery"
    title = "Maximum delivery bidding"
    severity = Severity.NOTICE
    looks_for = (
        "An active campaign whose optimization target starts with MAX_ and whose cost type is CPM: LinkedIn sets the "
        "bids and charges by impression."
    )
    why = (
        "Maximum delivery spends the whole budget at whatever an impression costs that day. Without a cap, nobody "
        "notices when the cost per click doubles."
    )
    remedy = (
        "In Campaign Manager, open the campaign, go to Bidding and choose “Cost cap” or “Manual bidding”. Start near "
        "the cost per click of recent weeks and lower it step by step while the budget is still spent."
    )
    stake = "Campaign spend in the window."
    setting = "bid strategy or cost type"
    statement = "lets LinkedIn bid without a cap"

    def applies(self, campaign: CampaignFacts, facts: AdAccountFacts) -> bool | None:
        if campaign.bid_strategy is None or campaign.cost_type is None:
            return None
        return campaign.bid_strategy.startswith("MAX_") and campaign.cost_type == "CPM"

    def setting_evidence(self, campaign: CampaignFacts) -> tuple[Evidence, ...]:
        return (
            Evidence.of("Optimization target", campaign.bid_strategy),
            Evidence.of("Cost type", campaign.cost_type),
        )


class SingleCreative(SettingRule):
    id = "single_creative"
    title = "Only one creative"
    severity = Severity.NOTICE
    looks_for = "An active campaign with exactly one active creative."
    why = (
        "The same people see the same ad over and over and stop clicking, and there is nothing to compare it with. "
        "LinkedIn recommends four to five."
    )
    remedy = (
        "In Campaign Manager, open the campaign, add two to four ads with a different image or opening line, and run "
        "them side by side for two weeks before pausing the weakest."
    )
    stake = "Campaign spend in the window."
    setting = "creatives"
    statement = "has a single creative"

    def applies(self, campaign: CampaignFacts, facts: AdAccountFacts) -> bool | None:
        return campaign.creatives_active == 1 and not campaign.has_ended(facts.as_of)

    def setting_evidence(self, campaign: CampaignFacts) -> tuple[Evidence, ...]:
        return (Evidence.of("Active creatives", 1, EvidenceUnit.COUNT),)
