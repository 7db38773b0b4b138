"""Posts behind the creatives, as the Posts API describes them."""

from .entities import Json, day_ms
from .names import ADS, COMMENTARIES
from .world import CreativePlan

_POSTS_FROM = 7_000_000_000_000_000_000


def promoted_creative(urn: str) -> int | None:
    """Give the number of the creative that a share or ugcPost URN belongs to."""
    number = urn.rpartition(":")[2]
    if not urn.startswith(("urn:li:share:", "urn:li:ugcPost:")) or not number.isdigit():
        return None
    return int(number) - _POSTS_FROM


def post_json(plan: CreativePlan, urn: str) -> Json:
    """Give a post; some are direct sponsored content with a name of their own, some have no text."""
    created = day_ms(plan.first_day - 2, plan.chance)
    body: Json = {
        "isReshareDisabledByAuthor": False,
        "createdAt": created,
        "lifecycleState": "PUBLISHED",
        "lastModifiedAt": created + 50_000,
        "visibility": "PUBLIC",
        "publishedAt": created + 10_000,
        "author": f"urn:li:organization:{plan.campaign.account.organization}",
        "id": urn,
        "distribution": {"feedDistribution": "NONE", "thirdPartyDistributionChannels": []},
        "content": {"media": {"altText": "Image", "title": "Plan your spend", "id": "urn:li:image:D4E10AQE71V5w"}},
        "commentary": "" if plan.chance % 13 == 0 else COMMENTARIES[plan.chance // 61 % len(COMMENTARIES)],
        "contentLandingPage": "https://www.example.com/plan",
        "contentCallToActionLabel": "LEARN_MORE",
        "lifecycleStateInfo": {"isEditedByAuthor": False},
    }
    if plan.chance % 3 == 0:
        body["adContext"] = {
            "dscAdAccount": plan.campaign.account.urn,
            "dscName": f"{ADS[plan.chance // 67 % len(ADS)]} – sponsored",
            "dscAdType": "STANDARD",
            "dscStatus": "ACTIVE",
            "isDsc": True,
        }
    return body
