"""One API call on its way through the handlers, and what all of them lean on."""

import threading
from collections import Counter, deque
from dataclasses import dataclass, field

from .analytics_rows import DayTotals
from .answers import Request
from .clock import Clock
from .dirty import broken_entities, with_broken_fields
from .entities import Json
from .errors import Refusal, access_denied, data_limit_exceeded, no_permission_on, not_found
from .faults import Faults
from .paging import PagingOddities, SimulatedListing, page
from .present import Present
from .restli import Parameters, split_top_level
from .tokens import Token
from .world import AccountPlan

_WINDOW_SECONDS = 300
_ADS = frozenset(("r_ads", "rw_ads"))
_SCOPES = {
    "adAnalytics": frozenset(("r_ads_reporting",)),
    "posts": frozenset(("r_organization_social", "rw_organization_admin")),
    "userinfo": frozenset(("openid", "profile")),
    "adTargetingEntities": frozenset[str](),
    "organizationsLookup": frozenset[str](),
}


class DataBudget:
    """Counts fields × records per app over five minutes."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._served: dict[str, deque[tuple[float, int]]] = {}
        self.limit = limit

    def check(self, client_id: str) -> None:
        """Refuse when the app has had its share of the last five minutes."""
        with self._lock:
            served = self._served.setdefault(client_id, deque())
            while served and served[0][0] <= self._clock.seconds() - _WINDOW_SECONDS:
                served.popleft()
            if sum(values for _, values in served) >= self.limit:
                raise data_limit_exceeded()

    def spend(self, client_id: str, values: int) -> None:
        """Count an answer."""
        with self._lock:
            self._served.setdefault(client_id, deque()).append((self._clock.seconds(), values))


@dataclass(frozen=True, slots=True)
class Rejection:
    """A broken element that was served, which a client must reject."""

    endpoint: str
    element: Json


class Ledger:
    """What was served: elements per endpoint, and the broken ones among them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.received: Counter[str] = Counter()
        self.rejections: list[Rejection] = []

    def served(self, endpoint: str, elements: int, broken: list[Json]) -> None:
        """Count elements sent, broken ones included."""
        with self._lock:
            self.received[endpoint] += elements
            self.rejections += [Rejection(endpoint, element) for element in broken]

    def clear(self) -> None:
        """Start counting again from zero."""
        with self._lock:
            self.received.clear()
            self.rejections.clear()


@dataclass(frozen=True, slots=True)
class Office:
    """What every handler may use."""

    present: Present
    totals: DayTotals
    faults: Faults
    budget: DataBudget
    ledger: Ledger
    oddities: PagingOddities

    @property
    def seed(self) -> int:
        """The world's seed."""
        return self.present.world.size.seed


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated API call."""

    office: Office
    endpoint: str
    request: Request
    token: Token
    version: str
    protocol_2: bool
    keys: tuple[str, ...] = field(default=())

    @property
    def member(self) -> int:
        """Whose token it is."""
        return self.token.grant.member

    def parameters(self, *allowed: str) -> Parameters:
        """Read the query string; `q` and `fields` are allowed everywhere."""
        return Parameters(self.request.raw_query, allowed={"q", "fields", *allowed}, protocol_2=self.protocol_2)

    def finder(self) -> str:
        """Give the finder's name before the parameters are read strictly."""
        pairs = (part.partition("=") for part in self.request.raw_query.split("&"))
        return next((value for name, _, value in pairs if name == "q"), "")

    def require_scope(self, resource: str) -> None:
        """Refuse a token whose consent does not cover the endpoint."""
        needed = _SCOPES.get(self.endpoint, _ADS)
        if needed and not needed.intersection(self.token.grant.scopes):
            finder = self.finder()
            raise access_denied(f"{resource}.{f'FINDER-{finder}' if finder else 'GET'}", self.version)

    # access

    def sees(self, account: AccountPlan) -> bool:
        """Whether the member has a role, so that searches list the ad account."""
        lost = self.office.faults.concerns("lost_role", account.id)
        return not lost and self.office.present.role(self.member, account) is not None

    def may_read(self, account: AccountPlan) -> bool:
        """Whether reading inside the ad account is allowed."""
        refused = account.id in self.office.present.changes.refused_accounts
        return self.sees(account) and not refused and not self.office.faults.concerns("refused_account", account.id)

    def account(self, key: str) -> AccountPlan:
        """Give the ad account in the path, or refuse."""
        account = self.office.present.account(int(key)) if key.isdigit() else None
        if account is None:
            raise not_found()
        if not self.may_read(account):
            raise no_permission_on(account.urn)
        return account

    # answers

    def listed(self, parameters: Parameters, listing: SimulatedListing) -> Json:
        """Give a page, with whatever is wrong with it today."""
        answer = page(parameters, listing, self.office.oddities, self.office.seed)
        if parameters.has("pageToken") and self.office.faults.strike("looping_page_token", self.endpoint):
            answer["metadata"] = {"nextPageToken": parameters.text("pageToken")}
        elements, broken, fields = answer["elements"], [], parameters.fields()
        if elements and (fault := self.office.faults.strike("dirty_records", self.endpoint)):
            broken = broken_entities(self.endpoint, elements, fault.share, self.office.seed, fields)
        if elements and (fault := self.office.faults.strike("dirty_fields", self.endpoint)):
            elements = with_broken_fields(self.endpoint, elements, fault.share, self.office.seed, fields)
        answer["elements"] = [projected(element, fields) for element in [*elements, *broken]]
        shown = answer["elements"][len(elements) :]
        self.office.ledger.served(self.endpoint, len(answer["elements"]), shown)
        return answer

    def canonical_query(self) -> str:
        """Give what a page token is bound to: everything but the paging itself."""
        parts = [part for part in self.request.raw_query.split("&") if not part.startswith(("pageToken=", "pageSize="))]
        return f"{self.request.path}?{'&'.join(sorted(parts))}"

    def batch(self, bodies: dict[str, Json | Refusal], *, with_statuses: bool = True) -> Json:
        """Give a batch answer: results, statuses and errors by key."""
        results = {key: body for key, body in bodies.items() if not isinstance(body, Refusal)}
        errors = {key: body.body for key, body in bodies.items() if isinstance(body, Refusal)}
        statuses = {key: body.status if isinstance(body, Refusal) else 200 for key, body in bodies.items()}
        return {"results": results, "statuses": statuses if with_statuses else {}, "errors": errors}


def projected(body: Json, fields: list[str] | None) -> Json:
    """Give only the fields asked for; `parent:(child)` goes one level down."""
    if fields is None:
        return body
    shown: Json = {}
    for field_name in fields:
        name, nested, rest = field_name.partition(":")
        if name not in body:
            continue
        value = body[name]
        inner = split_top_level(rest.removeprefix("(").removesuffix(")")) if nested else None
        shown[name] = projected(value, inner) if isinstance(value, dict) else value
    return shown
