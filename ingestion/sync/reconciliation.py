"""Our sums against LinkedIn's own totals, day by day.

A day is *complete* when the rows of its campaigns, and those of its creatives, add up to the ad account's total
in impressions, clicks, spend and conversions; it *differs* otherwise, and is *missing* where LinkedIn counted
something and we hold nothing. What differs is requested again in a few requests, also where the run itself no longer
requests the day, and then with its total; `rechecks.py` says when. Days that were stored and never checked, because
LinkedIn sent no totals then, get theirs in the same request. The current day is not checked, because it is not over.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

from django.db import connection, transaction
from django.db.models import Q

from ingestion.linkedin import endpoints
from ingestion.linkedin.endpoints import Page
from ingestion.linkedin.records import AccountDayRecord
from ingestion.models import AccountDailyTotal, IncompleteDay
from ingestion.sync import load, rechecks
from ingestion.sync.coverage import CHECKED_DAYS, TOTALS
from ingestion.sync.daily_figures import DailySource
from ingestion.sync.load import DayKey, Table
from ingestion.sync.rechecks import DueDay, Requests
from ingestion.sync.request_pool import Job, Jobs
from ingestion.sync.rows import account_day_row
from ingestion.sync.run import Run
from ingestion.sync.steps import Step
from ingestion.sync.windows import DayRange, merged

METRICS = ("impressions", "clicks", "spend", "conversions")
# Amounts are rounded to ten places row by row; a hundredth of a currency unit is beyond any such noise.
_SPEND_TOLERANCE = Decimal("0.01")

# Id of a campaign or creative, and a day.
RowKey = tuple[int | str, date]
# Our sum less LinkedIn's total, by table name and metric; only those that differ.
Differences = Mapping[str, Mapping[str, Decimal]]


@dataclass(frozen=True, slots=True)
class Gap:
    """A day that does not add up."""

    day: date
    differences: Differences
    is_missing: bool
    # Whether one of our tables has nothing of what LinkedIn counted.
    is_empty: bool


def settle(run: Run, sources: Sequence[DailySource]) -> None:
    """Check the run's days, repair what can be repaired, and store what stays incomplete."""
    first_day, last_day = run.days
    last_day = min(last_day, run.fetched_at.date() - timedelta(days=1))
    if first_day > last_day:
        return
    known = {one.date: one for one in IncompleteDay.objects.filter(account_id=run.ad_account_id)}
    earlier = {one.day for one in rechecks.due_before(first_day, known.values(), today=run.fetched_at.date())}
    earlier.update(rechecks.unchecked_before(first_day, ad_account_id=run.ad_account_id, now=run.fetched_at))
    calls = rechecks.MAX_CALLS
    if earlier:
        calls -= 1
        earlier = _refresh_totals(run, earlier)

    def check() -> list[Gap]:
        found = gaps(ad_account_id=run.ad_account_id, first_day=min([first_day, *earlier]), last_day=last_day)
        return [gap for gap in found if gap.day >= first_day or gap.day in earlier]

    found = check()
    if any(gap.is_empty and gap.day not in known for gap in found):
        # LinkedIn also answers with nothing when access was lost a moment ago; this raises then.
        endpoints.ad_account(run.requests.client, ad_account_id=run.ad_account_id)
    if found and _take_back(run, sources, found):
        found = check()
    before = {gap.day: _attempts(gap, known.get(gap.day)) for gap in found}
    after, requested = found, _recheck(run, sources, before.values(), calls=calls)
    if requested:
        after = check()
        if _take_back(run, sources, after):
            after = check()

    def attempts(gap: Gap) -> DueDay:
        so_far = before.get(gap.day) or _attempts(gap, None)
        if gap.day not in requested:
            return so_far
        return replace(so_far, rechecks=so_far.rechecks + 1 if gap in found else 1, rechecked_at=run.fetched_at)

    days = [_incomplete_day(run, gap, attempts(gap), known.get(gap.day)) for gap in after]
    checked = merged([(first_day, last_day), *((day, day) for day in earlier)])
    _store_incomplete(run, checked, days, Q(date__range=(first_day, last_day)) | Q(date__in=earlier))


def count_calls(*, ad_account_id: int, first_day: date, last_day: date, now: datetime) -> int:
    """How many requests for earlier days a run makes, if it finds them as they are stored."""
    today = now.date()
    last_day = min(last_day, today - timedelta(days=1))
    if first_day > last_day:
        return 0
    known = IncompleteDay.objects.filter(account_id=ad_account_id, date__lte=last_day)
    due = [rechecks.due_day(one) for one in known if rechecks.is_due(one.rechecks, one.rechecked_at, today=today)]
    unchecked = rechecks.unchecked_before(first_day, ad_account_id=ad_account_id, now=now)
    of_totals = int(bool(unchecked) or any(one.day < first_day for one in due))
    return of_totals + len(Requests(due, ad_account_id=ad_account_id, calls=rechecks.MAX_CALLS - of_totals).windows)


