"""Handlers for ad accounts, their users, campaign groups, campaigns and creatives."""

from collections.abc import Callable, Iterable

from .calls import Call, projected
from .entities import Json, post_urn, stamps
from .errors import Refusal, field_invalid, not_found, param_invalid, params_not_allowed
from .paging import SimulatedListing, offset_page
from .restli import Parameters, parse_value, texts_of, urn_numbers
from .world import AccountPlan, CampaignPlan, CreativePlan

_CURSOR = ("pageSize", "pageToken", "start", "count")
_MAX_CREATIVE_PAGE_SIZE = 100
_GROUP_STATUSES = ("ACTIVE", "ARCHIVED", "CANCELED", "DRAFT", "PAUSED", "PENDING_DELETION", "REMOVED")
_STATUSES = {
    "adAccounts": ("ACTIVE", "CANCELED", "DRAFT", "PENDING_DELETION", "REMOVED"),
    "adCampaignGroups": _GROUP_STATUSES,
    "adCampaigns": (*_GROUP_STATUSES, "COMPLETED"),
    "creatives": _GROUP_STATUSES,
}
_SEARCH_KEYS = {
    "adAccounts": ("id", "name", "reference", "type", "status", "test"),
    "adCampaignGroups": ("id", "name", "status", "test"),
    "adCampaigns": ("id", "campaignGroup", "name", "type", "status", "test"),
}
_URN_KINDS = {
    "adAccounts": "sponsoredAccount",
    "adCampaignGroups": "sponsoredCampaignGroup",
    "adCampaigns": "sponsoredCampaign",
}
Criteria = dict[str, set[object]]


def _require_finder(call: Call, *known: str) -> str:
    finder = call.finder()
    if finder not in known:
        raise (params_not_allowed(["q"]) if not finder else field_invalid("q", f"ERROR :: /q :: no finder {finder}"))
    return finder


def _criteria(parameters: Parameters, endpoint: str) -> Criteria | None:
    """Give the accepted values per key of `search=(status:(values:List(…)),test:false)`."""
    search = parameters.record("search")
    if search is None:
        return None
    criteria: Criteria = {}
    for key, value in search.items():
        path = f"search/{key}"
        if key not in _SEARCH_KEYS[endpoint]:
            raise field_invalid(path, f"ERROR :: /{key} :: unrecognized field found but not allowed")
        if key == "test":
            if value not in ("true", "false"):
                raise field_invalid(path, "ERROR :: /test :: cannot be coerced to Boolean")
            criteria[key] = {value == "true"}
            continue
        if not isinstance(value, dict) or set(value) != {"values"}:
            raise param_invalid("search")
        criteria[key] = _accepted(key, texts_of(value["values"], "search"), endpoint)
    return criteria


def _accepted(key: str, texts: list[str], endpoint: str) -> set[object]:
    if key == "id":
        return set(urn_numbers(texts, _URN_KINDS[endpoint], "search/id"))
    if key == "status" and (wrong := [text for text in texts if text not in _STATUSES[endpoint]]):
        raise field_invalid("search/status", f"ERROR :: /status/values :: {wrong[0]} is not an enum symbol")
    return set(texts)


def _matches(body: Json, criteria: Criteria) -> bool:
    return all(body.get(key) in accepted for key, accepted in criteria.items())


def _search(call: Call, parameters: Parameters, ids: list[int], body: Callable[[int], Json]) -> Json:
    """Give a page of what matches; without criteria everything does."""
    criteria = _criteria(parameters, call.endpoint)
    if criteria is not None:
        ids = [each for each in ids if _matches(body(each), criteria)]
    descending = parameters.enum("sortOrder", ("ASCENDING", "DESCENDING")) == "DESCENDING"
    return call.listed(parameters, SimulatedListing(sorted(ids, reverse=descending), body, call.canonical_query()))


