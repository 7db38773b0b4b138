"""How a campaign is set up: placement, audience, bidding, number of creatives."""

from abc import abstractmethod
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

from reporting.checks.facts import AdAccountFacts, CampaignFacts
from reporting.checks.rules.base import (
    CampaignRule,
    Evidence,
    EvidenceUnit,
    Outcome,
    Problem,
    days_in_words,
    not_reported,
)
from reporting.checks.severity import Severity


class SettingRule(CampaignRule):
    """A setting that concerns all that the campaign spends.

    It weighs the same however much is spent: who accepts it accepts the setting.
    """

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
        if campaign.has_ended(facts.as_of):
            return None
        applies = self.applies(campaign, facts)
        if applies is None:
            return not_reported(campaign, self.setting)
        if not applies:
            return None
        days = days_in_words(facts.thresholds.window_days)
        are_stored = facts.has_figures_since(facts.today - timedelta(days=facts.thresholds.window_days))
        return Problem(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} {self.statement}.",
            evidence=(
                *self.setting_evidence(campaign),
                Evidence.of_days(f"Spend in {days}", campaign.spend, EvidenceUnit.MONEY, are_stored=are_stored),
                Evidence.of_days(
                    f"Impressions in {days}", campaign.impressions, EvidenceUnit.COUNT, are_stored=are_stored
                ),
            ),
            money=campaign.month_spend,
        )

    def least_increase(self, facts: AdAccountFacts) -> Decimal:
        """Findings that were accepted while the spend was the weight stay accepted, also where that was 0."""
        return Decimal(1)


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
    stake = (
        "What the campaign spent in the last 30 days. LinkedIn does not report here how much of it went to the network."
    )
    setting = "Audience Network setting"
    accepted_facts = ("LinkedIn Audience Network",)
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
    stake = "What the campaign spent in the last 30 days. LinkedIn does not report how much of it went to added people."
    setting = "audience expansion setting"
    accepted_facts = ("Audience expansion",)
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
        "An active campaign with maximum delivery that is charged by impression: LinkedIn sets the bids. In the API, "
        "its optimization target starts with MAX_ and its cost type is CPM."
    )
    why = (
        "Maximum delivery spends the whole budget at whatever an impression costs that day. Without a cap, nobody "
        "notices when the cost per click doubles."
    )
    remedy = (
        "In Campaign Manager, open the campaign, go to Bidding and choose “Cost cap” or “Manual bidding”. Start near "
        "the cost per click of recent weeks and lower it step by step while the budget is still spent. Leave maximum "
        "delivery on while the campaign does not spend its budget: a cap would slow it down further."
    )
    setting = "bid strategy or cost type"
    accepted_facts = ("Optimization target", "Cost type")
    statement = "lets LinkedIn bid without a cap"

    def applies(self, campaign: CampaignFacts, facts: AdAccountFacts) -> bool | None:
        if campaign.bid_strategy is None or campaign.cost_type is None:
            return None
        return campaign.bid_strategy.startswith("MAX_") and campaign.cost_type == "CPM"

    def setting_evidence(self, campaign: CampaignFacts) -> tuple[Evidence, ...]:
        return (
            Evidence.of("Optimization target", campaign.bid_strategy, EvidenceUnit.WORD),
            Evidence.of("Cost type", campaign.cost_type, EvidenceUnit.WORD),
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
    setting = "creatives"
    accepted_facts = ("Active creatives",)
    statement = "has a single creative"

    def applies(self, campaign: CampaignFacts, facts: AdAccountFacts) -> bool | None:
        return campaign.creatives_active == 1

    def setting_evidence(self, campaign: CampaignFacts) -> tuple[Evidence, ...]:
        return (Evidence.of("Active creatives", 1, EvidenceUnit.COUNT),)
