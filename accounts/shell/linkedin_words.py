"""The words of LinkedIn's API as Campaign Manager writes them.

Pages show these; the API, files and addresses keep LinkedIn's own, which are stored. A word that is not listed is shown
with spaces and a capital: WEBSITE_VISIT as Website visit. Read in Campaign Manager and its help, 2026-11-28.
"""

import re
from typing import Final

_OBJECTIVES: Final = {
    "CREATIVE_ENGAGEMENT": "Engagement",
    "JOB_APPLICANT": "Job applicants",
    "JOB_APPLICANTS": "Job applicants",
    "JOB_APPLICATION": "Job applicants",
    "TALENT_LEAD": "Talent leads",
    "VIDEO_VIEW": "Video views",
    "WEBSITE_CONVERSION": "Website conversions",
    "WEBSITE_TRAFFIC": "Website visits",
    "WEBSITE_VISIT": "Website visits",
}
_TYPES: Final = {
    "DYNAMIC": "Dynamic ads",
    "SPONSORED_INMAILS": "Sponsored messaging",
    "SPONSORED_UPDATES": "Sponsored content",
    "TEXT_AD": "Text ads",
}
_FORMATS: Final = {
    "CAROUSEL": "Carousel ad",
    "SINGLE_VIDEO": "Video ad",
    "SPONSORED_INMAIL": "Message ad",
    "SPONSORED_UPDATE_NATIVE_DOCUMENT": "Document ad",
    "STANDARD_UPDATE": "Single image ad",
}
_BIDDING: Final = {
    "CPC": "Cost per click (CPC)",
    "CPM": "Cost per 1,000 impressions (CPM)",
    "CPV": "Cost per view (CPV)",
    "CAP_COST_AND_MAXIMIZE_CLICKS": "Cost cap: clicks",
    "CAP_COST_AND_MAXIMIZE_IMPRESSIONS": "Cost cap: impressions",
    "CAP_COST_AND_MAXIMIZE_LEADS": "Cost cap: leads",
    "CAP_COST_AND_MAXIMIZE_VIDEO_VIEWS": "Cost cap: video views",
    "ENHANCED_CONVERSION": "Manual bidding, optimized for conversions",
    "MAX_CLICK": "Maximum delivery: clicks",
    "MAX_CONVERSION": "Maximum delivery: conversions",
    "MAX_IMPRESSION": "Maximum delivery: impressions",
    "MAX_LEAD": "Maximum delivery: leads",
    "MAX_QUALIFIED_LEAD": "Maximum delivery: qualified leads",
    "MAX_REACH": "Maximum delivery: reach",
    "MAX_VIDEO_VIEW": "Maximum delivery: video views",
    "NONE": "None",
    "OPTIMIZED": "Optimize for performance",
    "ROUND_ROBIN": "Rotate ads evenly",
    "TARGET_COST_PER_CLICK": "Target cost: clicks",
    "TARGET_COST_PER_IMPRESSION": "Target cost: impressions",
    "TARGET_COST_PER_VIDEO_VIEW": "Target cost: video views",
}
_STATUSES: Final = {
    "CANCELED": "Canceled",
    "CANCELLED": "Canceled",
    "NEEDS_REVIEW": "In review",
    "PENDING": "In review",
    "RUNNABLE": "Running",
    "UNDER_REVIEW": "In review",
}
_HOLDS: Final = {
    "ACCOUNT_END_DATE_HOLD": "Ad account has ended",
    "ACCOUNT_SERVING_HOLD": "Ad account on hold",
    "ACCOUNT_TOTAL_BUDGET_HOLD": "Ad account budget used up",
    "BILLING_HOLD": "Billing hold",
    "CAMPAIGN_AUDIENCE_COUNT_HOLD": "Audience too small",
    "CAMPAIGN_END_DATE_HOLD": "Campaign has ended",
    "CAMPAIGN_GROUP_END_DATE_HOLD": "Campaign group has ended",
    "CAMPAIGN_GROUP_START_DATE_HOLD": "Campaign group has not started",
    "CAMPAIGN_GROUP_STATUS_HOLD": "Campaign group is not active",
    "CAMPAIGN_GROUP_TOTAL_BUDGET_HOLD": "Campaign group budget used up",
    "CAMPAIGN_START_DATE_HOLD": "Campaign has not started",
    "CAMPAIGN_STOPPED": "Campaign is paused",
    "CAMPAIGN_TOTAL_BUDGET_HOLD": "Campaign budget used up",
    "FORM_HOLD": "Lead form on hold",
    "INTERNAL_HOLD": "On hold at LinkedIn",
    "JOB_POSTING_INVALID": "Job posting not valid",
    "JOB_POSTING_ON_HOLD": "Job posting on hold",
    "PROCESSING": "Processing",
    "PROCESSING_FAILED": "Processing failed",
    "REFERRED_CONTENT_QUALITY_HOLD": "On hold for content quality",
    "RESTRICTED_HOLD": "Restricted by LinkedIn",
    "STOPPED": "Paused",
}
_ROLES: Final = {"ACCOUNT_BILLING_ADMIN": "Billing admin"}
# Kinds of URNs by the names of what they are of.
_KINDS: Final = {
    "company": "Company",
    "function": "Job function",
    "geo": "Location",
    "organization": "Company",
    "organizationBrand": "Company",
    "share": "Post",
    "sponsoredAccount": "Ad account",
    "sponsoredCampaign": "Campaign",
    "sponsoredCampaignGroup": "Campaign group",
    "sponsoredCreative": "Creative",
    "title": "Job title",
    "ugcPost": "Post",
}
_URN: Final = re.compile(r"urn:li:([A-Za-z]+):(.+)", re.DOTALL)
_LABELS: Final = _OBJECTIVES | _TYPES | _FORMATS | _BIDDING | _STATUSES | _HOLDS | _ROLES


def label(word: str) -> str:
    """MAX_LEAD as Maximum delivery: leads."""
    return _LABELS.get(word) or word.replace("_", " ").capitalize()


def urn_name(urn: str) -> str:
    """What an URN is of, for whatever LinkedIn sends no name: urn:li:title:9 as Job title 9."""
    parts = _URN.fullmatch(urn)
    if parts is None:
        return label(urn) if urn.isupper() else urn
    kind, number = parts.groups()
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).capitalize()
    return f"{_KINDS.get(kind, words)} {number}"


def labels(words: str) -> str:
    """Several words, separated by commas."""
    return ", ".join(label(word) for word in words.split(", "))
