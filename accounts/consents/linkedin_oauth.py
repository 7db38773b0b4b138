"""LinkedIn's consent page and token endpoint, independent of settings, Django and the database.

No request is repeated, because an authorization code works once; only a refresh that never reached LinkedIn is
sent again. Errors are raised outside `except` blocks, so that no traceback leads to an exception of requests,
which holds the form that was sent.

Source: LinkedIn, "Authorization Code Flow" and "Programmatic Refresh Tokens", read 2026-11-21. LinkedIn does not
document `/oauth/v2/revoke`; other clients use it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

import requests
from urllib3.exceptions import NewConnectionError

from accounts.errors import OAuthError

# Seconds to connect, and seconds without a byte of the response.
_TIMEOUT: Final = (10, 30)

_OPEN_AGAIN = "open the consent page again"
_CHECK_APP = "check LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET"
_WRONG_APP = f"LinkedIn does not recognize this client id and secret; {_CHECK_APP}."
_UNKNOWN_CODE = (
    "LinkedIn does not recognize this authorization code: codes are used once and expire after 30 minutes; "
    f"{_OPEN_AGAIN}."
)
_WRONG_REDIRECT = (
    "LinkedIn reports that the redirect URL does not match the consent or that the code has expired; "
    f"set LINKEDIN_REDIRECT_URI to exactly the registered URL, or {_OPEN_AGAIN}."
)
_DEAD_GRANT = "LinkedIn no longer renews this consent (it expired or was revoked); connect LinkedIn again."
# Remedies for `A required parameter "X" is missing`.
_MISSING_PARAMETER = {
    "client_id": _CHECK_APP,
    "client_secret": _CHECK_APP,
    "redirect_uri": "set LINKEDIN_REDIRECT_URI",
    "code": _OPEN_AGAIN,
    "refresh_token": "connect LinkedIn again",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGrant:
    """What LinkedIn granted; instants are UTC. The tokens stay out of its repr.

    Without a refresh token only a person can renew the consent. Without scopes LinkedIn did not say which it granted.
    """

    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str | None = field(default=None, repr=False)
    refresh_token_expires_at: datetime | None = None
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedInApp:
    """One app of LinkedIn's Developer Portal, and what it may ask of LinkedIn; the secret stays out of its repr."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...]
    auth_base_url: str

    def consent_url(self, *, state: str) -> str:
        """The address of LinkedIn's consent page for this app and its scopes."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": state,
            "scope": " ".join(self.scopes),
        }
        return f"{self.auth_base_url}/oauth/v2/authorization?{urlencode(query, quote_via=quote, safe='')}"

    def exchange_code(self, code: str, *, now: datetime) -> TokenGrant:
        """The tokens for an authorization code, which works once. Raises OAuthError."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        return _grant(_json_of(self._post("accessToken", form)), now=now)

    def refresh(self, refresh_token: str, *, now: datetime) -> TokenGrant:
        """New tokens for a refresh token, which LinkedIn may return unchanged, replaced or not at all.

        Raises OAuthError.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return _grant(_json_of(self._post("accessToken", form, connect_attempts=2)), now=now)

    def revoke(self, token: str) -> None:
        """End a token at LinkedIn. Raises OAuthError."""
        answer = self._post("revoke", {"token": token})
        # What a success contains is not documented; its status is enough.
        if not answer.ok or answer.is_redirect:
            _json_of(answer)

    def _post(self, endpoint: str, form: Mapping[str, str], *, connect_attempts: int = 1) -> requests.Response:
        credentials = {"client_id": self.client_id, "client_secret": self.client_secret}
        return _post(f"{self.auth_base_url}/oauth/v2/{endpoint}", {**form, **credentials}, connect_attempts)


def _post(url: str, form: dict[str, str], connect_attempts: int) -> requests.Response:
    never_arrived = False
    for _ in range(connect_attempts):
        try:
            # Redirects are refused: the form holds secrets, and LinkedIn's endpoint does not move.
            return requests.post(url, data=form, timeout=_TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            never_arrived = _never_arrived(error)
        if not never_arrived:
            break
    problem = "cannot be reached" if never_arrived else "did not answer"
    raise OAuthError(
        f"{_host(url)} {problem}; check LINKEDIN_AUTH_BASE_URL and the network, then try again.",
        kind="network",
    )


def _never_arrived(error: requests.RequestException) -> bool:
    """Whether the connection was never made, so that nothing was sent."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def _json_of(response: requests.Response) -> dict[str, object]:
    """The body of a successful response. Raises OAuthError."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if response.status_code == 200 and isinstance(body, dict):
        return body
    raise _error_of(response, body if isinstance(body, dict) else None)


def _error_of(response: requests.Response, body: dict[str, object] | None) -> OAuthError:
    host, status = _host(response.url), response.status_code
    if status >= 500:
        return OAuthError(f"{host} is having problems (HTTP {status}); try again in a few minutes.", kind="network")
    if status == 429:
        return OAuthError(f"{host} is limiting requests (HTTP 429); try again in a few minutes.", kind="throttled")
    if body is None:
        return OAuthError(
            f"{host} did not respond like LinkedIn (HTTP {status}, no JSON); "
            "check LINKEDIN_AUTH_BASE_URL and the network.",
            kind="network",
        )
    return _refusal(str(body.get("error", "")), str(body.get("error_description", "")), status=status)


def _refusal(error: str, description: str, *, status: int) -> OAuthError:
    """LinkedIn's refusal with its remedy; its own words are never repeated, because they may quote what was sent."""
    missing = re.search(r'required parameter "(\w+)" is missing', description)
    if missing and missing[1] in _MISSING_PARAMETER:
        return OAuthError(f"LinkedIn did not receive the {missing[1]}; {_MISSING_PARAMETER[missing[1]]}.")
    if error in {"invalid_client_id", "invalid_client"} or "Client authentication failed" in description:
        return OAuthError(_WRONG_APP)
    if "authorization code not found" in description:
        return OAuthError(_UNKNOWN_CODE)
    if error == "invalid_redirect_uri":
        return OAuthError(_WRONG_REDIRECT)
    if error == "invalid_grant" or "refresh token is invalid, expired or revoked" in description:
        return OAuthError(_DEAD_GRANT, grant_is_over=True)
    word = error if re.fullmatch(r"[a-z_]{1,40}", error) else "no reason given"
    return OAuthError(
        f"LinkedIn refused the request (HTTP {status}, {word}); {_CHECK_APP}, then connect LinkedIn again."
    )


def _grant(body: Mapping[str, object], *, now: datetime) -> TokenGrant:
    try:
        refresh_seconds = body.get("refresh_token_expires_in")
        return TokenGrant(
            access_token=_token(body["access_token"]),
            expires_at=now + _seconds(body["expires_in"]),
            refresh_token=_token(body["refresh_token"]) if body.get("refresh_token") else None,
            refresh_token_expires_at=None if refresh_seconds is None else now + _seconds(refresh_seconds),
            scopes=_scopes(body.get("scope")),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise OAuthError(
        f"LinkedIn's response has no usable access token; {_OPEN_AGAIN}, and report this if it happens again.",
        kind="data",
    )


def _token(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a token")
    return value


def _seconds(value: object) -> timedelta:
    if not isinstance(value, int | float | str):
        raise TypeError("not a number of seconds")
    return timedelta(seconds=int(value))


def _scopes(text: object) -> frozenset[str]:
    """LinkedIn documents spaces, URL-encoded, and sends commas."""
    if text is not None and not isinstance(text, str):
        raise TypeError("not a list of scopes")
    return frozenset(re.split(r"[,\s]+", unquote_plus(text or "").strip())) - {""}


def _host(url: str) -> str:
    return urlsplit(url).netloc or "LinkedIn"
