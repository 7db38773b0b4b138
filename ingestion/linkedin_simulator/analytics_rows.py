"""The rows of adAnalytics before they are printed: which days and entities, and their exact sums."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from .changes import WHOLE_ACCOUNT
from .figures import Figures, added, creative_day, restated, season
from .present import Present
from .segments import MEMBER_PIVOTS, split
from .world import AccountPlan, Habits

CREATIVE, CAMPAIGN, CAMPAIGN_GROUP, ACCOUNT = range(4)
PERFORMANCE_PIVOTS = {
    "CREATIVE": (CREATIVE, "sponsoredCreative"),
    "CAMPAIGN": (CAMPAIGN, "sponsoredCampaign"),
    "CAMPAIGN_GROUP": (CAMPAIGN_GROUP, "sponsoredCampaignGroup"),
    "ACCOUNT": (ACCOUNT, "sponsoredAccount"),
}
FACETS = {"creatives": CREATIVE, "campaigns": CAMPAIGN, "campaignGroups": CAMPAIGN_GROUP, "accounts": ACCOUNT}
_DAILY_RETENTION = timedelta(days=183)
_REMEMBERED_DAYS = 30_000


@dataclass(frozen=True, slots=True)
class AnalyticsQuery:
    """One adAnalytics call, understood."""

    pivots: tuple[str, ...]
    first_day: date
    last_day: date
    granularity: str
    facets: Mapping[str, frozenset[int]] = field(default_factory=dict)
    campaign_type: str | None = None

    @property
    def asks_members(self) -> bool:
        """Whether the pivot is about the members who saw the ads."""
        return self.pivots[0] in MEMBER_PIVOTS


class Bucket(NamedTuple):
    """A stretch of days that becomes one row per entity: shown as, and made of."""

    first_day: date
    last_day: date
    days: range


class Row(NamedTuple):
    """One row: when, what (one pivot value per pivot), how much."""

    bucket: Bucket
    values: tuple[str, ...]
    figures: Figures


class DayTotals:
    """Remembers the latest account-day sums: MEMBER pivots ask for the same ones eight times over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: OrderedDict[tuple[int, int, int], list[Figures]] = OrderedDict()

    def of(self, present: Present, account: AccountPlan, day: int) -> list[Figures]:
        """Give the sum of an ad account's day as a list of one row, or of none."""
        key = (account.id, day, present.changes.version)
        with self._lock:
            if key in self._totals:
                return self._totals[key]
        rows = list(_figures(present, account, present.habits(account), range(day, day + 1)))
        total = [added(rows)] if rows else []
        with self._lock:
            self._totals[key] = total
            if len(self._totals) > _REMEMBERED_DAYS:
                self._totals.popitem(last=False)
        return total


def rows(present: Present, totals: DayTotals, query: AnalyticsQuery, accounts: Sequence[AccountPlan]) -> Iterator[Row]:
    """Give the rows of the ad accounts the asker may read, by date and then entity."""
    buckets = _buckets(query, present.clock.today())
    if query.asks_members:
        return _member_rows(present, totals, query, accounts, buckets)
    return _performance_rows(present, totals, query, accounts, buckets)


def _performance_rows(
    present: Present,
    totals: DayTotals,
    query: AnalyticsQuery,
    accounts: Sequence[AccountPlan],
    buckets: list[Bucket],
) -> Iterator[Row]:
    if query.pivots == ("ACCOUNT",) and _is_whole_accounts(query):
        for bucket in buckets:
            for account in accounts:
                if found := [row for day in bucket.days for row in totals.of(present, account, day)]:
                    yield Row(bucket, (account.urn,), added(found))
        return
    groups = _groups(present, query, accounts)
    for bucket in buckets:
        for values, parts in groups:
            found = [row for account, habits in parts for row in _figures(present, account, habits, bucket.days)]
            if found:
                yield Row(bucket, values, added(found))


def _is_whole_accounts(query: AnalyticsQuery) -> bool:
    return set(query.facets) == {"accounts"} and query.campaign_type is None


_Parts = list[tuple[AccountPlan, list[Habits]]]


