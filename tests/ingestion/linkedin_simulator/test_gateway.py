"""What every call must get past: versions, tokens, syntax, size, throttles."""

import json
from datetime import UTC, datetime

import pytest

from ingestion.linkedin_simulator import Simulator
from ingestion.linkedin_simulator.restli import Malformed, parse_value, split_top_level

from .conftest import ACCOUNT, ACCOUNTS_FACET, Caller, analytics_target, make_simulator

SEARCH = "/rest/adAccounts?q=search&pageSize=10"


def test_missing_version_is_refused_even_without_token(simulator: Simulator):
    answer = simulator.handle("GET", SEARCH, {})
    assert (answer.status, json.loads(answer.body)) == (
        400,
        {
            "status": 400,
            "code": "VERSION_MISSING",
            "message": "A version must be present. Please specify a version by adding the LinkedIn-Version header.",
        },
    )
    assert "X-RestLi-Gateway-Error" in answer.headers


@pytest.mark.parametrize("version", ["202511", "202412", "209901", "nonsense"])
def test_inactive_version_is_echoed_with_a_day(caller: Caller, version: str):
    assert caller.error(SEARCH, LinkedIn_Version=version) == (
        426,
        {"status": 426, "code": "NONEXISTENT_VERSION", "message": f"Requested version {version}01 is not active"},
    )


@pytest.mark.parametrize("version", ["202601", "202607", "202608", "202611"])
def test_active_versions(caller: Caller, version: str):
    assert caller.answer(SEARCH, LinkedIn_Version=version).status == 200


def test_versions_follow_the_clock_and_can_be_configured(caller: Caller):
    caller.simulator.clock.set(datetime(2027, 7, 15, tzinfo=UTC))
    other = make_simulator(active_versions=["209901"])
    assert caller.answer(SEARCH).status == 426
    assert Caller(other).answer(SEARCH, LinkedIn_Version="209901").status == 200
    assert Caller(other).answer(SEARCH).status == 426


def test_structure_must_not_be_percent_encoded(caller: Caller):
    status, body = caller.error("/rest/adAccounts?q=search&search=%28status:%28values:List%28ACTIVE%29%29%29")
    assert status == 400
    assert body == {
        "errorDetailType": "com.linkedin.common.error.BadRequest",
        "message": "Invalid param. Please see errorDetails for more information.",
        "errorDetails": {
            "inputErrors": [
                {
                    "description": "Invalid value for param; wrong type or other syntax error",
                    "input": {"inputPath": {"fieldPath": "search"}},
                    "code": "PARAM_INVALID",
                }
            ]
        },
        "status": 400,
    }


def test_dotted_parameters_of_protocol_1_are_not_allowed(caller: Caller):
    target = "/rest/adAnalytics?q=analytics&dateRange.start.day=1&dateRange.start.month=2&pivot=CAMPAIGN"
    status, body = caller.error(target)
    assert status == 400
    assert body["errorDetails"]["inputErrors"] == [
        {"input": {"inputPath": {"fieldPath": "dateRange.start.day"}}, "code": "QUERY_PARAM_NOT_ALLOWED"},
        {"input": {"inputPath": {"fieldPath": "dateRange.start.month"}}, "code": "QUERY_PARAM_NOT_ALLOWED"},
    ]


def test_new_syntax_needs_the_protocol_header(caller: Caller):
    target = analytics_target("CAMPAIGN", "DAILY", "2026-11-01", "2026-11-02")
    assert caller.error(target, X_Restli_Protocol_Version="")[0] == 400
    assert caller.answer("/rest/adAccounts?q=search", X_Restli_Protocol_Version="").status == 200


def test_bare_and_wrapped_enums_are_the_same(caller: Caller):
    bare = caller.analytics("CAMPAIGN", "DAILY", "2026-11-01", "2026-11-02")
    assert bare == caller.analytics("(value:CAMPAIGN)", "(value:DAILY)", "2026-11-01", "2026-11-02")


