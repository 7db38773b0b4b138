import socket
import traceback
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from accounts.consents.linkedin_oauth import LinkedInApp, TokenGrant
from accounts.errors import OAuthError
from tests.accounts.consents.scripted_linkedin import TOKENS, scripted_linkedin
from tests.builders import NOW

SECRETS = ["the-client-secret", "the-code", "the-refresh-token"]


def app(url: str) -> LinkedInApp:
    return LinkedInApp(
        client_id="the-client-id",
        client_secret="the-client-secret",
        redirect_uri="http://127.0.0.1:8000/linkedin/callback/",
        scopes=("r_ads", "r_ads_reporting"),
        auth_base_url=url,
    )


def exchange(url: str) -> TokenGrant:
    return app(url).exchange_code("the-code", now=NOW)


def refresh(url: str) -> TokenGrant:
    return app(url).refresh("the-refresh-token", now=NOW)


def test_consent_url_requests_a_code() -> None:
    url = app("https://www.linkedin.com").consent_url(state="a&b")
    parts = urlsplit(url)
    assert (parts.netloc, parts.path) == ("www.linkedin.com", "/oauth/v2/authorization")
    assert "scope=r_ads%20r_ads_reporting" in parts.query
    assert parse_qs(parts.query) == {
        "response_type": ["code"],
        "client_id": ["the-client-id"],
        "redirect_uri": ["http://127.0.0.1:8000/linkedin/callback/"],
        "scope": ["r_ads r_ads_reporting"],
        "state": ["a&b"],
    }


def test_exchange_code_gives_the_tokens() -> None:
    with scripted_linkedin((200, TOKENS)) as linkedin:
        grant = exchange(linkedin.url)
    assert grant == TokenGrant(
        access_token="new-access-token",
        expires_at=NOW + timedelta(days=60),
        refresh_token="new-refresh-token",
        refresh_token_expires_at=NOW + timedelta(days=365),
        scopes=frozenset({"r_ads", "r_ads_reporting"}),
    )
    assert linkedin.asked == [
        (
            "/oauth/v2/accessToken",
            {
                "grant_type": "authorization_code",
                "code": "the-code",
                "client_id": "the-client-id",
                "client_secret": "the-client-secret",
                "redirect_uri": "http://127.0.0.1:8000/linkedin/callback/",
            },
        )
    ]


def test_refresh_sends_the_refresh_token() -> None:
    with scripted_linkedin((200, TOKENS)) as linkedin:
        assert refresh(linkedin.url).access_token == "new-access-token"
    assert linkedin.forms() == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "the-refresh-token",
            "client_id": "the-client-id",
            "client_secret": "the-client-secret",
        }
    ]


def test_an_app_without_programmatic_refresh_gets_no_refresh_token() -> None:
    with scripted_linkedin((200, {"access_token": "a", "expires_in": 5184000})) as linkedin:
        grant = exchange(linkedin.url)
    assert (grant.refresh_token, grant.refresh_token_expires_at, grant.scopes) == (None, None, frozenset())


@pytest.mark.parametrize(
    "scope", ["r_ads,r_ads_reporting", "r_ads r_ads_reporting", "r_ads%20r_ads_reporting", "r_ads%2Cr_ads_reporting"]
)
def test_scopes_are_split_on_commas_and_spaces(scope: str) -> None:
    with scripted_linkedin((200, TOKENS | {"scope": scope})) as linkedin:
        assert exchange(linkedin.url).scopes == {"r_ads", "r_ads_reporting"}


def test_repr_hides_tokens_and_secret() -> None:
    grant = TokenGrant(access_token="hidden-a", expires_at=NOW, refresh_token="hidden-r")
    assert "hidden" not in repr(grant)
    assert "the-client-secret" not in repr(app("https://www.linkedin.com"))


