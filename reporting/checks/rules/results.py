"""What comes of it: impressions, clicks, conversions."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from reporting import ratios
from reporting.checks.facts import AdAccountFacts, CampaignFacts
from reporting.checks.rules.base import (
    THE_CAMPAIGN,
    Answer,
    CampaignRule,
    CannotJudge,
    Evidence,
    Found,
    Severity,
    Unit,
    not_told,
)
from reporting.checks.rules.creatives import a_week_of_budget

# LinkedIn spells them in more than one way.
_WANT_WEBSITE_CONVERSIONS: Final = {
    "WEBSITE_CONVERSION", "WEBSITE_CONVERSIONS", "WEBSITE_VISIT", "WEBSITE_VISITS", "WEBSITE_TRAFFIC",
}  # fmt: skip
_WANT_LEADS: Final = {"LEAD_GENERATION", "TALENT_LEAD", "TALENT_LEADS"}
_WANT_SOMETHING_ELSE: Final = {
    "BRAND_AWARENESS", "ENGAGEMENT", "CREATIVE_ENGAGEMENT", "VIDEO_VIEW", "VIDEO_VIEWS",
}  # fmt: skip


class NoImpressions(CampaignRule):
    id = "no_impressions"
    title = "Active but never shown"
    severity = Severity.CRITICAL
    reads_figures = True
    looks_for = "An active campaign without an impression or a sent message in the last 7 whole days."
    why = "Somebody believes that it runs. Its audience may be too small, its bid too low, or its budget used up."
    remedy = (
        f"In Campaign Manager open {THE_CAMPAIGN} and read the delivery column: raise the bid, widen the audience "
        "(LinkedIn needs 300 members), renew the budget of it or of its campaign group (a “campaign” since October "
        "2025), or pause it."
    )
    stake = "A week of the daily budget, which stays unspent."

    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        first_day = facts.today - timedelta(days=facts.thresholds.quiet_days)
        begun_at = max((one for one in (campaign.starts_at, campaign.created_at) if one), default=None)
        if campaign.seen_lately or campaign.has_ended(facts.as_of):
            return None
        if begun_at is not None and begun_at.date() >= first_day:
            return None
        if facts.figures_from is None or facts.figures_from > first_day:
            return CannotJudge(campaign_id=campaign.id, reason="Too few days of figures are stored.")
        money = a_week_of_budget(campaign, facts)
        holds = [Evidence.of("LinkedIn says", ", ".join(campaign.holds))] if campaign.holds else []
        return Found(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} is active and was not shown once in {facts.thresholds.quiet_days} days.",
            evidence=(
                Evidence.of("First day without", first_day, Unit.DAY),
                Evidence.of("Last day without", facts.yesterday, Unit.DAY),
                *holds,
            ),
            money=money,
            weight=money or Decimal(1),
        )


class LowCtr(CampaignRule):
    id = "low_ctr"
    title = "CTR under 0.4 %"
    severity = Severity.WARNING
    reads_figures = True
    looks_for = (
        "An active campaign of sponsored content with enough impressions in the window and a CTR under the threshold. "
        "Text ads, dynamic ads and messages have other rates by their nature and are left out."
    )
    why = "People see it and do not care. LinkedIn's auction makes ads that nobody clicks dearer, too."
    remedy = (
        f"In Campaign Manager open {THE_CAMPAIGN}, pause the ads with the lowest CTR, try another image and first "
        "sentence, and narrow the audience to those whom the offer is for."
    )
    stake = "What the campaign spent in the window."

    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        limit = facts.thresholds
        if campaign.type is None:
            return not_told(campaign, "of which type the campaign is")
        ctr = ratios.value("ctr_percent", {"clicks": campaign.clicks, "impressions": campaign.impressions})
        if campaign.type != "SPONSORED_UPDATES" or ctr is None or campaign.impressions < limit.ctr_impressions:
            return None
        # The exact fraction decides, not the rounded one.
        if Decimal(campaign.clicks) * 100 >= limit.ctr_percent * campaign.impressions:
            return None
        return Found(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} is clicked by {ctr:.2f} % of those who see it.",
            evidence=(
                Evidence.of("CTR", ctr, Unit.PERCENT),
                Evidence.of("Threshold", limit.ctr_percent, Unit.PERCENT),
                Evidence.of(f"Impressions in {limit.window_days} days", campaign.impressions, Unit.COUNT),
                Evidence.of(f"Clicks in {limit.window_days} days", campaign.clicks, Unit.COUNT),
            ),
            money=campaign.spend,
            weight=Decimal(campaign.impressions) / max(campaign.clicks, 1),
        )


class SpendWithoutConversions(CampaignRule):
    id = "spend_without_conversions"
    title = "Spend without conversions"
    severity = Severity.CRITICAL
    reads_figures = True
    looks_for = (
        "An active campaign that is to bring website visits, website conversions or leads and spent more than the "
        "threshold in the window without one conversion or lead. Other objectives aim at something else."
    )
    why = "Either nobody acts, and the money is lost, or nobody counts, and no decision about it can be right."
    remedy = (
        f"In Campaign Manager open {THE_CAMPAIGN} and check under Conversion tracking that a conversion is attached "
        "and its Insight Tag is active, or that the lead form is the right one; then look at the landing page. If "
        "both work, move the budget to what converts."
    )
    stake = "What the campaign spent in the window."

    def judge_campaign(self, campaign: CampaignFacts, facts: AdAccountFacts) -> Answer:
        if campaign.spend < facts.thresholds.spend_without_conversions or campaign.conversions or campaign.leads:
            return None
        if campaign.objective is None:
            return not_told(campaign, "the campaign's objective")
        if campaign.objective in _WANT_SOMETHING_ELSE:
            return None
        if campaign.objective not in _WANT_WEBSITE_CONVERSIONS | _WANT_LEADS:
            return CannotJudge(
                campaign_id=campaign.id, reason=f"What counts for the objective {campaign.objective} is not stored."
            )
        days = facts.thresholds.window_days
        missing = "lead" if campaign.objective in _WANT_LEADS else "conversion"
        return Found(
            campaign_id=campaign.id,
            sentence=f"{campaign.name} spent money for {days} days without one {missing}.",
            evidence=(
                Evidence.of(f"Spend in {days} days", campaign.spend, Unit.MONEY),
                Evidence.of(f"Clicks in {days} days", campaign.clicks, Unit.COUNT),
                Evidence.of("Conversions", 0, Unit.COUNT),
                Evidence.of("Leads", 0, Unit.COUNT),
                Evidence.of("Objective", campaign.objective),
            ),
            money=campaign.spend,
            weight=campaign.spend,
        )
