"""A small simulated LinkedIn that stands still on 2026-11-21, and a caller for it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from ingestion.linkedin_simulator import Options, Simulator, WorldSize
from ingestion.linkedin_simulator.answers import Response

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
ACCOUNT = 500000001
ACCOUNTS_FACET = f"accounts=List(urn%3Ali%3AsponsoredAccount%3A{ACCOUNT})"
METRICS = (
    "impressions,clicks,costInLocalCurrency,landingPageClicks,externalWebsiteConversions,likes,comments,shares,"
    "follows,oneClickLeads,opens,sends"
)
ALL_SCOPES = ("r_ads", "r_ads_reporting", "r_organization_social")


class Caller:
    """Calls a simulator as an API client would, straight through `handle`."""

    def __init__(self, simulator: Simulator, *, member: int = 1, scopes: tuple[str, ...] = ALL_SCOPES) -> None:
        self.simulator = simulator
        self.issued = simulator.issue_token(member=member, scopes=scopes)
        self.headers = {
            "Authorization": f"Bearer {self.issued.access.text}",
            "LinkedIn-Version": "202607",
            "X-Restli-Protocol-Version": "2.0.0",
            "Host": "api.linkedin.com",
        }

    def answer(self, target: str, **headers: str) -> Response:
        changed = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.simulator.handle("GET", target, {name: value for name, value in changed.items() if value})

    def get(self, target: str) -> Any:
        answer = self.answer(target)
        assert answer.status == 200, answer.body[:500]
        return json.loads(answer.body)

    def error(self, target: str, **headers: str) -> tuple[int, Any]:
        answer = self.answer(target, **headers)
        return answer.status, json.loads(answer.body)

    def analytics(self, pivot: str, granularity: str, first: str, last: str, **changes: str) -> list[Any]:
        elements: list[Any] = self.get(analytics_target(pivot, granularity, first, last, **changes))["elements"]
        return elements


def day(text: str) -> str:
    year, month, number = map(int, text.split("-"))
    return f"(year:{year},month:{month},day:{number})"


def analytics_target(pivot: str, granularity: str, first: str, last: str, **changes: str) -> str:
    facet = changes.get("facet", ACCOUNTS_FACET)
    fields = changes.get("fields", f"dateRange,pivotValues,{METRICS}")
    return (
        f"/rest/adAnalytics?q=analytics&pivot={pivot}&timeGranularity={granularity}"
        f"&dateRange=(start:{day(first)},end:{day(last)})&{facet}" + (f"&fields={fields}" if fields else "")
    )


def make_simulator(key: RSAPrivateKey | None = None, **options: Any) -> Simulator:
    size = options.pop("size", WorldSize())
    settings = {"now": NOW, "frozen": True, **options}
    return Simulator(Options(size=size, **settings), key=key, sleep=lambda seconds: None)


@pytest.fixture(scope="session")
def signing_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def simulator(signing_key: RSAPrivateKey) -> Simulator:
    return make_simulator(signing_key)


@pytest.fixture
def caller(simulator: Simulator) -> Caller:
    return Caller(simulator)
