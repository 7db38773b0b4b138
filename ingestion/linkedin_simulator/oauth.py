"""LinkedIn's sign-in host: consent, tokens, introspection, revocation, OpenID documents.

Source: LinkedIn's Authorization Code Flow, Refresh Tokens, Token Introspection and Sign In with LinkedIn
using OpenID Connect pages. Quirks kept: a dead refresh token is a 400 invalid_request; a code that nobody
knows is a 401 invalid_request.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from . import consent_page
from .answers import Request, Response, html_answer, json_answer, redirect
from .clock import Clock
from .openid import SigningKey, discovery, id_token, userinfo
from .tokens import App, CodeMismatch, CodeUnknown, Issued, RefreshRefused, Token, Tokens
from .world import World

_MISMATCH = (
    "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code. "
    "Or authorization code expired. Or external member binding exists"
)
_DEAD_REFRESH = "The provided authorization grant or refresh token is invalid, expired or revoked"
_NO_CODE = "Unable to retrieve access token: authorization code not found"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where the caller reaches the sign-in host and the API host."""

    sign_in: str
    api: str


class _OauthError(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status, self.error, self.description = status, error, description


@dataclass(frozen=True, slots=True)
class SignIn:
    """The sign-in host; `auto_consent` skips the page and says yes for the first member."""

    apps: Mapping[str, App]
    tokens: Tokens
    world: World
    clock: Clock
    key: SigningKey
    auto_consent: bool = False
    scope_separator: str = ","

    def answer(self, request: Request, hosts: Hosts) -> Response:
        """Give the answer to a sign-in address."""
        handlers: dict[str, Callable[[Request, Hosts], Response]] = {
            "/oauth/v2/authorization": self._authorization,
            "/oauth/v2/accessToken": self._posted(self._access_token),
            "/oauth/v2/introspectToken": self._posted(self._introspect),
            "/oauth/v2/revoke": self._posted(self._revoke),
            "/oauth/.well-known/openid-configuration": lambda _, at: json_answer(200, discovery(at.sign_in, at.api)),
            "/oauth/openid/jwks": lambda _, __: json_answer(200, self.key.published()),
        }
        return handlers[request.path](request, hosts)

    # consent

    def _authorization(self, request: Request, hosts: Hosts) -> Response:
        raw = request.body.decode() if request.method == "POST" else request.raw_query
        sent = dict(parse_qsl(raw, keep_blank_values=True))
        app, scopes = self.apps.get(sent.get("client_id", "")), tuple(sent.get("scope", "").split())
        problem = self._problem(app, scopes, sent)
        if app is None or problem:
            return html_answer(401, consent_page.refusal(problem or ""))
        if request.method != "POST" and not self.auto_consent:
            members = [" ".join(self.world.person_name(member)) for member in range(self.world.size.members)]
            return html_answer(200, consent_page.consent(app.client_id, scopes, members, sent))
        if request.method == "POST" and sent.get("decision") != "allow":
            return self._send_back(
                sent,
                error="user_cancelled_authorize",
                error_description="The user cancelled the authorization",
            )
        code = self.tokens.give_code(app, self._member(sent), scopes, sent["redirect_uri"])
        return self._send_back(sent, code=code)

    @staticmethod
    def _problem(app: App | None, scopes: Sequence[str], sent: Mapping[str, str]) -> str | None:
        if app is None:
            return "Client_id doesn't match"
        if not app.allows_redirect(sent.get("redirect_uri", "")):
            return "Redirect_uri doesn't match"
        if not scopes or set(scopes) - set(app.scopes):
            return "Invalid scope"
        return None if sent.get("response_type") == "code" else "Response_type must be code"

    def _member(self, sent: Mapping[str, str]) -> int:
        number = sent.get("member", "1")
        return int(number) - 1 if number.isdigit() and 0 < int(number) <= self.world.size.members else 0

    @staticmethod
    def _send_back(sent: Mapping[str, str], **parameters: str) -> Response:
        state = {"state": sent["state"]} if "state" in sent else {}
        joint = "&" if "?" in sent["redirect_uri"] else "?"
        return redirect(sent["redirect_uri"] + joint + urlencode({**parameters, **state}))

    # tokens

    def _posted(self, handler: Callable[[Mapping[str, str], Hosts], Response]) -> Callable[[Request, Hosts], Response]:
        def answer(request: Request, hosts: Hosts) -> Response:
            if request.method != "POST":
                return json_answer(405, {"status": 405, "message": "Method Not Allowed"})
            try:
                return handler(dict(parse_qsl(request.body.decode(), keep_blank_values=False)), hosts)
            except _OauthError as wrong:
                body = {"error": wrong.error, "error_description": wrong.description}
                return json_answer(wrong.status, body)

        return answer

    def _app(self, sent: Mapping[str, str]) -> App:
        _require(sent, "client_id", "client_secret")
        app = self.apps.get(sent["client_id"])
        if app is None:
            raise _OauthError(400, "invalid_client_id", f'The passed in client_id is invalid "{sent["client_id"]}"')
        if app.client_secret != sent["client_secret"]:
            raise _OauthError(401, "invalid_client_id", "Client authentication failed")
        return app

    def _access_token(self, sent: Mapping[str, str], hosts: Hosts) -> Response:
        _require(sent, "grant_type")
        if sent["grant_type"] == "authorization_code":
            _require(sent, "code", "redirect_uri", "client_id", "client_secret")
            return json_answer(200, self._issued(self._redeemed(sent), hosts))
        if sent["grant_type"] == "refresh_token":
            _require(sent, "refresh_token")
            try:
                issued = self.tokens.refresh(self._app(sent), sent["refresh_token"])
            except RefreshRefused:
                raise _OauthError(400, "invalid_request", _DEAD_REFRESH) from None
            return json_answer(200, self._issued(issued, hosts, with_identity=False))
        raise _OauthError(400, "invalid_request", "The passed in grant_type is invalid")

    def _redeemed(self, sent: Mapping[str, str]) -> Issued:
        try:
            return self.tokens.redeem(self._app(sent), sent["code"], sent["redirect_uri"])
        except CodeUnknown:
            raise _OauthError(401, "invalid_request", _NO_CODE) from None
        except CodeMismatch:
            raise _OauthError(400, "invalid_redirect_uri", _MISMATCH) from None

    def _issued(self, issued: Issued, hosts: Hosts, *, with_identity: bool = True) -> dict[str, object]:
        now, grant = self.clock.seconds(), issued.access.grant
        body: dict[str, object] = {
            "access_token": issued.access.text,
            "expires_in": round(issued.access.expires_at - now),
        }
        if issued.refresh is not None:
            body["refresh_token"] = issued.refresh.text
            body["refresh_token_expires_in"] = round(issued.refresh.expires_at - now)
        body["scope"] = self.scope_separator.join(sorted(grant.scopes))
        if "openid" in grant.scopes and with_identity:
            body["token_type"] = "Bearer"  # noqa: S105 - a kind, not a secret
            claims = userinfo(self.world, grant.member, grant.client_id, grant.scopes)
            body["id_token"] = id_token(self.key, f"{hosts.sign_in}/oauth", grant.client_id, claims)
        return body

    def _introspect(self, sent: Mapping[str, str], _: Hosts) -> Response:
        app = self._app(sent)
        token = self._known(sent)
        if token.grant.client_id != app.client_id:
            return json_answer(200, {"active": False})
        status = "revoked" if token.is_revoked else "active"
        if not token.is_revoked and token.expires_at <= self.clock.seconds():
            status = "expired"
        body = {
            "active": status == "active",
            "client_id": app.client_id,
            "authorized_at": int(token.grant.given_at),
            "created_at": int(token.issued_at),
            "status": status,
            "expires_at": int(token.expires_at),
            "scope": ",".join(sorted(token.grant.scopes)),
            "auth_type": "3L",
        }
        return json_answer(200, body)

    def _revoke(self, sent: Mapping[str, str], _: Hosts) -> Response:
        app = self._app(sent)
        token = self._known(sent)
        if token.grant.client_id == app.client_id:
            self.tokens.revoke(token)
        return json_answer(200, {})

    def _known(self, sent: Mapping[str, str]) -> Token:
        _require(sent, "token")
        token = self.tokens.find(sent["token"])
        if token is None:
            raise _OauthError(400, "invalid_request", "The passed in token is invalid")
        return token


def _require(sent: Mapping[str, str], *names: str) -> None:
    for name in names:
        if not sent.get(name):
            raise _OauthError(400, "invalid_request", f'A required parameter "{name}" is missing')