def test_tunnelled_post_is_the_same_call_and_may_be_long(caller: Caller):
    target = analytics_target("CAMPAIGN", "DAILY", "2026-11-01", "2026-11-02")
    path, _, query = target.partition("?")
    many = ",".join(f"urn%3Ali%3AsponsoredCampaign%3A{number}" for number in range(250000001, 250000101))
    headers = {
        **caller.headers,
        "X-HTTP-Method-Override": "GET",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    posted = caller.simulator.handle("POST", path, headers, query.encode())
    long = caller.simulator.handle("POST", path, headers, f"{query}&campaigns=List({many})".encode())
    assert json.loads(posted.body) == caller.get(target)
    assert len(many) > 4_000
    assert long.status == 200


def test_query_over_4_kilobytes_is_414(caller: Caller):
    answer = caller.answer(f"/rest/adAccounts?q=search&search=(name:(values:List({'a' * 4_096})))")
    assert answer.status == 414
    assert not answer.body.startswith(b"{")


def test_post_without_override_and_empty_tunnel(caller: Caller):
    tunnelled = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
    assert caller.simulator.handle("POST", SEARCH, caller.headers).status == 405
    assert caller.simulator.handle("POST", "/rest/adAccounts", {**caller.headers, **tunnelled}).status == 411


def test_house_headers(caller: Caller):
    headers = caller.answer(SEARCH).headers
    assert {"X-LI-UUID", "X-Li-Fabric", "X-Li-Pop", "X-RestLi-Protocol-Version"} <= set(headers)
    assert not [name for name in headers if "rate" in name.lower()]


def test_unknown_path_is_linkedins_404(caller: Caller):
    assert caller.error("/rest/nothing") == (404, {"status": 404, "code": "NOT_FOUND", "message": "Not Found"})


def test_tokens_that_are_missing_unknown_revoked_or_expired(caller: Caller):
    tokens = caller.simulator.tokens
    assert caller.error(SEARCH, Authorization="") == (
        401,
        {"message": "Empty oauth2_access_token", "serviceErrorCode": 401, "status": 401},
    )
    assert caller.error(SEARCH, Authorization="Bearer nobody")[1]["serviceErrorCode"] == 65600
    caller.simulator.clock.advance(days=60)
    assert caller.error(SEARCH)[1]["code"] == "EXPIRED_ACCESS_TOKEN"
    tokens.revoke(caller.issued.access)
    assert caller.error(SEARCH)[1]["code"] == "REVOKED_ACCESS_TOKEN"


def test_missing_scope_names_resource_finder_and_version(simulator: Simulator):
    caller = Caller(simulator, scopes=("r_ads",))
    assert caller.error(analytics_target("CAMPAIGN", "DAILY", "2026-11-01", "2026-11-02")) == (
        403,
        {
            "status": 403,
            "serviceErrorCode": 100,
            "code": "ACCESS_DENIED",
            "message": "Not enough permissions to access: adAnalytics.FINDER-analytics.20260701",
        },
    )


def test_foreign_ad_account_is_no_permission(simulator: Simulator):
    second = Caller(simulator, member=2)
    status, body = second.error(f"/rest/adAccounts/{ACCOUNT + 1}/adCampaigns?q=search&pageSize=10")
    assert (status, body["code"]) == (403, "NO_PERMISSION_ON_ENTITY")
    facet = ACCOUNTS_FACET.replace(str(ACCOUNT), str(ACCOUNT + 1))
    assert second.analytics("CAMPAIGN", "DAILY", "2026-11-01", "2026-11-20", facet=facet) == []


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("List(a%2Cb,c)", ["a,b", "c"]),
        ("List()", []),
        ("(a:(b:List(x)),c:'')", {"a": {"b": ["x"]}, "c": ""}),
        ("urn%3Ali%3Ax%3A1", "urn:li:x:1"),
        ("''", ""),
    ],
)
def test_parse_value(raw: str, value: object):
    assert parse_value(raw) == value


@pytest.mark.parametrize(
    "raw", ["List(a", "(a:)", "(a)", "List(a,)", "(a:b))", "List(urn:li:x:1)", "a,b", "List((a:b)"]
)
def test_parse_value_refuses(raw: str):
    with pytest.raises(Malformed):
        parse_value(raw)


def test_split_top_level_keeps_nested_projections():
    assert split_top_level("id,name,a:(b,c),d") == ["id", "name", "a:(b,c)", "d"]