def _attempts(gap: Gap, known: IncompleteDay | None) -> DueDay:
    """How often the same difference was rechecked before; another one starts from none."""
    tables = rechecks.tables_to_request(gap.differences, is_missing=gap.is_missing)
    if known is None:
        return DueDay(gap.day, tables)
    return DueDay(gap.day, tables, known.rechecks if known.differences == _as_json(gap) else 0, known.rechecked_at)


def _as_json(gap: Gap) -> dict[str, dict[str, float]]:
    return {
        table: {name: float(value) for name, value in differences.items()}
        for table, differences in gap.differences.items()
    }


def gaps(*, ad_account_id: int, first_day: date, last_day: date) -> list[Gap]:
    """The days of the range that do not add up."""
    with connection.cursor() as cursor:
        cursor.execute(_GAPS, {"ad_account_id": ad_account_id, "first_day": first_day, "last_day": last_day})
        return [gap for gap in map(_gap, cursor.fetchall()) if gap.differences]


def _of(table: str) -> str:
    """The metrics of a day; zeros where the table has no such day."""
    return ", ".join(f"coalesce({table}.{name}, 0)" for name in METRICS)


_SUMS = ", ".join(f"sum({name}) AS {name}" for name in METRICS)
_GAPS = f"""
WITH total AS (
    SELECT date, {", ".join(METRICS)} FROM account_daily_totals
    WHERE account_id = %(ad_account_id)s AND date BETWEEN %(first_day)s AND %(last_day)s
), campaign AS (
    SELECT date, {_SUMS} FROM campaign_daily_metrics
    WHERE campaign_id IN (SELECT id FROM campaigns WHERE account_id = %(ad_account_id)s)
      AND date BETWEEN %(first_day)s AND %(last_day)s GROUP BY date
), creative AS (
    SELECT date, {_SUMS} FROM creative_daily_metrics
    WHERE creative_id IN (SELECT id FROM creatives WHERE account_id = %(ad_account_id)s)
      AND date BETWEEN %(first_day)s AND %(last_day)s GROUP BY date
)
SELECT date, {_of("total")}, {_of("campaign")}, {_of("creative")}
FROM total FULL JOIN campaign USING (date) FULL JOIN creative USING (date)
WHERE ({_of("total")}) <> ({_of("campaign")}) OR ({_of("total")}) <> ({_of("creative")})
ORDER BY date
"""  # noqa: S608


def _gap(row: tuple[date, *tuple[Decimal, ...]]) -> Gap:
    day, *values = row
    total, campaign, creative = (values[start : start + len(METRICS)] for start in range(0, len(values), len(METRICS)))
    sums = {load.CAMPAIGN_DAYS.table: campaign, load.CREATIVE_DAYS.table: creative}
    differences = {table: _differences(ours, total) for table, ours in sums.items()}
    return Gap(
        day=day,
        differences={table: found for table, found in differences.items() if found},
        is_missing=any(total) and not any(campaign) and not any(creative),
        is_empty=any(total) and not (any(campaign) and any(creative)),
    )


def _differences(ours: Sequence[Decimal | int], total: Sequence[Decimal | int]) -> dict[str, Decimal]:
    found = {name: Decimal(mine) - Decimal(theirs) for name, mine, theirs in zip(METRICS, ours, total, strict=True)}
    return {
        name: difference
        for name, difference in found.items()
        if abs(difference) > (_SPEND_TOLERANCE if name == "spend" else 0)
    }


# --- Figures that LinkedIn took back ---


def _take_back(run: Run, sources: Sequence[DailySource], found: Sequence[Gap]) -> bool:
    """Set rows that a fresh answer no longer holds to zero where the day's total then agrees."""
    gone = {source.table.target: _that_explain_the_gap(source, found) for source in sources}
    if not any(gone.values()):
        return False
    # LinkedIn also answers with nothing when access was lost a moment ago; this raises then.
    endpoints.ad_account(run.requests.client, ad_account_id=run.ad_account_id)
    with transaction.atomic():
        for target, keys in gone.items():
            if keys:
                load.set_to_zero(target, keys, now=run.fetched_at)
        run.ledger.beat()
    return True


def _that_explain_the_gap(source: DailySource, found: Sequence[Gap]) -> list[DayKey]:
    """The stale rows of those days on which they are exactly our surplus."""
    surplus = {gap.day: gap.differences.get(source.table.target.table, {}) for gap in found}
    stale = [key for key in source.stale if surplus.get(key[1])]
    sums = _sums(source.table.target, stale)
    explained = {day for day, sums_of_day in sums.items() if _same(sums_of_day, surplus[day])}
    return [key for key in stale if key[1] in explained]


