"""Ad accounts, campaign groups, campaigns and creatives as LinkedIn's JSON describes them.

Field names and nesting follow LinkedIn's documented bodies for Ad Accounts, Campaign Groups, Campaigns and
Creatives (view li-lms-2026-02).
"""

from typing import Any

from .names import ADS, AUDIENCES, GROUPS, HEADLINES, LOCALES
from .world import AccountPlan, CampaignPlan, CreativePlan, World

# What LinkedIn's API sends and takes: nested as its documents are.
Json = dict[str, Any]
_EPOCH = 719_163
_DAY_MS = 86_400_000
_ALL_TYPES = ["TEXT_AD", "SPONSORED_UPDATES", "SPONSORED_INMAILS", "DYNAMIC"]
_SYSTEM = "urn:li:unknown:0"


def day_ms(ordinal: int, stirred: int = 0) -> int:
    """Give an instant on a day in milliseconds since 1970, its time of day drawn from the number."""
    return (ordinal - _EPOCH) * _DAY_MS + (stirred % 72_000_000)


def stamps(created: int, modified: int, *, with_actor: bool = False) -> Json:
    """Give changeAuditStamps; the actor is often left out."""
    actor = {"actor": _SYSTEM} if with_actor else {}
    return {"created": {**actor, "time": created}, "lastModified": {**actor, "time": modified}}


def _amount(amount: str, currency: str) -> Json:
    return {"amount": amount, "currencyCode": currency}


def account_json(plan: AccountPlan, status: str) -> Json:
    """Give an ad account."""
    created = day_ms(plan.created_day, plan.chance)
    body = {
        "test": plan.is_test,
        "notifiedOnCreativeRejection": bool(plan.chance & 1),
        "notifiedOnNewFeaturesEnabled": False,
        "notifiedOnEndOfCampaign": bool(plan.chance & 2),
        "servingStatuses": ["RUNNABLE"] if status == "ACTIVE" else ["STOPPED"],
        "notifiedOnCampaignOptimization": bool(plan.chance & 4),
        "type": plan.type,
        "version": {"versionTag": str(1 + plan.chance % 12)},
        "notifiedOnCreativeApproval": True,
        "changeAuditStamps": stamps(created, created + plan.chance % 10**10, with_actor=plan.index % 2 == 0),
        "name": plan.name,
        "currency": plan.currency,
        "id": plan.id,
        "status": status,
    }
    if plan.index % 7 != 6:
        body["reference"] = f"urn:li:organization:{plan.organization}"
    return body


def group_json(world: World, account: AccountPlan, index: int, status: str) -> Json:
    """Give a campaign group; index 0 is the default group that every ad account is born with."""
    start = day_ms(account.created_day)
    body: Json = {
        "runSchedule": {"start": start},
        "changeAuditStamps": stamps(start, start + 86_400_000 * index, with_actor=index % 2 == 1),
        "name": "Default Campaign Group" if not index else _group_name(index),
        "test": account.is_test,
        "servingStatuses": ["RUNNABLE"] if status == "ACTIVE" else ["STOPPED"],
        "allowedCampaignTypes": _ALL_TYPES,
        "backfilled": not index,
        "id": world.group_id(account.index, index),
        "account": account.urn,
        "status": status,
    }
    if index % 3 == 1:
        body["totalBudget"] = _amount(f"{25_000 * index}.00", account.currency)
        body["objectiveType"] = "LEAD_GENERATION"
    if index % 3 == 2:
        body["dailyBudget"] = _amount("150", account.currency)
        body["budgetOptimization"] = {
            "bidStrategy": "MAXIMUM_DELIVERY",
            "budgetOptimizationStrategy": "DYNAMIC",
        }
        body["objectiveType"] = "WEBSITE_VISIT"
    if index == 4:
        body["runSchedule"]["end"] = 9_876_543_210_123
    return body


