"""Where ads are shown beyond what was chosen: LinkedIn Audience Network, audience expansion."""

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


class AudienceNetwork(CampaignRule):
    id = "audience_network"
    title = "LinkedIn Audience Network is on"
    severity = Severity.WARNING
    looks_for = "An active campaign that also shows its ads on other companies' sites and apps."
    why = (
        "Clicks from other sites and apps are cheap and rarely come from people who read; the budget goes where "
        "nobody can see who was reached, and CTR and cost per click look better than they are."
    )
    remedy = (
        f"In Campaign Manager open {THE_CAMPAIGN}, go to Placement, clear “LinkedIn Audience Network” and save. "
        "Keep it only with a block list of your own and after comparing both placements in the performance breakdown."
    )
    stake = "What the campaign spent in the window; how much of it went to the network LinkedIn does not tell here."

    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        if campaign.audience_network is None:
            return not_told(campaign, "whether LinkedIn Audience Network is on")
        if not campaign.audience_network:
            return None
        return Found(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} also runs on LinkedIn Audience Network.",
            evidence=(Evidence.of("LinkedIn Audience Network", "on"), *figures_of_the_window(campaign, facts)),
            money=campaign.spend,
            weight=campaign.spend,
        )


class AudienceExpansion(CampaignRule):
    id = "audience_expansion"
    title = "Audience expansion is on"
    severity = Severity.WARNING
    looks_for = "An active campaign that LinkedIn may show to people outside its targeting."
    why = (
        "LinkedIn adds people who resemble the audience that was chosen, such as other seniorities or industries. "
        "They are paid for like the right ones, and the demographics blur."
    )
    remedy = (
        f"In Campaign Manager open {THE_CAMPAIGN}, go to Audience, clear “Enable audience expansion” and save. "
        "Where the audience is too small, widen the targeting yourself."
    )
    stake = "What the campaign spent in the window; how much of it went to added people LinkedIn does not tell."

    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        if campaign.audience_expansion is None:
            return not_told(campaign, "whether audience expansion is on")
        if not campaign.audience_expansion:
            return None
        return Found(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} is shown to people outside its targeting.",
            evidence=(Evidence.of("Audience expansion", "on"), *figures_of_the_window(campaign, facts)),
            money=campaign.spend,
            weight=campaign.spend,
        )