@pytest.mark.parametrize(
    ("status", "error", "description", "remedy"),
    [
        (
            401,
            "invalid_request",
            "Unable to retrieve access token: authorization code not found",
            "open the consent page again",
        ),
        (
            400,
            "invalid_redirect_uri",
            "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization "
            "code. Or authorization code expired. Or external member binding exists",
            "LINKEDIN_REDIRECT_URI",
        ),
        (400, "invalid_request", 'A required parameter "client_id" is missing', "LINKEDIN_CLIENT_ID"),
        (400, "invalid_request", 'A required parameter "redirect_uri" is missing', "LINKEDIN_REDIRECT_URI"),
        (400, "invalid_request", 'A required parameter "code" is missing', "open the consent page again"),
        (401, "invalid_client_id", "Client authentication failed", "LINKEDIN_CLIENT_SECRET"),
        (400, "invalid_client_id", 'The passed in client_id is invalid "x"', "LINKEDIN_CLIENT_ID"),
        (400, "something_new", "the-code was wrong", "something_new"),
        (400, "the-code is <b>bad</b>", "", "no reason given"),
    ],
)
def test_each_refusal_names_its_remedy(status: int, error: str, description: str, remedy: str) -> None:
    body = {"error": error, "error_description": description}
    with scripted_linkedin((status, body)) as linkedin, pytest.raises(OAuthError) as caught:
        exchange(linkedin.url)
    assert remedy in str(caught.value)
    assert caught.value.kind == "consent"
    assert not caught.value.grant_is_over
    assert_no_secret_in(caught.value)


def test_a_dead_refresh_token_means_connecting_again() -> None:
    """LinkedIn answers 400 invalid_request, not invalid_grant."""
    body = {
        "error": "invalid_request",
        "error_description": "The provided authorization grant or refresh token is invalid, expired or revoked",
    }
    with scripted_linkedin((400, body)) as linkedin, pytest.raises(OAuthError, match="connect LinkedIn again") as it:
        refresh(linkedin.url)
    assert it.value.grant_is_over


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((200, b"<html>hello</html>"), "network", "LINKEDIN_AUTH_BASE_URL"),
        ((302, b""), "network", "LINKEDIN_AUTH_BASE_URL"),
        ((404, b"<html>nope</html>"), "network", "LINKEDIN_AUTH_BASE_URL"),
        ((503, b"<html>busy</html>"), "network", "try again in a few minutes"),
        ((429, {"message": "slow"}), "throttled", "try again in a few minutes"),
        ((200, {"expires_in": 1}), "data", "no usable access token"),
        ((200, {"access_token": "a", "expires_in": "soon"}), "data", "no usable access token"),
        ((200, {"access_token": "a", "expires_in": 10**30}), "data", "no usable access token"),
        ((200, [1]), "network", "no JSON"),
    ],
)
def test_an_unusable_response_is_reported_in_one_sentence(answer: tuple[int, Any], kind: str, words: str) -> None:
    with scripted_linkedin(answer) as linkedin, pytest.raises(OAuthError, match=words) as caught:
        exchange(linkedin.url)
    assert caught.value.kind == kind
    assert len(linkedin.asked) == 1
    assert_no_secret_in(caught.value)


def test_an_unreachable_host_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(OAuthError, match=f"127.0.0.1:{port} cannot be reached") as caught:
        refresh(f"http://127.0.0.1:{port}")
    assert caught.value.kind == "network"
    assert_no_secret_in(caught.value)


def test_a_connection_cut_after_sending_is_not_tried_again() -> None:
    """A code works once: LinkedIn may have taken it although no answer came."""
    with scripted_linkedin((200, TOKENS)) as linkedin:
        linkedin.answers[0] = (200, object())  # cannot be sent: the connection closes without an answer
        with pytest.raises(OAuthError, match="did not answer"):
            refresh(linkedin.url)
    assert len(linkedin.asked) == 1


def test_revoke_ends_a_token() -> None:
    with scripted_linkedin((200, b"")) as linkedin:
        app(linkedin.url).revoke("t")
    assert linkedin.asked == [
        ("/oauth/v2/revoke", {"client_id": "the-client-id", "client_secret": "the-client-secret", "token": "t"})
    ]


def test_revoke_says_when_linkedin_refuses() -> None:
    body = {"error": "invalid_client_id", "error_description": "Client authentication failed"}
    with scripted_linkedin((401, body)) as linkedin, pytest.raises(OAuthError, match="LINKEDIN_CLIENT_ID"):
        app(linkedin.url).revoke("t")


def assert_no_secret_in(error: BaseException) -> None:
    """Neither in what is printed nor in any exception behind it."""
    shown = "".join(traceback.format_exception(error)) + repr(error)
    assert not [secret for secret in SECRETS if f"={secret}" in shown or secret in str(error)]
    assert error.__context__ is None
