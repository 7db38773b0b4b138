"""What a campaign brings: clicks, conversions, leads."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from accounts.shell.linkedin_words import label
from reporting import ratios
from reporting.checks.facts import AdAccountFacts, CampaignFacts
from reporting.checks.rules.base import (
    CampaignRule,
    Evidence,
    EvidenceUnit,
    NotChecked,
    Outcome,
    Problem,
    beside,
    days_in_words,
    not_reported,
    plain,
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


# Those whose result is clicks, or comes after a click: on an ad, its landing page or its form. The results of brand
# awareness and video views are reach and views; LinkedIn optimizes and charges for these, and a low CTR is no fault
# of such a campaign. Engagement stays: its result is "engagement clicks", which LinkedIn counts as clicks.
# Source: LinkedIn Marketing Solutions Help, "Objective-based reporting with key results", read 2026-11-28.
_CLICK_OBJECTIVES: Final = {
    *_CONVERSION_OBJECTIVES, *_LEAD_OBJECTIVES, "ENGAGEMENT", "CREATIVE_ENGAGEMENT", "JOB_APPLICANT", "JOB_APPLICANTS",
}  # fmt: skip
_OBJECTIVES_WITHOUT_CLICKS: Final = {"BRAND_AWARENESS", "VIDEO_VIEW", "VIDEO_VIEWS"}


class WindowRule(CampaignRule):
    """A rule about the whole days of the window."""

    reads_figures = True

    def first_day(self, facts: AdAccountFacts) -> date:
        return facts.today - timedelta(days=facts.thresholds.window_days)


class LowCtr(WindowRule):
    """Leaves out objectives that do not aim at clicks: LinkedIn shows their ads to whoever sees or watches them."""

    id = "low_ctr"
    title = "Low CTR"
    severity = Severity.WARNING
    reads_figures = True
    looks_for = (
        "An active sponsored content campaign with enough impressions in the window and a CTR below the threshold. "
        "Text ads, dynamic ads and messages are left out, since their rates differ by nature; so are brand awareness "
        "and video views, which do not aim at clicks."
    )
    why = "People see the ad and do not care. LinkedIn's auction also charges more for ads that nobody clicks."
    remedy = (
        "In Campaign Manager, open the campaign, pause the ads with the lowest CTR, try a different image and opening "
        "line, and check that the audience is the people the offer is for."
    )

    def check_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Outcome:
        limit = facts.thresholds
        if campaign.has_ended(facts.as_of):
            return None
        if campaign.type is None:
            return not_reported(campaign, "campaign type")
        ctr = ratios.value("ctr_percent", {"clicks": campaign.clicks, "impressions": campaign.impressions})
        if campaign.type != "SPONSORED_UPDATES" or ctr is None or campaign.impressions < limit.ctr_impressions:
            return None
        # The exact fraction decides, not the rounded one.
        if Decimal(campaign.clicks) * 100 >= limit.ctr_percent * campaign.impressions:
            return None
        if campaign.objective in _OBJECTIVES_WITHOUT_CLICKS:
            return None
        if campaign.objective is None:
            return not_reported(campaign, "campaign objective")
        if campaign.objective not in _CLICK_OBJECTIVES:
            return NotChecked(
                campaign_id=campaign.id,
                reason=f"The objective “{label(campaign.objective)}” is not known to aim at clicks.",
            )
        days, threshold = days_in_words(limit.window_days), plain(limit.ctr_percent)
        shown = beside(Decimal(ctr), limit.ctr_percent, decimals=2)
        return Problem(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} has a CTR of {shown}%, below the threshold of {threshold}%.",
            evidence=(
                Evidence("CTR", shown, EvidenceUnit.PERCENT),
                Evidence.of_threshold(limit.ctr_percent, EvidenceUnit.PERCENT),
                Evidence.of(f"Impressions in {days}", campaign.impressions, EvidenceUnit.COUNT),
                Evidence.of(f"Clicks in {days}", campaign.clicks, EvidenceUnit.COUNT),
            ),
            money=campaign.month_spend,
            weight=Decimal(campaign.impressions) / max(campaign.clicks, 1),
        )


class SpendWithoutConversions(WindowRule):
    id = "spend_without_conversions"
    title = "Spend without conversions"
    severity = Severity.CRITICAL
    reads_figures = True
    accepted_facts = ("Objective",)
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

    def check_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Outcome:
        threshold = facts.thresholds.spend_without_conversions
        if not campaign.spend or campaign.spend < threshold or campaign.conversions or campaign.leads:
            return None
        if campaign.has_ended(facts.as_of):
            return None
        if campaign.objective is None:
            return not_reported(campaign, "campaign objective")
        if campaign.objective in _OTHER_OBJECTIVES:
            return None
        if campaign.objective not in _CONVERSION_OBJECTIVES | _LEAD_OBJECTIVES:
            return NotChecked(
                campaign_id=campaign.id,
                reason=f"Results for the objective “{label(campaign.objective)}” are not stored.",
            )
        days = days_in_words(facts.thresholds.window_days)
        missing = "lead" if campaign.objective in _LEAD_OBJECTIVES else "conversion"
        return Problem(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} has spent money for {days} without a single {missing}.",
            evidence=(
                Evidence.of(f"Spend in {days}", campaign.spend, EvidenceUnit.MONEY),
                Evidence.of_threshold(threshold, EvidenceUnit.MONEY),
                Evidence.of(f"Clicks in {days}", campaign.clicks, EvidenceUnit.COUNT),
                Evidence.of("Conversions", 0, EvidenceUnit.COUNT),
                Evidence.of("Leads", 0, EvidenceUnit.COUNT),
                Evidence.of("Objective", campaign.objective, EvidenceUnit.WORD),
            ),
            money=campaign.month_spend,
            weight=campaign.spend,
        )

    def least_increase(self, facts: AdAccountFacts) -> Decimal:
        """As much again as makes a finding."""
        return max(facts.thresholds.spend_without_conversions, Decimal(1))