def ad_accounts(call: Call) -> Json:
    """`q=search`: the ad accounts the member has a role on."""
    call.require_scope("adAccounts")
    _require_finder(call, "search")
    parameters = call.parameters("search", "sortOrder", *_CURSOR)
    plans = {plan.id: plan for plan in call.office.present.accounts() if call.sees(plan)}
    return _search(call, parameters, list(plans), lambda each: call.office.present.account_body(plans[each]))


def ad_account(call: Call) -> Json:
    """One ad account."""
    call.require_scope("adAccounts")
    fields = call.parameters().fields()
    return projected(call.office.present.account_body(call.account(call.keys[0])), fields)


def ad_account_users(call: Call) -> Json:
    """`q=authenticatedUser`: the member's roles; `q=accounts`: who has a role on one ad account."""
    call.require_scope("adAccountUsers")
    finder = _require_finder(call, "authenticatedUser", "accounts")
    parameters = call.parameters("start", "count", *(["accounts"] if finder == "accounts" else []))
    if finder == "authenticatedUser":
        plans = [plan for plan in call.office.present.accounts() if call.sees(plan)]
        elements = [_user(call, plan, call.member) for plan in plans]
    else:
        elements = _users_of(call, parameters)
    answer = offset_page(parameters, [projected(each, parameters.fields()) for each in elements])
    call.office.ledger.served(call.endpoint, len(answer["elements"]), [])
    return answer


def _users_of(call: Call, parameters: Parameters) -> list[Json]:
    raw = parameters.raw.get("accounts", "")
    value = parse_value(raw) if raw else ""
    urns = [value] if isinstance(value, str) else texts_of(value, "accounts")
    numbers = urn_numbers(urns, "sponsoredAccount", "accounts")
    account = call.account(str(numbers[0]))
    manager = call.office.present.role(call.member, account) in ("ACCOUNT_BILLING_ADMIN", "ACCOUNT_MANAGER")
    members = range(call.office.present.world.size.members) if manager else [call.member]
    return [_user(call, account, each) for each in members if call.office.present.role(each, account)]


def _user(call: Call, account: AccountPlan, member: int) -> Json:
    world = call.office.present.world
    created = stamps(1_500_331_577_000 + account.index, 1_505_328_748_000 + account.index, with_actor=True)
    return {
        "account": account.urn,
        "changeAuditStamps": created,
        "role": call.office.present.role(member, account),
        "user": f"urn:li:person:{world.person_id(member, call.token.grant.client_id)}",
        "version": {"versionTag": str(1 + account.index % 9)},
    }


def campaign_groups(call: Call) -> Json:
    """Campaign groups: `q=search` or `ids=List(…)`."""
    call.require_scope("adCampaignGroups")
    account, present = call.account(call.keys[0]), call.office.present
    if parameters := _batch_parameters(call):
        return _batch(call, parameters, lambda number: present.group(account, number))
    _require_finder(call, "search")
    bodies = {body["id"]: body for body in present.group_bodies(account)}
    return _search(call, _search_parameters(call), list(bodies), lambda each: dict(bodies[each]))


def campaign_group(call: Call) -> Json:
    """One campaign group."""
    call.require_scope("adCampaignGroups")
    account = call.account(call.keys[0])
    return _one(call, call.office.present.group(account, _number(call.keys[1])))


def campaigns(call: Call) -> Json:
    """Campaigns: `q=search` or `ids=List(…)`."""
    call.require_scope("adCampaigns")
    account, present = call.account(call.keys[0]), call.office.present
    if parameters := _batch_parameters(call):
        return _batch(call, parameters, lambda number: _campaign(call, account, number))
    _require_finder(call, "search")
    plans = {plan.id: plan for plan in present.campaigns(account) if present.is_listed(plan)}
    return _search(call, _search_parameters(call), list(plans), lambda each: present.campaign_body(plans[each]))


def campaign(call: Call) -> Json:
    """One campaign."""
    call.require_scope("adCampaigns")
    return _one(call, _campaign(call, call.account(call.keys[0]), _number(call.keys[1])))


