"""Consent, tokens, their ends and errors, OpenID."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ingestion.linkedin_simulator import App, Simulator
from ingestion.linkedin_simulator.answers import Response

from .conftest import Caller, make_simulator

REDIRECT = "http://127.0.0.1:8000/linkedin/callback"
ADS = {"client_id": "simulated-ads-app", "client_secret": "simulated-ads-secret"}
LOGIN = {"client_id": "simulated-login-app", "client_secret": "simulated-login-secret"}
ADS_SCOPES = "r_ads r_ads_reporting"
HOST = {"Host": "www.linkedin.com", "X-Forwarded-Proto": "https"}


def authorize(simulator: Simulator, *, method: str = "POST", **changes: str) -> Response:
    sent = {
        "response_type": "code",
        "client_id": ADS["client_id"],
        "redirect_uri": REDIRECT,
        "scope": ADS_SCOPES,
        "state": "a b&c",
        **changes,
    }
    encoded = urlencode({name: value for name, value in sent.items() if value})
    if method == "POST":
        return simulator.handle("POST", "/oauth/v2/authorization", HOST, encoded.encode())
    return simulator.handle("GET", f"/oauth/v2/authorization?{encoded}", HOST)


def code_of(answer: Response) -> str:
    assert answer.status == 303, answer.body
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def post(simulator: Simulator, path: str, **sent: str) -> tuple[int, Any]:
    answer = simulator.handle("POST", f"/oauth/v2/{path}", HOST, urlencode(sent).encode())
    return answer.status, json.loads(answer.body)


def exchange(simulator: Simulator, given: str, /, **changes: str) -> tuple[int, Any]:
    sent = {"grant_type": "authorization_code", "code": given, "redirect_uri": REDIRECT, **ADS, **changes}
    return post(simulator, "accessToken", **{name: value for name, value in sent.items() if value})


def refresh(simulator: Simulator, token: str, **changes: str) -> tuple[int, Any]:
    return post(simulator, "accessToken", **{"grant_type": "refresh_token", "refresh_token": token, **ADS, **changes})


def consent(simulator: Simulator, **changes: str) -> Any:
    app = {name: changes.pop(name) for name in ("client_secret",) if name in changes}
    code = code_of(authorize(simulator, decision="allow", **changes))
    status, body = exchange(simulator, code, **app, **{k: v for k, v in changes.items() if k == "client_id"})
    assert status == 200, body
    return body


def test_consent_page_names_scopes_members_and_carries_parameters(simulator: Simulator):
    page = authorize(simulator, method="GET").body.decode()
    assert "simulator" in page
    assert "Ada Moreno" in page
    assert "Bastian Keller" in page
    assert re.findall(r'name="decision" value="(\w+)"', page) == ["cancel", "allow"]
    assert 'name="state" value="a b&amp;c"' in page
    assert "r_ads_reporting" in page
    assert "http" not in re.sub(re.escape(REDIRECT), "", page)


def test_allow_sends_back_code_and_state(simulator: Simulator):
    location = authorize(simulator, decision="allow").headers["Location"]
    assert location.startswith(f"{REDIRECT}?")
    assert parse_qs(urlsplit(location).query)["state"] == ["a b&c"]


def test_refusal_sends_back_linkedins_error(simulator: Simulator):
    query = parse_qs(urlsplit(authorize(simulator, decision="cancel").headers["Location"]).query)
    assert query["error"] == ["user_cancelled_authorize"]
    assert query["state"] == ["a b&c"]
    assert "error_description" in query


def test_auto_consent_skips_the_page(signing_key: RSAPrivateKey):
    assert code_of(authorize(make_simulator(signing_key, auto_consent=True), method="GET"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"client_id": "nobody"}, "Client_id doesn't match"),
        ({"redirect_uri": "https://evil.example/"}, "Redirect_uri doesn't match"),
        ({"redirect_uri": "http://127.0.0.1.evil.example/"}, "Redirect_uri doesn't match"),
        ({"redirect_uri": REDIRECT + "#x"}, "Redirect_uri doesn't match"),
        ({"scope": "r_ads r_everything"}, "Invalid scope"),
    ],
)
def test_linkedins_own_401_page(simulator: Simulator, changes: dict[str, str], message: str):
    answer = authorize(simulator, method="GET", **changes)
    assert answer.status == 401
    assert message.replace("'", "&#x27;") in answer.body.decode()


def test_registered_redirect_must_match_exactly(signing_key: RSAPrivateKey):
    app = App("one", "secret", redirect_uris=("https://ads.example/callback",))
    simulator = make_simulator(signing_key, apps=[app])
    assert (
        authorize(simulator, client_id="one", redirect_uri="https://ads.example/callback?x=1", decision="allow").status
        == 303
    )
    assert (
        authorize(simulator, client_id="one", redirect_uri="https://ads.example/callback/", method="GET").status == 401
    )


def test_exchange(simulator: Simulator):
    body = consent(simulator)
    assert set(body) == {"access_token", "expires_in", "refresh_token", "refresh_token_expires_in", "scope"}
    assert (body["expires_in"], body["refresh_token_expires_in"]) == (5_184_000, 31_536_000)
    assert body["scope"] == "r_ads,r_ads_reporting"
    assert len(body["access_token"]) >= 350


def test_scope_separator_is_configurable(signing_key: RSAPrivateKey):
    assert consent(make_simulator(signing_key, scope_separator=" "))["scope"] == "r_ads r_ads_reporting"


def test_code_works_once_and_for_thirty_minutes(simulator: Simulator):
    code = code_of(authorize(simulator, decision="allow"))
    assert exchange(simulator, code)[0] == 200
    assert exchange(simulator, code) == (
        401,
        {
            "error": "invalid_request",
            "error_description": "Unable to retrieve access token: authorization code not found",
        },
    )
    late = code_of(authorize(simulator, decision="allow"))
    simulator.clock.advance(seconds=30 * 60)
    assert exchange(simulator, late)[0] == 400


def test_exchange_errors(simulator: Simulator):
    code = code_of(authorize(simulator, decision="allow"))
    assert exchange(simulator, code, redirect_uri="http://127.0.0.1:1/other") == (
        400,
        {
            "error": "invalid_redirect_uri",
            "error_description": "Unable to retrieve access token: appid/redirect uri/code verifier does not match "
            "authorization code. Or authorization code expired. Or external member binding exists",
        },
    )
    assert exchange(simulator, code, client_secret="wrong") == (
        401,
        {"error": "invalid_client_id", "error_description": "Client authentication failed"},
    )
    assert exchange(simulator, code, client_id="nobody")[1]["error"] == "invalid_client_id"
    for name in ("grant_type", "code", "redirect_uri", "client_id", "client_secret"):
        assert exchange(simulator, code, **{name: ""}) == (
            400,
            {"error": "invalid_request", "error_description": f'A required parameter "{name}" is missing'},
        )


def test_refresh_keeps_the_fixed_end(simulator: Simulator):
    first = consent(simulator)
    simulator.clock.advance(days=59)
    status, body = refresh(simulator, first["refresh_token"])
    assert status == 200
    assert body["refresh_token"] == first["refresh_token"]
    assert body["access_token"] != first["access_token"]
    assert (body["expires_in"], body["refresh_token_expires_in"]) == (5_184_000, 306 * 86_400)
    simulator.clock.advance(days=301)
    body = refresh(simulator, first["refresh_token"])[1]
    assert (body["expires_in"], body["refresh_token_expires_in"]) == (432_000, 432_000)
    simulator.clock.advance(days=5)
    assert refresh(simulator, first["refresh_token"]) == (
        400,
        {
            "error": "invalid_request",
            "error_description": "The provided authorization grant or refresh token is invalid, expired or revoked",
        },
    )


def test_refresh_disabled(signing_key: RSAPrivateKey):
    simulator = make_simulator(signing_key, apps=[App(ADS["client_id"], ADS["client_secret"], has_refresh=False)])
    body = consent(simulator)
    assert "refresh_token" not in body
    assert refresh(simulator, "anything")[0] == 400


def test_another_scope_set_voids_earlier_tokens_of_that_app_only(simulator: Simulator):
    caller = Caller(simulator, scopes=tuple(ADS_SCOPES.split()))
    search = "/rest/adAccounts?q=search&pageSize=1"
    first = consent(simulator)
    assert caller.answer(search).status == 200
    consent(simulator, scope="openid profile email", **LOGIN)
    assert caller.answer(search).status == 200
    consent(simulator, scope="r_ads")
    assert caller.error(search)[1]["serviceErrorCode"] == 65601
    assert refresh(simulator, first["refresh_token"])[0] == 400


def test_new_tokens_may_need_to_warm_up(signing_key: RSAPrivateKey):
    simulator = make_simulator(signing_key, warm_up_seconds=20)
    caller = Caller(simulator)
    assert caller.error("/rest/adAccounts?q=search")[1]["code"] == "REVOKED_ACCESS_TOKEN"
    simulator.clock.advance(seconds=20)
    assert caller.answer("/rest/adAccounts?q=search").status == 200


def test_introspection(simulator: Simulator):
    body = consent(simulator)
    now = int(simulator.clock.seconds())
    assert post(simulator, "introspectToken", token=body["access_token"], **ADS) == (
        200,
        {
            "active": True,
            "client_id": "simulated-ads-app",
            "authorized_at": now,
            "created_at": now,
            "status": "active",
            "expires_at": now + 5_184_000,
            "scope": "r_ads,r_ads_reporting",
            "auth_type": "3L",
        },
    )
    assert post(simulator, "introspectToken", token=body["access_token"], **LOGIN) == (200, {"active": False})
    assert post(simulator, "introspectToken", token="unknown", **ADS)[0] == 400
    assert post(simulator, "introspectToken", token="x", client_id=ADS["client_id"], client_secret="no")[0] == 401
    simulator.clock.advance(days=60)
    assert post(simulator, "introspectToken", token=body["access_token"], **ADS)[1]["status"] == "expired"


def test_revoke(simulator: Simulator):
    body = consent(simulator)
    assert post(simulator, "revoke", token=body["access_token"], **ADS)[0] == 200
    assert post(simulator, "introspectToken", token=body["access_token"], **ADS)[1]["status"] == "revoked"
    assert refresh(simulator, body["refresh_token"])[0] == 200
    post(simulator, "revoke", token=body["refresh_token"], **ADS)
    assert refresh(simulator, body["refresh_token"])[0] == 400


def test_member_can_be_chosen(simulator: Simulator):
    body = consent(simulator, member="2")
    headers = {"Authorization": f"Bearer {body['access_token']}", "LinkedIn-Version": "202607"}
    answer = simulator.handle("GET", "/rest/adAccounts?q=search", headers)
    assert len(json.loads(answer.body)["elements"]) == 2


def test_openid_from_discovery_to_userinfo(simulator: Simulator):
    """The steps of social-auth-core: discovery, keys, signature, issuer, audience, userinfo."""
    found = json.loads(simulator.handle("GET", "/oauth/.well-known/openid-configuration", HOST).body)
    assert found["issuer"] == "https://www.linkedin.com/oauth"
    assert found["userinfo_endpoint"] == "https://api.linkedin.com/v2/userinfo"
    assert found["id_token_signing_alg_values_supported"] == ["RS256"]
    body = consent(simulator, scope="openid profile email", **LOGIN)
    assert body["token_type"] == "Bearer"
    jwks = json.loads(simulator.handle("GET", urlsplit(found["jwks_uri"]).path, HOST).body)
    header = jwt.get_unverified_header(body["id_token"])
    key = next(key for key in jwks["keys"] if key["kid"] == header["kid"])
    claims = jwt.decode(
        body["id_token"],
        jwt.PyJWK(key),
        algorithms=["RS256"],
        audience=LOGIN["client_id"],
        issuer=found["issuer"],
    )
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    told = json.loads(simulator.handle("GET", "/v2/userinfo", headers).body)
    assert set(told) == {
        "sub", "name", "given_name", "family_name", "picture", "locale", "email", "email_verified",
    }  # fmt: skip
    assert (told["sub"], told["email"]) == (claims["sub"], "ada.moreno@example.com")


def test_hosts_follow_the_request_or_the_setting(signing_key: RSAPrivateKey):
    path = "/oauth/.well-known/openid-configuration"
    local = json.loads(make_simulator(signing_key).handle("GET", path, {"Host": "127.0.0.1:9000"}).body)
    assert local["issuer"] == "http://127.0.0.1:9000/oauth"
    pinned = make_simulator(signing_key, base_url="http://simulator:9000")
    assert json.loads(pinned.handle("GET", path, {}).body)["token_endpoint"] == (
        "http://simulator:9000/oauth/v2/accessToken"
    )


def test_subjects_are_pairwise(simulator: Simulator):
    ads = consent(simulator, scope="openid")
    login = consent(simulator, scope="openid", **LOGIN)
    subjects = {
        json.loads(simulator.handle("GET", "/v2/userinfo", {"Authorization": f"Bearer {body['access_token']}"}).body)[
            "sub"
        ]
        for body in (ads, login)
    }
    assert len(subjects) == 2


def test_tokens_stay_out_of_reprs(simulator: Simulator):
    issued = simulator.issue_token()
    assert issued.access.text not in repr(issued)