def _group_name(index: int) -> str:
    name = GROUPS[(index - 1) % len(GROUPS)]
    return name if index <= len(GROUPS) else f"{name} {(index - 1) // len(GROUPS) + 1}"


def campaign_name(plan: CampaignPlan) -> str:
    """Give a name a person might have typed."""
    language = LOCALES[plan.chance % len(LOCALES)][0]
    audience = AUDIENCES[(plan.index + plan.chance // 43) % len(AUDIENCES)]
    name = f"{plan.kind.label} – {language} – {audience}"
    return name if plan.index < len(AUDIENCES) else f"{name} – v{plan.index // len(AUDIENCES) + 1}"


def campaign_json(plan: CampaignPlan, status: str) -> Json:
    """Give a campaign."""
    currency, stirred, kind = plan.account.currency, plan.chance, plan.kind
    _, language, country = LOCALES[stirred % len(LOCALES)]
    created = day_ms(plan.first_day - 3, stirred)
    modified = created + stirred % (20 * _DAY_MS)
    body: Json = {
        "test": plan.account.is_test,
        "storyDeliveryEnabled": False,
        "locale": {"country": country, "language": language},
        "version": {"versionTag": str(1 + stirred % 9)},
        "account": plan.account.urn,
        "associatedEntity": f"urn:li:organization:{plan.account.organization}",
        "audienceExpansionEnabled": stirred % 4 == 0,
        "offsiteDeliveryEnabled": stirred % 3 == 0 and kind.type == "SPONSORED_UPDATES",
        "connectedTelevisionOnly": False,
        "politicalIntent": "NOT_POLITICAL",
        "targetingCriteria": _targeting(stirred),
        "offsitePreferences": {
            "iabCategories": {"exclude": [], "include": []},
            "publisherRestrictionFiles": {"exclude": [], "include": []},
        },
        "id": plan.id,
        "name": campaign_name(plan),
        "campaignGroup": f"urn:li:sponsoredCampaignGroup:{plan.group_id}",
        "type": kind.type,
        "format": kind.format,
        "costType": kind.cost_type,
        "optimizationTargetType": kind.bid,
        "creativeSelection": "ROUND_ROBIN" if stirred % 5 == 0 else "OPTIMIZED",
        "unitCost": _amount(("0", "15", "62.73", "3.5")[stirred // 47 % 4], currency),
        "pacingStrategy": "LIFETIME",
        "runSchedule": {"start": day_ms(plan.first_day)},
        "servingStatuses": _campaign_serving(plan, status),
        "status": status,
        "changeAuditStamps": stamps(created, modified, with_actor=stirred % 2 == 0),
    }
    return _with_optional_campaign_fields(body, plan, currency)


def _with_optional_campaign_fields(body: Json, plan: CampaignPlan, currency: str) -> Json:
    if plan.kind.objective:
        body["objectiveType"] = plan.kind.objective
    if plan.end_day is not None:
        body["runSchedule"]["end"] = day_ms(plan.end_day)
    if plan.daily_budget is not None:
        body["dailyBudget"] = _amount(str(plan.daily_budget), currency)
    if plan.total_budget is not None:
        body["totalBudget"] = _amount(f"{plan.total_budget}.00", currency)
    return body


def _campaign_serving(plan: CampaignPlan, status: str) -> list[str]:
    if status == "ACTIVE":
        return ["CAMPAIGN_GROUP_TOTAL_BUDGET_HOLD"] if plan.chance % 23 == 0 else ["RUNNABLE"]
    return ["STOPPED", "CAMPAIGN_END_DATE_HOLD"] if status == "COMPLETED" else ["STOPPED"]


def _targeting(stirred: int) -> Json:
    facets = "urn:li:adTargetingFacet"
    return {
        "include": {
            "and": [
                {"or": {f"{facets}:interfaceLocales": ["urn:li:locale:en_US"]}},
                {
                    "or": {
                        f"{facets}:locations": [
                            "urn:li:geo:103644278",
                            f"urn:li:geo:{101_000_000 + stirred % 14}",
                        ]
                    }
                },
                {"or": {f"{facets}:seniorities": ["urn:li:seniority:6", "urn:li:seniority:7"]}},
            ]
        },
        "exclude": {"or": {f"{facets}:staffCountRanges": ["urn:li:staffCountRange:(2,10)"]}},
    }


def creative_json(plan: CreativePlan, status: str, campaign_status: str) -> Json:
    """Give a creative; drafts have no review, and some of them no content yet."""
    created = day_ms(plan.first_day - 1, plan.chance)
    person = "urn:li:person:rboDhL7Xsf"
    holds = _creative_holds(plan, status, campaign_status)
    body: Json = {
        "isTest": plan.campaign.account.is_test,
        "account": plan.campaign.account.urn,
        "createdBy": person,
        "lastModifiedBy": "urn:li:system:0" if plan.chance % 3 == 0 else person,
        "id": plan.urn,
        "campaign": plan.campaign.urn,
        "intendedStatus": status,
        "isServing": not holds,
        "createdAt": created,
        "lastModifiedAt": created + plan.chance % (9 * _DAY_MS),
    }
    if holds:
        body["servingHoldReasons"] = holds
    if plan.review is not None:
        body["review"] = {"status": plan.review}
        if plan.review == "REJECTED":
            body["review"]["rejectionReasons"] = ["LANDING_PAGE_URL_NOT_WORKING"]
    if status != "DRAFT":
        body["content"] = creative_content(plan)
    if plan.chance % 2 and plan.campaign.kind.content != "textAd":
        body["name"] = f"{ADS[plan.chance // 53 % len(ADS)]} {'ABCDEFGH'[plan.index % 8]}"
    if plan.campaign.kind.lead_rate:
        body["leadgenCallToAction"] = {"destination": f"urn:li:adForm:{7_000_000 + plan.campaign.index}",
                                       "label": "DOWNLOAD"}  # fmt: skip
    return body


def _creative_holds(plan: CreativePlan, status: str, campaign_status: str) -> list[str]:
    holds = [] if status == "ACTIVE" else ["STOPPED"]
    if plan.review == "REJECTED":
        holds.append("REJECTED")
    if plan.review in ("PENDING", "NEEDS_REVIEW"):
        holds.append("UNDER_REVIEW")
    if campaign_status != "ACTIVE":
        holds.append("CAMPAIGN_END_DATE_HOLD" if campaign_status == "COMPLETED" else "CAMPAIGN_STOPPED")
    return holds


def creative_content(plan: CreativePlan) -> Json:
    """Give the content union: a reference to a post, or the ad itself."""
    kind = plan.campaign.kind.content
    headline = f"{HEADLINES[plan.chance // 59 % len(HEADLINES)]} ({plan.index + 1})"
    page = "https://www.example.com/plan"
    if kind == "textAd":
        return {"textAd": {"headline": headline, "description": "See how teams plan spend", "landingPage": page}}
    if kind == "spotlight":
        return {
            "spotlight": {
                "organizationName": plan.campaign.account.name,
                "showMemberProfilePhoto": True,
                "landingPage": page,
                "description": "Check out this demo",
                "logo": "urn:li:image:C4E10AQF000000",
                "headline": headline,
                "callToAction": "Join us",
            }
        }
    if kind == "eventAd":
        return {"eventAd": {"post": post_urn(plan), "directSponsoredContent": True}}
    return {"reference": post_urn(plan)}


def post_urn(plan: CreativePlan) -> str:
    """Give the URN of the post a creative promotes; its number is the creative's id moved into post range."""
    if plan.campaign.kind.content == "inmail":
        return f"urn:li:adInMailContent:{plan.id}"
    kind = "ugcPost" if plan.chance % 4 == 0 else "share"
    return f"urn:li:{kind}:{7_000_000_000_000_000_000 + plan.id}"
