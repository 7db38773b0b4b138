"""Our sums against LinkedIn's own totals, day by day.

A day is *complete* when the rows of its campaigns, and those of its creatives, add up to the ad account's total
in impressions, clicks, spend and conversions; it *differs* otherwise, and is *missing* where LinkedIn counted
something and we hold nothing. What differs is requested once more, by campaign: an answer that was cut without
notice is then whole. The current day is not checked, because it is not over. Days that stayed incomplete and
that the run no longer requests are rechecked once a day.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from ingestion.linkedin import endpoints
from ingestion.models import IncompleteDay
from ingestion.sync import load
from ingestion.sync.coverage import CHECKED_DAYS
from ingestion.sync.daily_figures import DailySource
from ingestion.sync.load import DayKey, Table
from ingestion.sync.request_pool import Job, Jobs
from ingestion.sync.run import Run
from ingestion.sync.steps import Step
from ingestion.sync.windows import DayRange, Window

METRICS = ("impressions", "clicks", "spend", "conversions")
# Amounts are rounded to ten places row by row; a hundredth of a currency unit is beyond any such noise.
_SPEND_TOLERANCE = Decimal("0.01")
# A recheck stays far below any cut, and a run rechecks no more days than this.
_ROWS_PER_RECHECK = 400
_MAX_RECHECKED_DAYS = 60

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


def settle(run: Run, sources: Sequence[DailySource]) -> None:
    """Check the run's days, repair what can be repaired, and store what stays incomplete."""
    first_day, last_day = run.days
    last_day = min(last_day, run.fetched_at.date() - timedelta(days=1))
    if first_day > last_day:
        return
    earlier = _incomplete_before(first_day, run)

    def check() -> list[Gap]:
        found = gaps(ad_account_id=run.ad_account_id, first_day=min([first_day, *earlier]), last_day=last_day)
        return [gap for gap in found if gap.day >= first_day or gap.day in earlier]

    found = check()
    if found and _take_back(run, sources, found):
        found = check()
    unchecked = [gap for gap in found if not _was_rechecked_today(gap, run)]
    if unchecked:
        _recheck(run, sources, unchecked)
        found = check()
    checked = IncompleteDay.objects.filter(
        Q(date__range=(first_day, last_day)) | Q(date__in=earlier), account_id=run.ad_account_id
    )
    _store_incomplete(run, (first_day, last_day), found, checked)


def _incomplete_before(first_day: date, run: Run) -> set[date]:
    """Incomplete days that the run does not request anyway: rechecked once a day, so that none stays so for good."""
    days = IncompleteDay.objects.filter(account_id=run.ad_account_id, date__lt=first_day)
    return set(days.exclude(checked_at__range=_today(run)).values_list("date", flat=True))


def _was_rechecked_today(gap: Gap, run: Run) -> bool:
    """The same difference was seen and rechecked today: LinkedIn's own figures do not add up there."""
    known = IncompleteDay.objects.filter(account_id=run.ad_account_id, date=gap.day, checked_at__range=_today(run))
    return known.filter(differences=_as_json(gap)).exists()


def _today(run: Run) -> tuple[datetime, datetime]:
    midnight = run.fetched_at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight, midnight + timedelta(days=1)


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


def _recheck(run: Run, sources: Sequence[DailySource], found: Sequence[Gap]) -> None:
    """Request once more what differs, newest days first, a few campaigns at a time."""
    newest = sorted(found, key=lambda gap: gap.day, reverse=True)[:_MAX_RECHECKED_DAYS]
    creatives = load.creatives_per_campaign(ad_account_id=run.ad_account_id)
    jobs = [
        Job(partial(source.ask, window), partial(source.keep, window), run.ledger.step_failed)
        for source in sources
        for window in _recheck_windows(
            [gap.day for gap in newest if source.table.target.table in gap.differences],
            dict.fromkeys(creatives, 1) if source.table.target == load.CAMPAIGN_DAYS else creatives,
        )
    ]
    with run.ledger.step(Step.RECHECK):
        run.requests.run([Jobs(jobs)])


def _recheck_windows(days: Iterable[date], rows_per_campaign: Mapping[int, int]) -> Iterator[Window]:
    for day in days:
        for campaign_ids in _small_groups(rows_per_campaign):
            yield Window(day, day, _ROWS_PER_RECHECK, campaign_ids)


def _small_groups(rows_per_campaign: Mapping[int, int]) -> Iterator[tuple[int, ...]]:
    """Campaigns in groups of few rows; one with more than that is alone in its group."""
    group: list[int] = []
    rows = 0
    for campaign_id, count in rows_per_campaign.items():
        if group and rows + count > _ROWS_PER_RECHECK:
            yield tuple(group)
            group, rows = [], 0
        group.append(campaign_id)
        rows += count
    if group:
        yield tuple(group)


# --- What stays incomplete ---


def _store_incomplete(run: Run, days: DayRange, found: Sequence[Gap], checked: QuerySet[IncompleteDay]) -> None:
    """Replace what is stored of the days checked; a day that still differs keeps when it was first seen."""
    first_seen = dict(checked.values_list("date", "first_seen_at"))
    with transaction.atomic():
        run.coverage.record(CHECKED_DAYS, days)
        checked.exclude(date__in=[gap.day for gap in found]).delete()
        IncompleteDay.objects.bulk_create(
            [
                IncompleteDay(
                    account_id=run.ad_account_id,
                    date=gap.day,
                    state=IncompleteDay.State.MISSING if gap.is_missing else IncompleteDay.State.DIFFERS,
                    differences=_as_json(gap),
                    first_seen_at=first_seen.get(gap.day, run.fetched_at),
                    checked_at=run.fetched_at,
                )
                for gap in found
            ],
            update_conflicts=True,
            unique_fields=["account", "date"],
            update_fields=["state", "differences", "checked_at"],
        )
