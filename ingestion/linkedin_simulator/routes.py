"""Which path belongs to which handler, and what every API call must get past first."""

import re
from collections.abc import Callable
from urllib.parse import unquote

from . import account_routes, reporting_routes
from .calls import Call

Handler = Callable[[Call], object]
_NUMBER = r"([^/]+)"
_IN_ACCOUNT = rf"/rest/adAccounts/{_NUMBER}"
_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    (r"/rest/adAccounts", "adAccounts", account_routes.ad_accounts),
    (_IN_ACCOUNT, "adAccounts", account_routes.ad_account),
    (r"/rest/adAccountUsers", "adAccountUsers", account_routes.ad_account_users),
    (rf"{_IN_ACCOUNT}/adCampaignGroups", "adCampaignGroups", account_routes.campaign_groups),
    (rf"{_IN_ACCOUNT}/adCampaignGroups/{_NUMBER}", "adCampaignGroups", account_routes.campaign_group),
    (rf"{_IN_ACCOUNT}/adCampaigns", "adCampaigns", account_routes.campaigns),
    (rf"{_IN_ACCOUNT}/adCampaigns/{_NUMBER}", "adCampaigns", account_routes.campaign),
    (rf"{_IN_ACCOUNT}/creatives", "creatives", account_routes.creatives),
    (rf"{_IN_ACCOUNT}/creatives/{_NUMBER}", "creatives", account_routes.creative),
    (r"/rest/adAnalytics", "adAnalytics", reporting_routes.ad_analytics),
    (r"/rest/adTargetingEntities", "adTargetingEntities", reporting_routes.ad_targeting_entities),
    (r"/rest/posts", "posts", reporting_routes.posts),
    (rf"/rest/posts/{_NUMBER}", "posts", reporting_routes.post),
    (r"/rest/organizationsLookup", "organizationsLookup", reporting_routes.organizations_lookup),
    (r"/v2/userinfo", "userinfo", reporting_routes.user_info),
)
_COMPILED = tuple((re.compile(pattern), endpoint, handler) for pattern, endpoint, handler in _ROUTES)
_SIGN_IN = {
    "/oauth/v2/authorization": "authorization",
    "/oauth/v2/accessToken": "accessToken",
    "/oauth/v2/introspectToken": "introspectToken",
    "/oauth/v2/revoke": "revoke",
    "/oauth/.well-known/openid-configuration": "openid",
    "/oauth/openid/jwks": "openid",
}


def endpoint_of(path: str) -> str:
    """Give the name under which faults and counters know a path."""
    if path in _SIGN_IN:
        return _SIGN_IN[path]
    found = find_route(path)
    return found[0] if found else "unknown"


def is_sign_in(path: str) -> bool:
    """Whether a path belongs to the sign-in host."""
    return path in _SIGN_IN


def find_route(path: str) -> tuple[str, Handler, tuple[str, ...]] | None:
    """Give endpoint, handler and the decoded keys in the path, or None."""
    for pattern, endpoint, handler in _COMPILED:
        if match := pattern.fullmatch(path):
            return endpoint, handler, tuple(map(unquote, match.groups()))
    return None
