"""LinkedIn's resources, by which it counts calls.

Two counters a day for each endpoint, one of the application and one of each member of the application; both start over
at 00:00 UTC. A 429 says which of them is used up: "Resource level throttle APPLICATION DAY limit for calls to this
resource is reached", or APPLICATION_AND_MEMBER. Other resources still answer. The numbers are not published.
Source: LinkedIn Marketing, "Rate Limiting", 202602.
"""

from enum import StrEnum


class Resource(StrEnum):
    """The resources that are called here, by LinkedIn's names."""

    AD_ACCOUNTS = "adAccounts"
    AD_ACCOUNT_USERS = "adAccountUsers"
    CAMPAIGNS = "adCampaigns"
    CREATIVES = "creatives"
    ANALYTICS = "adAnalytics"
    NAMES = "adTargetingEntities"
    POSTS = "posts"


def resource_of(path: str) -> str:
    """The resource of a path, such as adCampaigns of /rest/adAccounts/507/adCampaigns; keys are skipped."""
    return next((part for part in reversed(path.split("/")) if part.isalpha()), path)
