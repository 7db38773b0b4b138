"""LinkedIn's twin as one object: requests in, answers out, no network.

`SimulatorAdapter` mounts it under a `requests` session, `serve` puts it on a port. All state is in memory.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from .analytics_rows import DayTotals
from .answers import Answer, Request, html_answer, json_answer, refused_answer
from .calls import Call, DataBudget, Ledger, Office
from .changes import Changes
from .clock import Clock
from .consent_page import welcome
from .control import answer_control
from .counters import Counters
from .errors import (
    Refused,
    method_not_allowed,
    not_found,
    param_invalid,
    token_empty,
    token_refused,
    too_long,
    version_inactive,
    version_missing,
)
from .faults import ConnectionReset, Faults
from .oauth import Hosts, SignIn
from .openid import SigningKey
from .operations import apply_change
from .paging import PagingOddities
from .present import Present
from .restli import is_structured
from .routes import endpoint_of, find_route, is_sign_in
from .tokens import DEFAULT_APPS, App, Grant, Issued, Token, Tokens
from .versions import is_active
from .world import World, WorldSize

LONGEST_QUERY = 4_096
DATA_LIMIT = 45_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """How the simulator behaves; the defaults are a well-behaved LinkedIn.

    `faults` are switched on at the start: names, or dictionaries with `name` and the fault's options.
    `warm_up_seconds` is how long a new token answers 401 65601. `metadata_end` is varied, absent, empty or
    null. `base_url` replaces what is read from the Host header in OpenID documents.
    """

    size: WorldSize = field(default_factory=WorldSize)
    now: datetime | None = None
    frozen: bool = False
    apps: Sequence[App] = DEFAULT_APPS
    faults: Sequence[str | Mapping[str, Any]] = ()
    auto_consent: bool = False
    scope_separator: str = ","
    warm_up_seconds: float = 0.0
    short_pages: bool = False
    metadata_end: str = "varied"
    active_versions: Sequence[str] | None = None
    data_limit: int = DATA_LIMIT
    base_url: str | None = None


class Simulator:
    """One simulated LinkedIn: world, clock, faults, consents and counters. Thread safe."""

    def __init__(
        self,
        options: Options | None = None,
        *,
        key: RSAPrivateKey | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.options = options or Options()
        self.clock = Clock(self.options.now, frozen=self.options.frozen)
        self.world = World(self.options.size, self.clock.today())
        self.changes = Changes()
        self.present = Present(self.world, self.changes, self.clock)
        self.faults = Faults(self.options.size.seed, self.clock)
        self.tokens = Tokens(self.clock)
        self.counters = Counters()
        self.apps = {app.client_id: app for app in self.options.apps}
        self._sleep = sleep
        self.office = Office(
            present=self.present,
            totals=DayTotals(),
            faults=self.faults,
            budget=DataBudget(self.clock, self.options.data_limit),
            ledger=Ledger(),
            oddities=PagingOddities(self.options.short_pages, self.options.metadata_end),
        )
        self._sign_in = SignIn(
            self.apps, self.tokens, self.world, self.clock, SigningKey(key),
            self.options.auto_consent, self.options.scope_separator,
        )  # fmt: skip
        for fault in self.options.faults:
            self.switch_on(**({"name": fault} if isinstance(fault, str) else dict(fault)))

    # for tests in the same process

    def switch_on(self, name: str, **options: Any) -> int:
        """Switch a fault on and give its number."""
        return self.faults.switch_on(name, token_serial=self.tokens.serial, **options)

    def switch_off(self, name: str | None = None, *, number: int | None = None) -> None:
        """Switch faults off: all, by name, or by number."""
        self.faults.switch_off(name, number=number)

    def change(self, name: str, /, **wanted: Any) -> dict[str, Any]:
        """Let something happen to the world."""
        return apply_change(self.present, name, wanted)

    def issue_token(
        self,
        *,
        member: int = 1,
        client_id: str | None = None,
        scopes: Sequence[str] = ("r_ads", "r_ads_reporting"),
    ) -> Issued:
        """Give tokens without the consent page; members count from 1."""
        app = self.apps[client_id] if client_id else next(iter(self.apps.values()))
        return self.tokens.issue(app, Grant(app.client_id, member - 1, tuple(scopes), self.clock.seconds()))

    # requests

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Answer one request; `target` is path and query as they were sent."""
        path, _, query = target.partition("?")
        request = Request(method, path, query, {name.lower(): value for name, value in headers.items()}, body)
        if path == "/" or path.startswith("/simulator"):
            return self._own_page(request)
        endpoint = endpoint_of(path)
        authorization = request.header("authorization")
        with self.counters.under_way(endpoint, authorization):
            answer = self._with_faults(request, endpoint)
            self.counters.answered(endpoint, 0 if answer.reset else answer.status)
        return answer

    def _own_page(self, request: Request) -> Answer:
        if request.path == "/":
            facts = {
                "ad accounts": str(self.world.size.ad_accounts),
                "seed": str(self.world.size.seed),
                "its clock": self.clock.now().isoformat(timespec="seconds"),
                "apps": ", ".join(self.apps),
            }
            return html_answer(200, welcome(facts))
        return answer_control(self, request)

    def _with_faults(self, request: Request, endpoint: str) -> Answer:
        if slow := self.faults.strike("slow", endpoint):
            self._sleep(1.0 if slow.seconds is None else slow.seconds)
        try:
            self.faults.disturb_connection(endpoint)
            answer = self._answer(request, endpoint)
        except ConnectionReset:
            return Answer(0, {}, b"", reset=True)
        except Refused as refused:
            answer = refused_answer(refused)
        answer = replace(answer, headers={**self._house_headers(request), **answer.headers})
        if answer.status == 200 and len(answer.body) > 1 and self.faults.strike("cut_body", endpoint):
            return replace(answer, cut_at=len(answer.body) // 2)
        return answer

    @staticmethod
    def _house_headers(request: Request) -> dict[str, str]:
        protocol = request.header("x-restli-protocol-version") or "1.0.0"
        return {
            "X-LI-UUID": uuid.uuid4().hex,
            "X-Li-Fabric": "prod-lva1",
            "X-Li-Pop": "simulated",
            "X-LI-Proto": "http/1.1",
            "X-RestLi-Protocol-Version": protocol,
        }

    def _answer(self, request: Request, endpoint: str) -> Answer:
        if is_sign_in(request.path):
            self.faults.throttle(endpoint)
            return self._sign_in.answer(request, self._hosts(request))
        return self._api(self._untunnelled(request), endpoint)

    def _hosts(self, request: Request) -> Hosts:
        scheme = request.header("x-forwarded-proto") or "http"
        base = self.options.base_url or f"{scheme}://{request.header('host') or 'localhost'}"
        return Hosts(base.rstrip("/"), base.rstrip("/").replace("://www.", "://api."))

    @staticmethod
    def _untunnelled(request: Request) -> Request:
        """Give the call itself: a POST that says it is a GET carries its query string as its body."""
        if request.method != "POST" or request.header("x-http-method-override").upper() != "GET":
            if len(request.raw_query) > LONGEST_QUERY or len(request.path) > LONGEST_QUERY:
                raise too_long()
            if request.method != "GET":
                raise method_not_allowed()
            return request
        if not request.header("content-type").startswith("application/x-www-form-urlencoded"):
            raise Refused(415, {"status": 415, "message": "Unsupported Media Type"})
        if not request.body and "content-length" not in request.headers:
            raise Refused(411, {"status": 411, "message": "Length Required"})
        return replace(request, method="GET", raw_query=request.body.decode("ascii", "replace"), body=b"")

    def _api(self, request: Request, endpoint: str) -> Answer:
        version = self._version(request)
        token = self._token(request, endpoint)
        route = find_route(request.path)
        if route is None:
            raise not_found()
        self.faults.throttle(endpoint)
        protocol_2 = request.header("x-restli-protocol-version") == "2.0.0"
        call = Call(self.office, endpoint, request, token, version, protocol_2, route[2])
        if not protocol_2:
            _refuse_new_syntax(request)
        return json_answer(200, route[1](call))

    def _version(self, request: Request) -> str:
        if not request.path.startswith("/rest/"):
            return ""
        version = request.header("linkedin-version")
        if not version:
            raise version_missing()
        active = is_active(version, self.clock.today(), only=self.options.active_versions)
        if not active or self.faults.sunset(version):
            raise version_inactive(version)
        return version

    def _token(self, request: Request, endpoint: str) -> Token:
        kind, _, text = request.header("authorization").partition(" ")
        if kind.lower() != "bearer" or not text.strip():
            raise token_empty()
        token = self.tokens.find(text.strip())
        if token is None or token.is_refresh:
            raise token_refused(65600)
        warm_up = self.options.warm_up_seconds
        if token.is_revoked or self.clock.seconds() < token.issued_at + warm_up:
            raise token_refused(65601)
        if token.expires_at <= self.clock.seconds():
            raise token_refused(65602)
        self.faults.disturb_token(endpoint, token.serial)
        return token


def _refuse_new_syntax(request: Request) -> None:
    """Without the 2.0.0 header LinkedIn reads protocol 1.0, in which lists and records are not values."""
    for part in request.raw_query.split("&"):
        name, _, value = part.partition("=")
        if name != "fields" and is_structured(value):
            raise param_invalid(name)
