"""What can go wrong, by name: switched on at the start or while running, alone or together.

A fault may be limited to an endpoint ("adAnalytics"), to a number of strikes (`count`), or to some calls
(`probability`, drawn from the seed so that a run can be repeated).
"""

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from .chance import chance
from .clock import Clock
from .errors import (
    data_limit_exceeded,
    field_invalid,
    gateway_timeout,
    internal_error_page,
    no_permission_on,
    throttled,
    token_refused,
    under_maintenance,
    urn_not_accepted,
)

NAMES = {
    "flaky": "random HTML 500, 503, 504 and connection resets (probability 0.2, kinds)",
    "throttle_minute": "429 MINUTE (retry_after; seconds until it ends)",
    "throttle_day": "429 DAY until 00:00 UTC of the simulator's clock, of every endpoint or of the one named"
    " (limit APPLICATION or APPLICATION_AND_MEMBER)",
    "data_limit": "429 of the 45 million metric values (adAnalytics; seconds until it ends)",
    "cut_body": "the connection closes in the middle of the body",
    "slow": "every answer takes longer (seconds, default 1)",
    "short_answers": "adAnalytics by campaign or creative gives its first rows only, silently (rows, default 500)",
    "dirty_records": "broken elements are added to pages (share of the page, default 0.1)",
    "dirty_fields": "optional fields of listed entities are broken (share of the page, default 0.1)",
    "looping_page_token": "the second page names itself as the next one",
    "dead_token": "401 on every API call (code 65600, 65601 or 65602)",
    "expired_token": "401 65602 for every token issued before now; a refresh helps",
    "sunset_version": "426 (version, or every version)",
    "refused_account": "403 on one ad account, its analytics are empty (ad_account)",
    "lost_role": "the ad account is gone from search and users, 403 on reads, analytics empty (ad_account)",
    "posts_forbidden": "403 on posts",
    "refused_urn": "400 (or the status given) on names or posts if one URN is among those asked for"
    " (urn; without it every one)",
    "refused_pivot": "400 on demographics by one pivot (pivot; without it every one)",
    "wrong_totals": "adAnalytics by ad account counts more impressions than its campaigns had (by, default 1; day)",
}
FLAKY_KINDS = ("500", "503", "504", "reset")
_OPEN_TO_SIGN_IN = ("accessToken", "authorization", "introspectToken", "revoke", "openid", "userinfo")


class ConnectionReset(Exception):
    """The simulated peer hangs up without an answer."""


@dataclass(slots=True)
class Fault:
    """One fault that is switched on, and how far it reaches."""

    name: str
    endpoint: str | None = None
    probability: float | None = None
    count: int | None = None
    seconds: float | None = None
    retry_after: int | None = None
    ad_account: int | None = None
    version: str | None = None
    urn: str | None = None
    pivot: str | None = None
    status: int = 400
    by: int = 1
    day: str | None = None
    code: int = 65601
    limit: str = "APPLICATION_AND_MEMBER"
    kinds: tuple[str, ...] = FLAKY_KINDS
    share: float = 0.1
    rows: int = 500
    ends_at: float | None = None
    token_serial: int = 0
    number: int = 0
    strikes: int = 0
    rolls: int = field(default=0)

    def reaches(self, endpoint: str) -> bool:
        """Whether the fault concerns an endpoint; sign-in only where it is named."""
        if self.endpoint is not None:
            return self.endpoint == endpoint
        return endpoint not in _OPEN_TO_SIGN_IN


