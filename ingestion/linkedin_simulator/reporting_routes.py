"""Handlers for reports and for the names behind their URNs."""

import json
from collections.abc import Sequence

from .analytics import ALLOWED, MAX_FIELDS, MAX_ROWS, printed_rows, read_fields, read_order, read_query
from .analytics_rows import AnalyticsQuery
from .calls import Call, projected
from .dirty import broken_rows
from .entities import Json, post_urn
from .errors import BAD_REQUEST, Refusal, access_denied_body, field_invalid, not_found, params_not_allowed
from .openid import userinfo
from .posts import post_json, promoted_creative
from .restli import urn_numbers
from .segments import facet_segments, named_segment
from .world import AccountPlan, campaign_place, creative_place, group_place

_UNBOUNDED = 2_147_483_647
_CUT_BY_SHORT_ANSWERS = frozenset(("CAMPAIGN", "CREATIVE"))


def ad_analytics(call: Call) -> str:
    """`q=analytics` and `q=statistics`: one answer, no pages, cut at 15,000 elements without notice."""
    call.require_scope("adAnalytics")
    finder = call.finder()
    if finder not in ALLOWED:
        raise (params_not_allowed(["q"]) if not finder else field_invalid("q", f"ERROR :: /q :: no finder {finder}"))
    parameters = call.parameters(*ALLOWED[finder])
    client_id = call.token.grant.client_id
    call.office.budget.check(client_id)
    present = call.office.present
    query = read_query(parameters, finder, present.clock.today())
    if query.asks_members:
        call.office.faults.refuse_pivot(query.pivots[0])
    fields, order = read_fields(parameters, query), read_order(parameters)
    accounts = _readable(call, query)
    rows = printed_rows(present, call.office.totals, query, fields, accounts, order) if accounts else []
    if _CUT_BY_SHORT_ANSWERS.intersection(query.pivots):
        short = call.office.faults.strike("short_answers", call.endpoint, rows=len(rows))
        rows = rows[: short.rows] if short else rows
    if query.pivots == ("ACCOUNT",):
        rows = [_with_wrong_total(call, row) for row in rows]
    call.office.budget.spend(client_id, len(rows) * min(len(fields), MAX_FIELDS))
    broken = []
    if rows and (fault := call.office.faults.strike("dirty_records", call.endpoint)):
        broken = broken_rows(rows, MAX_ROWS - len(rows), fault.share, call.office.seed)
    call.office.ledger.served(call.endpoint, len(rows) + len(broken), [json.loads(row) for row in broken])
    elements = ",".join([*rows, *broken])
    return f'{{"elements":[{elements}],"paging":{{"count":10,"links":[],"start":0}}}}'


def _with_wrong_total(call: Call, printed: str) -> str:
    """The total of an ad account's day, with the impressions that the fault about them adds."""
    row = json.loads(printed)
    if not {"impressions", "pivotValues", "dateRange"} <= row.keys():
        return printed
    (number,) = urn_numbers(row["pivotValues"], "sponsoredAccount", "pivotValues")
    start = row["dateRange"]["start"]
    by = call.office.faults.wrong_totals(number, f"{start['year']:04}-{start['month']:02}-{start['day']:02}")
    return json.dumps({**row, "impressions": row["impressions"] + by}, separators=(",", ":")) if by else printed


def _readable(call: Call, query: AnalyticsQuery) -> Sequence[AccountPlan]:
    """Give the ad accounts a query is about, without those the member may not read."""
    numbers: set[int] = set(query.facets.get("accounts", ()))
    if "accounts" not in query.facets:
        places = {campaign_place(each)[0] for each in query.facets.get("campaigns", ())}
        places |= {creative_place(each)[0] for each in query.facets.get("creatives", ())}
        places |= {group_place(each)[0] for each in query.facets.get("campaignGroups", ())}
        world = call.office.present.world
        numbers = {world.account(place).id for place in places if 0 <= place < world.size.ad_accounts}
    plans = (call.office.present.account(number) for number in sorted(numbers))
    return [plan for plan in plans if plan is not None and call.may_read(plan)]


