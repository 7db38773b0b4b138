"""Broken elements, added to good pages, and broken optional fields of good elements.

A validator must reject the former and keep the latter without these fields, and people must be able to see both.
Each added element has an id or key of its own, so the good rows stay what they are. The same call gets the same ones.
"""

import json
from collections.abc import Callable, Iterable, Iterator

from .chance import chance
from .entities import Json

_FOREIGN_ID = 9_900_000_000_000
_DECIMALS = ("costInLocalCurrency", "costInUsd", "conversionValueInLocalCurrency")
Breakage = Callable[[Json], object]


def how_many(elements: int, share: float) -> int:
    """Give the number of broken elements for a page."""
    return 0 if not elements else max(1, round(elements * share))


def _set(*path: str, to: object) -> Breakage:
    def breakage(body: Json) -> None:
        inner = body
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = to

    return breakage


def _without(key: str) -> Breakage:
    return lambda body: body.pop(key, None)


_ENTITY = (
    ("id", _set("id", to=None)),
    ("id", _set("id", to="not-a-number")),
    ("id", _without("id")),
)
_CREATIVE = (
    ("id", _set("id", to=None)),
    ("campaign", _without("campaign")),
    ("campaign", _set("campaign", to="urn:li:sponsoredCampaign:not-a-number")),
    ("id", _without("id")),
)
_BREAKAGES = {
    "adAccounts": _ENTITY,
    "adCampaignGroups": _ENTITY,
    "adCampaigns": _ENTITY,
    "creatives": _CREATIVE,
}
_OPTIONAL_OF_ENTITY = (
    ("name", _set("name", to=["a", "list"])),
    (
        "changeAuditStamps",
        _set("changeAuditStamps", to={"created": {"time": "yesterday"}, "lastModified": {"time": "today"}}),
    ),
)
_OPTIONAL = {
    "adAccounts": _OPTIONAL_OF_ENTITY,
    "adCampaigns": (
        *_OPTIONAL_OF_ENTITY,
        ("dailyBudget", _set("dailyBudget", to={"currencyCode": "EUR"})),
        ("dailyBudget", _set("dailyBudget", to={"amount": "a lot", "currencyCode": "EUR"})),
        ("runSchedule", _set("runSchedule", to={"start": "soon"})),
        ("servingStatuses", _set("servingStatuses", to=["RUNNABLE", 7])),
    ),
    "creatives": (
        ("createdAt", _set("createdAt", to="yesterday")),
        ("isServing", _set("isServing", to="perhaps")),
        ("review", _set("review", to={"status": ["APPROVED"]})),
    ),
}


def broken_entities(
    endpoint: str, elements: list[Json], share: float, seed: int, shown: list[str] | None
) -> list[Json]:
    """Give broken copies for a page of entities; only fields that are `shown` (None: all) are broken."""
    breakages = _of_shown(_BREAKAGES.get(endpoint, ()), shown)
    broken = []
    for place in range(how_many(len(elements), share) if breakages else 0):
        stirred = chance(seed, endpoint, json.dumps(elements[0].get("id")), place)
        body: Json = json.loads(json.dumps(elements[stirred % len(elements)]))
        foreign = _FOREIGN_ID + stirred % 10**9
        body["id"] = f"urn:li:sponsoredCreative:{foreign}" if endpoint == "creatives" else foreign
        breakages[stirred // 7 % len(breakages)](body)
        broken.append(body)
    return broken


def with_broken_fields(
    endpoint: str, elements: list[Json], share: float, seed: int, shown: list[str] | None
) -> list[Json]:
    """Give the page again, optional fields of some of its elements broken; the page itself stays as it is."""
    breakages = _of_shown(_OPTIONAL.get(endpoint, ()), shown)
    page = list(elements)
    for place in range(min(len(page), how_many(len(page), share)) if breakages else 0):
        stirred = chance(seed, endpoint, json.dumps(elements[0].get("id")), "field", place)
        page[place] = json.loads(json.dumps(page[place]))
        breakages[stirred % len(breakages)](page[place])
    return page


def _of_shown(breakages: Iterable[tuple[str, Breakage]], shown: list[str] | None) -> list[Breakage]:
    """Those of fields that are shown; None: all are."""
    names = None if shown is None else {each.partition(":")[0] for each in shown}
    return [each for key, each in breakages if names is None or key in names]


def broken_rows(rows: list[str], room: int, share: float, seed: int) -> list[str]:
    """Give broken analytics elements for an answer; `room` is how many fit under LinkedIn's limit."""
    wanted = min(how_many(len(rows), share), room)
    if not wanted:
        return []
    sample: Json = json.loads(rows[0])
    breakages = list(_row_breakages(sample))
    return [json.dumps(_broken_row(sample, breakages, chance(seed, rows[0], place))) for place in range(wanted)]


def _broken_row(sample: Json, breakages: list[Breakage], stirred: int) -> Json:
    body: Json = json.loads(json.dumps(sample))
    if "pivotValues" in body:
        kind = body["pivotValues"][0].rpartition(":")[0] or "urn:li:sponsoredCampaign"
        body["pivotValues"] = [f"{kind}:{_FOREIGN_ID + stirred % 10**9}"]
    breakages[stirred // 11 % len(breakages)](body)
    return body


def _row_breakages(sample: Json) -> Iterator[Breakage]:
    counts = [name for name in sample if name not in (*_DECIMALS, "pivotValues", "dateRange")]
    for name in counts[:4]:
        yield _set(name, to=-7)
        yield _set(name, to="many")
        yield _set(name, to=4_294_967_296)
    for name in _DECIMALS:
        if name in sample:
            yield _set(name, to="12,50 EUR")
            yield _set(name, to={"amount": 3})
    if "pivotValues" in sample:
        yield _without("pivotValues")
        yield _set("pivotValues", to="urn:li:sponsoredCampaign:1")
    if "dateRange" in sample:
        yield _set("dateRange", "start", to={"year": 2026, "month": 2, "day": 30})
        yield _set("dateRange", to=None)