class Faults:
    """The faults that are switched on now."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self._seed = seed
        self._clock = clock
        self._lock = threading.Lock()
        self._on: list[Fault] = []
        self._numbers = 0

    def switch_on(self, name: str, *, token_serial: int = 0, **options: Any) -> int:
        """Add a fault and give its number; raise ValueError for one we do not know."""
        if name not in NAMES:
            raise ValueError(f"unknown fault {name!r}; known are {', '.join(NAMES)}")
        unknown = set(options) - {each.name for each in fields(Fault)}
        if unknown:
            raise ValueError(f"unknown fault option {sorted(unknown)[0]!r}")
        fault = Fault(name=name, token_serial=token_serial, **options)
        if fault.status not in (400, 403):
            raise ValueError("LinkedIn refuses a URN with status 400 or 403")
        fault.kinds = tuple(fault.kinds)
        if unknown_kinds := set(fault.kinds) - set(FLAKY_KINDS):
            raise ValueError(f"unknown kind {sorted(unknown_kinds)[0]!r}; known are {', '.join(FLAKY_KINDS)}")
        fault.ends_at = self._end_of(fault)
        with self._lock:
            self._numbers += 1
            fault.number = self._numbers
            self._on.append(fault)
        return fault.number

    def _end_of(self, fault: Fault) -> float | None:
        if fault.name == "throttle_day":
            tomorrow = self._clock.today() + timedelta(days=1)
            return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=UTC).timestamp()
        if fault.seconds is not None and fault.name in ("throttle_minute", "data_limit"):
            return self._clock.seconds() + fault.seconds
        return None

    def switch_off(self, name: str | None = None, *, number: int | None = None) -> None:
        """Remove all faults, those of one name, or one by its number."""
        with self._lock:
            self._on = [
                fault
                for fault in self._on
                if (name is not None and fault.name != name) or (number is not None and fault.number != number)
            ]

    def on(self) -> list[dict[str, object]]:
        """Give what is switched on, for people."""
        with self._lock:
            return [asdict(fault) for fault in self._on]

    def strike(self, name: str, endpoint: str, *, rows: int | None = None) -> Fault | None:
        """Give the fault if it hits this call, and count the hit; an answer of few `rows` is spared."""
        now = self._clock.seconds()
        with self._lock:
            for fault in self._on:
                if fault.name != name or not fault.reaches(endpoint) or (rows is not None and rows <= fault.rows):
                    continue
                if self._hits(fault, now):
                    fault.strikes += 1
                    return fault
        return None

    def _hits(self, fault: Fault, now: float) -> bool:
        if fault.ends_at is not None and now >= fault.ends_at:
            return False
        if fault.count is not None and fault.strikes >= fault.count:
            return False
        probability = fault.probability
        if probability is None:
            probability = 0.2 if fault.name == "flaky" and fault.count is None else 1.0
        fault.rolls += 1
        return chance(self._seed, fault.name, fault.number, fault.rolls) % 1_000_000 < probability * 1_000_000

    def concerns(self, name: str, ad_account: int) -> bool:
        """Whether a fault about access is on for an ad account."""
        with self._lock:
            return any(fault.name == name and fault.ad_account in (None, ad_account) for fault in self._on)

    def wrong_totals(self, ad_account: int, day: str) -> int:
        """How many impressions LinkedIn's own total of a day has too many."""
        with self._lock:
            return sum(
                fault.by
                for fault in self._on
                if fault.name == "wrong_totals" and fault.ad_account in (None, ad_account) and fault.day in (None, day)
            )

    # what a call meets, in order

    def disturb_connection(self, endpoint: str) -> None:
        """Fail as networks and gateways do."""
        fault = self.strike("flaky", endpoint)
        if fault is None:
            return
        kind = fault.kinds[chance(self._seed, "kind", fault.number, fault.rolls) % len(fault.kinds)]
        if kind == "reset":
            raise ConnectionReset
        raise {"500": internal_error_page, "503": under_maintenance, "504": gateway_timeout}[kind]()

    def disturb_token(self, endpoint: str, token_serial: int) -> None:
        """Refuse a token that is really good."""
        if dead := self.strike("dead_token", endpoint):
            raise token_refused(dead.code)
        with self._lock:
            expired = [fault for fault in self._on if fault.name == "expired_token" and fault.reaches(endpoint)]
        if any(token_serial <= fault.token_serial for fault in expired):
            raise token_refused(65602)

    def throttle(self, endpoint: str) -> None:
        """Refuse with one of the 429s."""
        if fault := self.strike("throttle_day", endpoint):
            raise throttled(f"{fault.limit} DAY", fault.retry_after)
        if fault := self.strike("throttle_minute", endpoint):
            raise throttled(f"{fault.limit} MINUTE", fault.retry_after)
        if endpoint == "adAnalytics" and self.strike("data_limit", endpoint):
            raise data_limit_exceeded()

    def refuse_urns(self, endpoint: str, urns: Sequence[str]) -> None:
        """Refuse a whole batch because of one URN in it."""
        now = self._clock.seconds()
        with self._lock:
            for fault in self._on:
                if fault.name != "refused_urn" or fault.urn not in (None, *urns) or not fault.reaches(endpoint):
                    continue
                if urns and self._hits(fault, now):
                    fault.strikes += 1
                    urn = fault.urn or urns[0]
                    raise no_permission_on(urn) if fault.status == 403 else urn_not_accepted(urn)

    def refuse_pivot(self, pivot: str) -> None:
        """Refuse demographics by one pivot."""
        with self._lock:
            for fault in self._on:
                if fault.name == "refused_pivot" and fault.pivot in (None, pivot):
                    fault.strikes += 1
                    raise field_invalid("pivot", f"ERROR :: /pivot :: {pivot} is not supported")

    def sunset(self, version: str) -> bool:
        """Whether a version is refused although it is active."""
        with self._lock:
            return any(fault.name == "sunset_version" and fault.version in (None, version) for fault in self._on)
