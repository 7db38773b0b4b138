"""Consents and tokens, kept in memory only: codes, access tokens, refresh tokens, and what ends them.

Source: LinkedIn's Authorization Code Flow, Refresh Tokens and Token Introspection pages.
"""

import secrets
import threading
from dataclasses import dataclass, replace

from .clock import Clock

CODE_SECONDS = 30 * 60
ACCESS_SECONDS = 60 * 86_400
REFRESH_SECONDS = 365 * 86_400
KNOWN_SCOPES = (
    "r_ads", "rw_ads", "r_ads_reporting", "r_organization_social", "r_organization_admin",
    "rw_organization_admin",
    "r_basicprofile", "r_marketing_leadgen_automation", "r_ads_leadgen_automation", "rw_dmp_segments",
    "rw_conversions", "openid", "profile", "email",
)  # fmt: skip
LOOPBACK_REDIRECTS = ("http://127.0.0.1:*/", "http://localhost:*/")


@dataclass(frozen=True, slots=True)
class App:
    """A LinkedIn application; `*` in a redirect URI stands for any port, or alone for any address."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...] = LOOPBACK_REDIRECTS
    has_refresh: bool = True
    scopes: tuple[str, ...] = KNOWN_SCOPES

    def allows_redirect(self, uri: str) -> bool:
        """Whether LinkedIn would send a member back there; query parameters are ignored."""
        return "#" not in uri and any(_matches(allowed, uri.partition("?")[0]) for allowed in self.redirect_uris)


def _matches(allowed: str, uri: str) -> bool:
    if allowed == "*" or uri == allowed:
        return True
    host, star, rest = allowed.partition(":*")
    if not star or not uri.startswith(host):
        return False
    port, _, path = uri[len(host) :].removeprefix(":").partition("/")
    return (not port or port.isdigit()) and f"/{path}".startswith(rest)


DEFAULT_APPS = (
    App("simulated-ads-app", "simulated-ads-secret"),
    App("simulated-login-app", "simulated-login-secret", has_refresh=False),
)


@dataclass(frozen=True, slots=True)
class Grant:
    """A member's consent to one app."""

    client_id: str
    member: int
    scopes: tuple[str, ...]
    given_at: float


@dataclass(slots=True)
class _Code:
    grant: Grant
    redirect_uri: str
    expires_at: float


@dataclass(slots=True)
class Token:
    """An access or refresh token; `serial` says in which order they were issued."""

    text: str
    grant: Grant
    issued_at: float
    expires_at: float
    serial: int
    is_refresh: bool = False
    is_revoked: bool = False

    def __repr__(self) -> str:
        return f"Token(serial={self.serial}, is_refresh={self.is_refresh}, is_revoked={self.is_revoked})"


@dataclass(frozen=True, slots=True)
class Issued:
    """What one token call hands out."""

    access: Token
    refresh: Token | None


class CodeUnknown(Exception):
    """The code was never given, was used, or is too old."""


class CodeMismatch(Exception):
    """The code belongs to another app or redirect URI, or has expired."""


class RefreshRefused(Exception):
    """The refresh token is dead, foreign, or the app has none."""


class Tokens:
    """Every consent, code and token of this run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._codes: dict[str, _Code] = {}
        self._tokens: dict[str, Token] = {}
        self._serial = 0
        self.grants: list[Grant] = []

    @property
    def serial(self) -> int:
        """The number of the latest token."""
        return self._serial

    def give_code(self, app: App, member: int, scopes: tuple[str, ...], redirect_uri: str) -> str:
        """Give a code after the member consented."""
        now = self._clock.seconds()
        code = "AQ" + secrets.token_urlsafe(90)
        with self._lock:
            grant = Grant(app.client_id, member, scopes, now)
            self._codes[code] = _Code(grant, redirect_uri, now + CODE_SECONDS)
        return code

    def redeem(self, app: App, code: str, redirect_uri: str) -> Issued:
        """Turn a code into tokens, once."""
        with self._lock:
            known = self._codes.get(code)
            if known is None:
                raise CodeUnknown
            if known.grant.client_id != app.client_id or known.redirect_uri != redirect_uri:
                raise CodeMismatch
            del self._codes[code]
            if self._clock.seconds() >= known.expires_at:
                raise CodeMismatch
            return self.issue(app, replace(known.grant, given_at=self._clock.seconds()))

    def issue(self, app: App, grant: Grant) -> Issued:
        """Give the tokens of a fresh consent; another scope set ends the member's earlier ones."""
        with self._lock:
            for token in self._of(grant.client_id, grant.member):
                if set(token.grant.scopes) != set(grant.scopes):
                    token.is_revoked = True
            self.grants.append(grant)
            refresh = None
            if app.has_refresh:
                refresh = self._new(grant, grant.given_at + REFRESH_SECONDS, is_refresh=True)
            return Issued(self._new(grant, grant.given_at + ACCESS_SECONDS), refresh)

    def refresh(self, app: App, text: str) -> Issued:
        """Give a new access token; the refresh token stays, its end does not move."""
        with self._lock:
            known, now = self._tokens.get(text), self._clock.seconds()
            dead = known is None or not known.is_refresh or known.is_revoked or known.expires_at <= now
            if known is None or dead or known.grant.client_id != app.client_id or not app.has_refresh:
                raise RefreshRefused
            return Issued(self._new(known.grant, min(now + ACCESS_SECONDS, known.expires_at)), known)

    def _new(self, grant: Grant, expires_at: float, *, is_refresh: bool = False) -> Token:
        self._serial += 1
        text = "AQ" + secrets.token_urlsafe(264)
        token = Token(text, grant, self._clock.seconds(), expires_at, self._serial, is_refresh)
        self._tokens[text] = token
        return token

    def find(self, text: str) -> Token | None:
        """Give what is known of a token, dead or alive."""
        with self._lock:
            return self._tokens.get(text)

    def revoke(self, token: Token) -> None:
        """End a token; a refresh token takes its whole consent along."""
        with self._lock:
            token.is_revoked = True
            if token.is_refresh:
                for each in self._of(token.grant.client_id, token.grant.member):
                    each.is_revoked = True

    def revoke_member(self, member: int, client_id: str | None = None) -> int:
        """End everything a member granted, as in LinkedIn's settings; give how many tokens died."""
        with self._lock:
            dying = [
                token
                for token in self._tokens.values()
                if token.grant.member == member and client_id in (None, token.grant.client_id)
            ]
            for token in dying:
                token.is_revoked = True
            self.grants = [
                grant for grant in self.grants
                if grant.member != member or client_id not in (None, grant.client_id)
            ]  # fmt: skip
            return len(dying)

    def _of(self, client_id: str, member: int) -> list[Token]:
        return [
            token
            for token in self._tokens.values()
            if token.grant.client_id == client_id and token.grant.member == member
        ]
