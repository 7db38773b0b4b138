"""What a campaign brings: clicks, conversions, leads."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from reporting import ratios
from reporting.checks.facts import AdAccountFacts, CampaignFacts
from reporting.checks.rules.base import (
    CampaignRule,
    Evidence,
    EvidenceUnit,
    NotChecked,
    Outcome,
    Problem,
    not_reported,
)
from reporting.checks.severity import Severity

# LinkedIn spells them in more than one way.
_CONVERSION_OBJECTIVES: Final = {
    "WEBSITE_CONVERSION", "WEBSITE_CONVERSIONS", "WEBSITE_VISIT", "WEBSITE_VISITS", "WEBSITE_TRAFFIC",
}  # fmt: skip
_LEAD_OBJECTIVES: Final = {"LEAD_GENERATION", "TALENT_LEAD", "TALENT_LEADS"}
_OTHER_OBJECTIVES: Final = {
    "BRAND_AWARENESS", "ENGAGEMENT", "CREATIVE_ENGAGEMENT", "VIDEO_VIEW", "VIDEO_VIEWS",
}  # fmt: skip


class WindowRule(CampaignRule):
    """A rule about the whole days of the window."""

    reads_figures = True

    def first_day(self, facts: AdAccountFacts) -> date:
        return facts.today - timedelta(days=facts.thresholds.window_days)


class LowCtr(WindowRule):
    id = "low_ctr"
    title = "CTR below 0.4%"
    severity = Severity.WARNING
    reads_figures = True
    looks_for = (
        "An active sponsored content campaign with enough impressions in the window and a CTR below the threshold. "
        "Text ads, dynamic ads and messages are left out: their rates differ by nature."
    )
    why = "People see the ad and do not care. LinkedIn's auction also charges more for ads that nobody clicks."
    remedy = (
        "In Campaign Manager, open the campaign, pause the ads with the lowest CTR, try a different image and opening "
        "line, and narrow the audience to the people the offer is for."
    )
    stake = "Campaign spend in the window."

    def check_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Outcome:
        limit = facts.thresholds
        if campaign.type is None:
            return not_reported(campaign, "campaign type")
        ctr = ratios.value("ctr_percent", {"clicks": campaign.clicks, "impressions": campaign.impressions})
        if campaign.type != "SPONSORED_UPDATES" or ctr is None or campaign.impressions < limit.ctr_impressions:
            return None
        # The exact fraction decides, not the rounded one.
        if Decimal(campaign.clicks) * 100 >= limit.ctr_percent * campaign.impressions:
            return None
        return Problem(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} has a CTR of {ctr:.2f}%.",
            evidence=(
                Evidence.of("CTR", ctr, EvidenceUnit.PERCENT),
                Evidence.of("Threshold", limit.ctr_percent, EvidenceUnit.PERCENT),
                Evidence.of(f"Impressions in {limit.window_days} days", campaign.impressions, EvidenceUnit.COUNT),
                Evidence.of(f"Clicks in {limit.window_days} days", campaign.clicks, EvidenceUnit.COUNT),
            ),
            money=campaign.spend,
            weight=Decimal(campaign.impressions) / max(campaign.clicks, 1),
        )


class SpendWithoutConversions(WindowRule):
    id = "spend_without_conversions"
    title = "Spend without conversions"
    severity = Severity.CRITICAL
    reads_figures = True
    looks_for = (
        "An active campaign for website visits, website conversions or leads that spent more than the threshold in "
        "the window without a conversion or lead. Campaigns with other objectives are left out."
    )
    why = "Either nobody converts and the money is lost, or conversions are not tracked and nobody can tell."
    remedy = (
        "In Campaign Manager, open the campaign and check under Conversion tracking that a conversion is attached and "
        "its Insight Tag is active, or that the lead form is the right one; then check the landing page. If both "
        "work, move the budget to campaigns that convert."
    )
    stake = "Campaign spend in the window."

    def check_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Outcome:
        if campaign.spend < facts.thresholds.spend_without_conversions or campaign.conversions or campaign.leads:
            return None
        if campaign.objective is None:
            return not_reported(campaign, "campaign objective")
        if campaign.objective in _OTHER_OBJECTIVES:
            return None
        if campaign.objective not in _CONVERSION_OBJECTIVES | _LEAD_OBJECTIVES:
            return NotChecked(
                campaign_id=campaign.id, reason=f"Results for the objective {campaign.objective} are not stored."
            )
        days = facts.thresholds.window_days
        missing = "lead" if campaign.objective in _LEAD_OBJECTIVES else "conversion"
        return Problem(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} has spent money for {days} days without a single {missing}.",
            evidence=(
                Evidence.of(f"Spend in {days} days", campaign.spend, EvidenceUnit.MONEY),
                Evidence.of(f"Clicks in {days} days", campaign.clicks, EvidenceUnit.COUNT),
                Evidence.of("Conversions", 0, EvidenceUnit.COUNT),
                Evidence.of("Leads", 0, EvidenceUnit.COUNT),
                Evidence.of("Objective", campaign.objective),
            ),
            money=campaign.spend,
            weight=campaign.spend,
        )