def _campaign(call: Call, account: AccountPlan, number: int) -> Json | None:
    plan: CampaignPlan | None = call.office.present.campaign(number)
    if plan is None or plan.account.id != account.id or not call.office.present.is_listed(plan):
        return None
    return call.office.present.campaign_body(plan)


def _search_parameters(call: Call) -> Parameters:
    return call.parameters("search", "sortOrder", *_CURSOR)


def _batch_parameters(call: Call) -> Parameters | None:
    asked = any(part.startswith("ids=") for part in call.request.raw_query.split("&"))
    return call.parameters("ids") if asked else None


def _batch(call: Call, parameters: Parameters, find: Callable[[int], Json | None]) -> Json:
    found: dict[str, Json | Refusal] = {}
    for text in parameters.texts("ids") or []:
        body = find(_number(text))
        found[text] = not_found() if body is None else projected(body, parameters.fields())
    return call.batch(found, with_statuses=False)


def _one(call: Call, body: Json | None) -> Json:
    fields = call.parameters().fields()
    if body is None:
        raise not_found()
    return projected(body, fields)


def _number(key: str) -> int:
    if not (key.isascii() and key.isdigit()):
        raise param_invalid("id")
    return int(key)


def creatives(call: Call) -> Json:
    """`q=criteria`: the creatives of an ad account; cancelled ones are hidden."""
    call.require_scope("partnerApiAdAccountsCreativesExternalV2")
    account, present = call.account(call.keys[0]), call.office.present
    _require_finder(call, "criteria")
    parameters = call.parameters(
        "campaigns", "contentReferences", "creatives", "intendedStatuses", "isTestAccount", "isTotalIncluded",
        "leadgenCreativeCallToActionDestinations", "sortOrder", *_CURSOR,
    )  # fmt: skip
    found = (plan for plan in present.account_creatives(account) if present.is_found(plan))
    plans = {plan.id: plan for plan in _creatives_asked_for(call, parameters, found)}
    descending = parameters.enum("sortOrder", ("ASCENDING", "DESCENDING")) == "DESCENDING"
    listing = SimulatedListing(
        sorted(plans, reverse=descending),
        lambda each: present.creative_body(plans[each]),
        call.canonical_query(),
        _MAX_CREATIVE_PAGE_SIZE,
    )
    return call.listed(parameters, listing)


def _creatives_asked_for(call: Call, parameters: Parameters, found: Iterable[CreativePlan]) -> Iterable[CreativePlan]:
    campaign_urns, ids = parameters.texts("campaigns"), parameters.texts("creatives")
    statuses, references = parameters.texts("intendedStatuses"), parameters.texts("contentReferences")
    test = parameters.enum("isTestAccount", ("true", "false"))
    if campaign_urns is not None:
        urn_numbers(campaign_urns, "sponsoredCampaign", "campaigns")
    if statuses and (wrong := [text for text in statuses if text not in _STATUSES["creatives"]]):
        raise field_invalid("intendedStatuses", f"ERROR :: /intendedStatuses :: {wrong[0]} is not an enum symbol")
    for plan in found:
        kept = (
            (campaign_urns is None or plan.campaign.urn in campaign_urns)
            and (ids is None or plan.urn in ids)
            and (statuses is None or call.office.present.creative_status(plan) in statuses)
            and (references is None or post_urn(plan) in references)
            and (test is None or plan.campaign.account.is_test == (test == "true"))
        )
        if kept:
            yield plan


def creative(call: Call) -> Json:
    """One creative, cancelled ones too."""
    call.require_scope("partnerApiAdAccountsCreativesExternalV2")
    account, urn = call.account(call.keys[0]), call.keys[1]
    number = urn_numbers([urn], "sponsoredCreative", "id")[0]
    plan = call.office.present.creative(number)
    known = plan is not None and plan.campaign.account.id == account.id and call.office.present.is_readable(plan)
    return _one(call, call.office.present.creative_body(plan) if plan is not None and known else None)
