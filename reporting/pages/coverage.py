"""What the figures of a page rest on, in words, and the sync that would fetch what is missing."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse

from ingestion.sync.windows import DayRange
from ingestion.timetable import sync_requests
from reporting.periods import Period
from reporting.queries.coverage import Coverage, SelectionCoverage

_MAX_NAMED: Final = 3
# As many fit into an address; once they are synced, the page offers the others.
_MAX_SYNCED: Final = 100
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingDays:
    """The days of one period that are over and not stored; `ad_accounts` names whose they are, if not everybody's.

    `of` is how many days of the period have come.
    """

    of: int
    ranges: tuple[DayRange, ...]
    were_never_fetched: bool
    ad_account_ids: tuple[int, ...]
    ad_accounts: tuple[str, ...]

    @property
    def count(self) -> int:
        return sum((last - first).days + 1 for first, last in self.ranges)

    @property
    def ranges_named(self) -> tuple[DayRange, ...]:
        return self.ranges[:_MAX_NAMED]

    @property
    def more_ranges(self) -> int:
        return max(0, len(self.ranges) - _MAX_NAMED)

    @property
    def ad_accounts_named(self) -> tuple[str, ...]:
        return self.ad_accounts[:_MAX_NAMED]

    @property
    def more_ad_accounts(self) -> int:
        return max(0, len(self.ad_accounts) - _MAX_NAMED)


def missing_days(covered: SelectionCoverage, *, names: Mapping[int, str], today: date) -> MissingDays | None:
    """What is missing of a period, except for today, which is not over; None if nothing is."""
    one = covered.together
    ranges = tuple(_before(one.missing, today))
    if not ranges or not covered.by_ad_account:
        return None
    lacking = [pk for pk, each in covered.by_ad_account.items() if any(_before(each.missing, today))]
    is_everybodys = len(lacking) == len(covered.by_ad_account)
    return MissingDays(
        of=(min(one.period.last_day, today) - one.period.first_day).days + 1,
        ranges=ranges,
        were_never_fetched=not any(_overlaps(days, fetched) for days in ranges for fetched in one.fetched),
        ad_account_ids=tuple(lacking),
        ad_accounts=() if is_everybodys else tuple(names[pk] for pk in lacking),
    )


def has_any(covered: SelectionCoverage) -> bool:
    """Whether any day was ever fetched for any of the ad accounts, so that no figures mean no activity."""
    return any(one.fetched for one in covered.by_ad_account.values())


def plan_address(missing: Collection[MissingDays], *, today: date) -> str:
    """The plan of the sync that would fetch these days; empty if there is none to fetch or LinkedIn keeps none."""
    days = [day for one in missing for days in one.ranges for day in days]
    if not days:
        return ""
    ids = dict.fromkeys(pk for one in missing for pk in one.ad_account_ids)
    return plan_of_days(ids, min(days), max(days), today=today)


def plan_of_days(ad_account_ids: Iterable[int], first_day: date, last_day: date, *, today: date) -> str:
    """The plan of a sync of these days; empty if LinkedIn does not keep them."""
    try:
        sync_requests.check_days(first_day, last_day, today=today)
    except sync_requests.WrongDays:
        return ""
    values: list[tuple[str, object]] = [("ad_accounts", pk) for pk in list(ad_account_ids)[:_MAX_SYNCED]]
    return f"{reverse('reporting:plan')}?{urlencode([*values, ('first_day', first_day), ('last_day', last_day)])}"


def complete_through(known: date, lately: Coverage) -> date:
    """The last complete day so far, unless an earlier day of the period is not complete; since when any is stored."""
    since = max(lately.period.first_day, lately.stored_since or known)
    if since > lately.period.last_day:
        return known
    covered = lately.within(Period(since, lately.period.last_day))
    return min(known, covered.complete_through or since - _DAY)


def _before(ranges: Collection[DayRange], today: date) -> Iterator[DayRange]:
    return ((first, min(last, today - _DAY)) for first, last in ranges if first < today)


def _overlaps(one: DayRange, other: DayRange) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