def _groups(
    present: Present, query: AnalyticsQuery, accounts: Sequence[AccountPlan]
) -> list[tuple[tuple[str, ...], _Parts]]:
    places = [PERFORMANCE_PIVOTS[pivot] for pivot in query.pivots]
    grouped: dict[tuple[int, ...], _Parts] = {}
    for account in accounts:
        for habits in _selected(present.habits(account), query):
            parts = grouped.setdefault(tuple(int(habits[place]) for place, _ in places), [])
            if not parts or parts[-1][0] is not account:
                parts.append((account, []))
            parts[-1][1].append(habits)
    return [
        (
            tuple(f"urn:li:{kind}:{number}" for number, (_, kind) in zip(key, places, strict=True)),
            grouped[key],
        )
        for key in sorted(grouped)
    ]


def _selected(habits: list[Habits], query: AnalyticsQuery) -> Iterator[Habits]:
    facets = [(FACETS[name], ids) for name, ids in query.facets.items()]
    kind = query.campaign_type
    for each in habits:
        if all(each[place] in ids for place, ids in facets) and (kind is None or each.campaign_type == kind):
            yield each


def _member_rows(
    present: Present,
    totals: DayTotals,
    query: AnalyticsQuery,
    accounts: Sequence[AccountPlan],
    buckets: list[Bucket],
) -> Iterator[Row]:
    size = present.world.size
    whole = _is_whole_accounts(query)
    chosen = [(account, [] if whole else list(_selected(present.habits(account), query))) for account in accounts]
    for bucket in buckets:
        found: list[Figures] = []
        for account, habits in chosen:
            if whole:
                found += [row for day in bucket.days for row in totals.of(present, account, day)]
            else:
                found += _figures(present, account, habits, bucket.days)
        if not found:
            continue
        audience = sum(account.id for account in accounts)
        day = bucket.first_day.replace(day=1).toordinal()
        for value, share in split(
            added(found),
            query.pivots[0],
            count=size.segments_per_pivot,
            seed=size.seed,
            audience=audience,
            day=day,
        ):
            yield Row(bucket, (value,), share)


def _figures(present: Present, account: AccountPlan, habits: list[Habits], days: range) -> Iterator[Figures]:
    """Give the rows of single creatives and days, with restated and erased days taken into account."""
    generations = present.changes.restated.get(account.id, {})
    erased = present.changes.erased.get(account.id, set())
    first_day = present.world.first_day
    for day in days:
        busy = season(day, first_day)
        generation = generations.get(day, 0)
        for each in habits:
            figures = creative_day(each, day, busy)
            if figures is None:
                continue
            if erased and ((each.id, day) in erased or (WHOLE_ACCOUNT, day) in erased):
                continue
            yield restated(figures, generation, each.key, day) if generation else figures


def _buckets(query: AnalyticsQuery, today: date) -> list[Bucket]:
    oldest = today.toordinal() - (730 if query.asks_members else 3652)
    buckets = []
    for first, last in _stretches(query):
        start, end = _widened(first, last, today) if query.granularity == "ALL" else (first, last)
        days = range(max(start.toordinal(), oldest), min(end, today).toordinal() + 1)
        if days:
            buckets.append(Bucket(first, last, days))
    return buckets


def _stretches(query: AnalyticsQuery) -> Iterator[tuple[date, date]]:
    first = query.first_day
    while first <= query.last_day:
        last = min(_end_of_stretch(first, query), query.last_day)
        yield first, last
        first = last + timedelta(days=1)


def _end_of_stretch(day: date, query: AnalyticsQuery) -> date:
    if query.granularity == "DAILY":
        return day
    if query.granularity == "MONTHLY":
        return _end_of_month(day)
    return date(day.year, 12, 31) if query.granularity == "YEARLY" else query.last_day


def _end_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _widened(first: date, last: date, today: date) -> tuple[date, date]:
    """ALL knows single days for six months only; an older boundary is moved to its whole month."""
    oldest = today - _DAILY_RETENTION
    return (
        first.replace(day=1) if first < oldest else first,
        _end_of_month(last) if last < oldest else last,
    )
