"""LinkedIn's consent page and token endpoint; it knows no settings, no Django and no database.

Nothing is asked twice on its own: an authorization code works once. Only a refresh that never reached
LinkedIn is sent again. Errors are raised outside `except` blocks, so that no traceback leads to an exception
of requests, which holds the form that was sent.

Source: LinkedIn, "Authorization Code Flow" and "Programmatic Refresh Tokens", read 2026-11-21. Its document
does not name `/oauth/v2/revoke`; other clients use it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

import requests
from urllib3.exceptions import NewConnectionError

from accounts.errors import OAuthError

# Seconds to connect, and of silence while waiting for the answer.
_TIMEOUT: Final = (10, 30)

_OPEN_AGAIN = "open the consent page again"
_CHECK_APP = "check LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET"
_WRONG_APP = f"LinkedIn does not know this client id and secret; {_CHECK_APP}."
_UNKNOWN_CODE = (
    f"LinkedIn does not know this authorization code, because codes are used once and live 30 minutes; {_OPEN_AGAIN}."
)
_WRONG_REDIRECT = (
    "LinkedIn says that the redirect address does not match the consent or that the code has expired; "
    f"make LINKEDIN_REDIRECT_URI equal the registered one letter for letter, or {_OPEN_AGAIN}."
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

    No refresh token: the app may not renew by itself. No scopes: LinkedIn did not say which.
    """

    access_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str | None = field(default=None, repr=False)
    refresh_token_expires_at: datetime | None = None
    scopes: frozenset[str] = frozenset()


def authorization_url(*, auth_base_url: str, client_id: str, redirect_uri: str, scopes: list[str], state: str) -> str:
    """The address of LinkedIn's consent page."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "scope": " ".join(scopes),
    }
    return f"{auth_base_url}/oauth/v2/authorization?{urlencode(query, quote_via=quote, safe='')}"


def exchange_code(
    *,
    auth_base_url: str,
    client_id: str,
    client_secret: str,
    redirect_uri: str,
    code: str,
    now: datetime,
    session: requests.Session | None = None,
) -> TokenGrant:
    """The tokens for a code from the consent page. Raises OAuthError."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": client_id,
        "client_secret": client_secret,
        "redirect_uri": redirect_uri,
    }
    answer = _post(f"{auth_base_url}/oauth/v2/accessToken", form, session=session)
    return _grant(_json_of(answer), now=now)


def refresh(
    *,
    auth_base_url: str,
    client_id: str,
    client_secret: str,
    refresh_token: str,
    now: datetime,
    session: requests.Session | None = None,
) -> TokenGrant:
    """New tokens for a refresh token, which may come back the same, changed or not at all.

    Raises OAuthError.
    """
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": client_id,
        "client_secret": client_secret,
    }
    answer = _post(f"{auth_base_url}/oauth/v2/accessToken", form, session=session, connect_tries=2)
    return _grant(_json_of(answer), now=now)


def revoke(
    *,
    auth_base_url: str,
    client_id: str,
    client_secret: str,
    token: str,
    session: requests.Session | None = None,
) -> None:
    """End a token at LinkedIn. Raises OAuthError."""
    form = {"client_id": client_id, "client_secret": client_secret, "token": token}
    answer = _post(f"{auth_base_url}/oauth/v2/revoke", form, session=session)
    # What a success holds is not documented; its status is enough.
    if not answer.ok or answer.is_redirect:
        _json_of(answer)


def _post(
    url: str, form: Mapping[str, str], *, session: requests.Session | None, connect_tries: int = 1
) -> requests.Response:
    post = (session or requests).post
    never_arrived = False
    for _ in range(connect_tries):
        try:
            # Redirects are refused: the form holds secrets, and LinkedIn's endpoint does not move.
            return post(url, data=dict(form), timeout=_TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            never_arrived = _never_arrived(error)
        if not never_arrived:
            break
    does = "cannot be reached" if never_arrived else "did not answer"
    raise OAuthError(
        f"{_host(url)} {does}; check LINKEDIN_AUTH_BASE_URL and the network, then try again.",
        kind="network",
    )


def _never_arrived(error: requests.RequestException) -> bool:
    """Whether the connection was never made, so that nothing was sent."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def _json_of(answer: requests.Response) -> dict[str, Any]:
    """The body of a success. Raises OAuthError."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.status_code == 200 and isinstance(body, dict):
        return body
    raise _error_of(answer, body if isinstance(body, dict) else None)


def _error_of(answer: requests.Response, body: dict[str, Any] | None) -> OAuthError:
    host, status = _host(answer.url), answer.status_code
    if status >= 500:
        return OAuthError(f"{host} has trouble of its own (HTTP {status}); try again in a few minutes.", kind="network")
    if status == 429:
        return OAuthError(f"{host} asks to slow down (HTTP 429); try again in a few minutes.", kind="throttled")
    if body is None:
        return OAuthError(
            f"{host} did not answer like LinkedIn (HTTP {status}, no JSON); "
            "check LINKEDIN_AUTH_BASE_URL and the network.",
            kind="network",
        )
    return _refusal(str(body.get("error", "")), str(body.get("error_description", "")), status=status)


def _refusal(error: str, description: str, *, status: int) -> OAuthError:
    """LinkedIn's words as a sentence; they are matched, never repeated, for they may quote what was sent."""
    missing = re.search(r'required parameter "(\w+)" is missing', description)
    if missing and missing[1] in _MISSING_PARAMETER:
        return OAuthError(f"LinkedIn misses the {missing[1]}; {_MISSING_PARAMETER[missing[1]]}.")
    if error in {"invalid_client_id", "invalid_client"} or "Client authentication failed" in description:
        return OAuthError(_WRONG_APP)
    if "authorization code not found" in description:
        return OAuthError(_UNKNOWN_CODE)
    if error == "invalid_redirect_uri":
        return OAuthError(_WRONG_REDIRECT)
    if error == "invalid_grant" or "refresh token is invalid, expired or revoked" in description:
        return OAuthError(_DEAD_GRANT, grant_is_over=True)
    word = error if re.fullmatch(r"[a-z_]{1,40}", error) else "no reason given"
    return OAuthError(f"LinkedIn refuses (HTTP {status}, {word}); {_CHECK_APP}, then connect LinkedIn again.")


def _grant(body: Mapping[str, Any], *, now: datetime) -> TokenGrant:
    try:
        return TokenGrant(
            access_token=_token(body["access_token"]),
            expires_at=now + timedelta(seconds=int(body["expires_in"])),
            refresh_token=_token(body["refresh_token"]) if body.get("refresh_token") else None,
            refresh_token_expires_at=_end(body.get("refresh_token_expires_in"), now=now),
            scopes=_scopes(body.get("scope")),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise OAuthError(
        f"LinkedIn's answer holds no usable access token; {_OPEN_AGAIN}, and report this if it repeats.",
        kind="data",
    )


def _token(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a token")
    return value


def _end(seconds: Any, *, now: datetime) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=int(seconds))


def _scopes(text: Any) -> frozenset[str]:
    """LinkedIn documents spaces, URL-encoded, and sends commas."""
    return frozenset(re.split(r"[,\s]+", unquote_plus(text or "").strip())) - {""}


def _host(url: str) -> str:
    return urlsplit(url).netloc or "LinkedIn"