def _sums(target: Table, keys: Sequence[DayKey]) -> dict[date, dict[str, Decimal]]:
    """Sums of the metrics of some rows, by day."""
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT date, {', '.join(f'sum({name})' for name in METRICS)} FROM {target.table}"  # noqa: S608
            f" JOIN unnest(%s::{target.key_type}[], %s::date[]) AS wanted (key, day)"
            f" ON {target.key[0]} = wanted.key AND date = wanted.day GROUP BY date",
            [[key for key, _ in keys], [day for _, day in keys]],
        )
        return {row[0]: dict(zip(METRICS, map(Decimal, row[1:]), strict=True)) for row in cursor.fetchall()}


def _same(sums: Mapping[str, Decimal], surplus: Mapping[str, Decimal]) -> bool:
    left = [sums[name] - surplus.get(name, Decimal(0)) for name in METRICS]
    return not _differences(left, [0] * len(METRICS))


# --- The recheck ---


def _refresh_totals(run: Run, days: Collection[date]) -> set[date]:
    """Request the totals of days that the run does not request; returns the days if they are stored, else none."""
    stored: set[date] = set()

    def store(page: Page[AccountDayRecord]) -> None:
        run.ledger.store(load.ACCOUNT_DAYS.table, page, partial(_write_totals, run, page, days))
        stored.update(days)

    ask = partial(
        endpoints.account_days,
        run.requests.client,
        ad_account_id=run.ad_account_id,
        first_day=min(days),
        last_day=max(days),
    )
    with run.ledger.step(Step.RECHECK):
        run.requests.run([Jobs([Job(ask, store, run.ledger.step_failed)])])
    return stored


def _write_totals(run: Run, page: Page[AccountDayRecord], days: Collection[date]) -> None:
    """Store the totals of the days given and of none between them, which have rows of their own time."""
    for one in merged((day, day) for day in days):
        run.coverage.record(TOTALS, one)
    rows = {row[1]: row for row in map(account_day_row, page.records)}
    load.upsert(load.ACCOUNT_DAYS, [row for day, row in rows.items() if day in days], now=run.fetched_at)
    stored = AccountDailyTotal.objects.filter(account=run.ad_account_id, date__in=set(days) - rows.keys())
    gone = list(stored.order_by("date").values_list("date", flat=True))
    if gone or not page.received:
        # LinkedIn answers with nothing, too, when access was lost a moment ago; this raises then.
        endpoints.ad_account(run.requests.client, ad_account_id=run.ad_account_id)
        load.set_to_zero(load.ACCOUNT_DAYS, [(run.ad_account_id, day) for day in gone], now=run.fetched_at)


def _recheck(run: Run, sources: Sequence[DailySource], found: Iterable[DueDay], *, calls: int) -> set[date]:
    """Request what differs again, where it is time to; returns the days requested."""
    today = run.fetched_at.date()
    due = [one for one in found if rechecks.is_due(one.rechecks, one.rechecked_at, today=today)]
    if not due:
        return set()
    requests = Requests(due, ad_account_id=run.ad_account_id, calls=calls)
    by_table = {source.table.target.table: source for source in sources}
    for source in sources:
        source.start_recheck()
    jobs = [
        Job(partial(source.ask, window), partial(source.keep, window), run.ledger.step_failed)
        for source, window in ((by_table[table], window) for table, window in requests.windows)
    ]
    with run.ledger.step(Step.RECHECK):
        run.requests.run([Jobs(jobs)])
    return requests.days


# --- What stays incomplete ---


def _incomplete_day(run: Run, gap: Gap, attempts: DueDay, known: IncompleteDay | None) -> IncompleteDay:
    """The row of a day that differs; one that still differs keeps when it was first seen."""
    return IncompleteDay(
        account_id=run.ad_account_id,
        date=gap.day,
        state=IncompleteDay.State.MISSING if gap.is_missing else IncompleteDay.State.DIFFERS,
        differences=_as_json(gap),
        first_seen_at=known.first_seen_at if known else run.fetched_at,
        checked_at=run.fetched_at,
        rechecks=attempts.rechecks,
        rechecked_at=attempts.rechecked_at,
    )


def _store_incomplete(run: Run, days: Iterable[DayRange], found: Sequence[IncompleteDay], checked: Q) -> None:
    """Replace what is stored of the days checked."""
    stored = IncompleteDay.objects.filter(checked, account_id=run.ad_account_id)
    with transaction.atomic():
        for one in days:
            run.coverage.record(CHECKED_DAYS, one)
        stored.exclude(date__in=[one.date for one in found]).delete()
        IncompleteDay.objects.bulk_create(
            found,
            update_conflicts=True,
            unique_fields=["account", "date"],
            update_fields=["state", "differences", "checked_at", "rechecks", "rechecked_at"],
        )