def ad_targeting_entities(call: Call) -> Json:
    """`q=urns`: names of URNs, unknown ones left out; `q=adTargetingFacet`: a short facet in full."""
    call.require_scope("adTargetingEntities")
    finder = call.finder()
    if finder not in ("urns", "adTargetingFacet"):
        raise field_invalid("q", f"ERROR :: /q :: no finder {finder}")
    asked = ("urns",) if finder == "urns" else ("facet",)
    parameters = call.parameters("queryVersion", "locale", "fetchType", "start", "count", *asked)
    parameters.record("locale")
    version = parameters.enum("queryVersion", ("QUERY_USES_URNS", "QUERY_USES_STRING"))
    if finder == "urns":
        urns = parameters.texts("urns") or []
        call.office.faults.refuse_urns(call.endpoint, urns)
        named = [(urn, named_segment(urn)) for urn in urns]
        found = [(urn, *name) for urn, name in named if name is not None]
    else:
        facet = parameters.text("facet") or ""
        found = [(urn, facet, name) for urn, name in facet_segments(facet)]
    elements = [_entity(*each, with_urn=version == "QUERY_USES_URNS") for each in found]
    call.office.ledger.served(call.endpoint, len(elements), [])
    return {"elements": elements, "paging": {"count": _UNBOUNDED, "links": [], "start": 0}}


def _entity(urn: str, facet: str, name: str, *, with_urn: bool) -> Json:
    place: Json = {"urn": urn} if with_urn else {"value": {"string": urn}}
    return {"facetUrn": facet, "name": name, **place}


def posts(call: Call) -> Json:
    """`ids=List(…)`: posts by URN, each with its own status."""
    call.require_scope("partnerApiPostsExternal")
    parameters = call.parameters("ids")
    _forbid_posts(call, "BATCH_GET")
    urns = parameters.texts("ids") or []
    call.office.faults.refuse_urns(call.endpoint, urns)
    found: dict[str, Json | Refusal] = {}
    for urn in urns:
        try:
            found[urn] = projected(_post(call, urn, "BATCH_GET"), parameters.fields())
        except Refusal as refused:
            found[urn] = refused
    return call.batch(found)


def post(call: Call) -> Json:
    """One post."""
    call.require_scope("partnerApiPostsExternal")
    _forbid_posts(call, "GET")
    return projected(_post(call, call.keys[0], "GET"), call.parameters().fields())


def _forbid_posts(call: Call, method: str) -> None:
    if call.office.faults.strike("posts_forbidden", call.endpoint):
        raise Refusal(403, access_denied_body(f"partnerApiPostsExternal.{method}", call.version))


def _post(call: Call, urn: str, method: str) -> Json:
    if not urn.startswith(("urn:li:share:", "urn:li:ugcPost:")):
        raise _unsupported_post(urn)
    number = promoted_creative(urn)
    plan = call.office.present.creative(number) if number is not None else None
    if plan is None or post_urn(plan) != urn:
        raise not_found()
    if not call.may_read(plan.campaign.account):
        raise Refusal(403, access_denied_body(f"partnerApiPostsExternal.{method}", call.version))
    return post_json(plan, urn)


def _unsupported_post(urn: str) -> Refusal:
    body = {
        "errorDetailType": BAD_REQUEST,
        "code": "UGC_VALIDATIONS_FAILED",
        "message": "Validations failed on the UGC entity. Please see errorDetails for more information.",
        "errorDetails": {"inputErrors": [{"description": f"Unsupported post urn type: {urn}"}]},
        "status": 400,
    }
    return Refusal(400, body)


def organizations_lookup(call: Call) -> Json:
    """`ids=List(…)`: organizations by number; a few hide themselves with a 403 of their own."""
    call.require_scope("organizationsLookup")
    parameters = call.parameters("ids")
    return call.batch({number: _organization(call, number) for number in parameters.texts("ids") or []})


def _organization(call: Call, number: str) -> Json | Refusal:
    owners = (plan for plan in call.office.present.accounts() if str(plan.organization) == number)
    owner = next(owners, None)
    named = named_segment(f"urn:li:organization:{number}")
    if owner is None and named is None:
        message = f"Viewer don't have permission to the ADMIN_ONLY VisibilityReduction for urn:li:organization:{number}"
        return Refusal(403, {"message": message, "status": 403})
    name = owner.name if owner is not None else named[1] if named is not None else ""
    return {
        "name": {"localized": {"en_US": name}, "preferredLocale": {"country": "US", "language": "en"}},
        "primaryOrganizationType": "NONE",
        "vanityName": "-".join(name.lower().split()),
        "locations": [],
        "localizedName": name,
        "id": int(number),
    }


def user_info(call: Call) -> Json:
    """`/v2/userinfo`: the member's OpenID claims."""
    call.require_scope("userinfo")
    grant = call.token.grant
    return userinfo(call.office.present.world, grant.member, grant.client_id, grant.scopes)
