"""Audience demographics: eight pivots by calendar month, with the names of their segments."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from ingestion.linkedin import endpoints
from ingestion.linkedin.endpoints import ANALYTICS_ROW_LIMIT, DEMOGRAPHIC_PIVOTS, Page, Rejected
from ingestion.linkedin.errors import UnexpectedResponse
from ingestion.linkedin.records import DemographicMonthRecord
from ingestion.sync import coverage, load, names
from ingestion.sync.coverage import Coverage
from ingestion.sync.months import last_of_month, middle_month, whole_months
from ingestion.sync.repeated_rows import listed_twice
from ingestion.sync.request_pool import Job
from ingestion.sync.rows import keep_latest, segment_row
from ingestion.sync.run import Run
from ingestion.sync.windows import DayRange, without
from ingestion.timetable import ad_account_settings


@dataclass(frozen=True, slots=True)
class Months:
    """All months of a pivot; `cut` are those of which LinkedIn left rows out."""

    page: Page[DemographicMonthRecord]
    asked: DayRange
    cut: Sequence[date] = ()


# Answers by pivot type.
Segments = dict[str, Months]


def segment_jobs(run: Run, into: Segments) -> list[Job[Months]]:
    """One job per pivot for the months that are left; none where LinkedIn keeps no demographics that old."""

    def answered(pivot_type: str, months: Months) -> None:
        into[pivot_type] = months

    left = {
        pivot_type: months_left(pivot_type, run.coverage, days=run.days, today=run.fetched_at.date())
        for pivot_type in DEMOGRAPHIC_PIVOTS
    }
    return [
        Job(
            ask=partial(_ask, run, DEMOGRAPHIC_PIVOTS[pivot_type], *months),
            then=partial(answered, pivot_type),
            failed=run.ledger.step_failed,
        )
        for pivot_type, months in left.items()
        if months
    ]


def months_left(pivot_type: str, covered: Coverage, *, days: DayRange, today: date) -> DayRange | None:
    """The whole months that a sync of these days requests of a pivot, in one request.

    Months of the backfill whose figures are there, and that LinkedIn refused or a stopped sync did not come to, are
    among them until they are there, too.
    """
    dataset = coverage.segments(pivot_type)
    backfill_start = ad_account_settings.backfill_start(covered.ad_account_id, today=today)
    months, backfill = (
        whole_months(first_day=first_day, last_day=last_day, today=today)
        for first_day, last_day in (days, (backfill_start, today))
    )
    if months[0] > months[1]:
        return None
    known, figures = (
        coverage.covered(one, ad_account_id=covered.ad_account_id, now=covered.asked_at)
        for one in (dataset, coverage.CAMPAIGN_DAYS)
    )
    left = covered.days_left(dataset, months) + [
        (first_day, last_day)
        for first_day, last_day in without(backfill, known)
        if first_day <= months[1] and any(first <= last_day and first_day <= last for first, last in figures)
    ]
    return (min(first for first, _ in left).replace(day=1), months[1]) if left else None


def _ask(run: Run, pivot: str, first_month: date, last_day: date) -> Months:
    """One request; where LinkedIn cut the answer, one for each half of the months, down to a single one."""
    page = endpoints.demographic_months(
        run.requests.client, ad_account_id=run.ad_account_id, pivot=pivot, first_day=first_month, last_day=last_day
    )
    if page.received < ANALYTICS_ROW_LIMIT:
        return Months(page, (first_month, last_day))
    middle = middle_month(first_month, last_day)
    if middle == first_month:
        return Months(page, (first_month, last_day), [first_month])
    earlier = _ask(run, pivot, first_month, middle - timedelta(days=1))
    later = _ask(run, pivot, middle, last_day)
    both = Page(earlier.page.records + later.page.records, earlier.page.rejected + later.page.rejected)
    return Months(both, (first_month, last_day), [*earlier.cut, *later.cut])


def store(run: Run, segments: Segments) -> None:
    """Name the segments that are new, then store each pivot with its names."""
    segment_names = _name_segments(run, segments)
    for pivot_type, months in segments.items():
        run.ledger.store(load.SEGMENTS.table, months.page, partial(_write, run, pivot_type, months, segment_names))
        for month in months.cut:
            run.ledger.step_failed(_cut(pivot_type, month))
        if not months.cut:
            run.ledger.step_stored()
    load.name_segments(ad_account_id=run.ad_account_id, now=run.fetched_at)


def _cut(pivot_type: str, month: date) -> UnexpectedResponse:
    return UnexpectedResponse(
        f"LinkedIn cut the demographics by {pivot_type} of {month:%Y-%m} at {ANALYTICS_ROW_LIMIT} rows, and a month"
        " cannot be split further; what came is stored."
    )


def _write(run: Run, pivot_type: str, months: Months, segment_names: Mapping[str, str | None]) -> Sequence[Rejected]:
    """Upsert the months of one pivot; returns what LinkedIn listed twice."""
    _record(run, pivot_type, months)
    rows = (
        segment_row(
            record,
            ad_account_id=run.ad_account_id,
            pivot_type=pivot_type,
            segment_name=segment_names.get(record.segment),
        )
        for record in months.page.records
    )
    kept, repeated = keep_latest(rows, key_columns=len(load.SEGMENTS.key))
    answered = {record.first_day for record in months.page.records}
    # A record that could not be read may be any segment of any month.
    load.upsert_segments(kept, keep_others_of=answered if months.page.rejected else months.cut, now=run.fetched_at)
    if not months.page.rejected:
        _empty_months(run, pivot_type, months, answered=answered)
    return listed_twice(repeated)


def _empty_months(run: Run, pivot_type: str, months: Months, *, answered: Collection[date]) -> None:
    """Set the segments of months to zero of which LinkedIn no longer sends any."""
    stored = load.months_of_segments(
        ad_account_id=run.ad_account_id, pivot_type=pivot_type, first_day=months.asked[0], last_day=months.asked[1]
    )
    if gone := stored.difference(answered, months.cut):
        # LinkedIn also answers with nothing when access was lost a moment ago; this raises then.
        endpoints.ad_account(run.requests.client, ad_account_id=run.ad_account_id)
        load.set_segments_to_zero(
            ad_account_id=run.ad_account_id, pivot_type=pivot_type, months=gone, now=run.fetched_at
        )


def _record(run: Run, pivot_type: str, months: Months) -> None:
    """All months are covered; those that LinkedIn cut are not whole."""
    dataset = coverage.segments(pivot_type)
    run.coverage.record(dataset, months.asked)
    for month in months.cut:
        run.coverage.record(dataset, (month, min(last_of_month(month), months.asked[1])), is_whole=False)


def _name_segments(run: Run, segments: Segments) -> Mapping[str, str | None]:
    """Names by segment; those seen most are looked up first."""
    seen: Counter[str] = Counter()
    for months in segments.values():
        for record in months.page.records:
            seen[record.segment] += record.impressions or 0
    # Segments of earlier answers may have no name yet, because LinkedIn's limit left theirs for later.
    unnamed = load.unnamed_segments(ad_account_id=run.ad_account_id)
    wanted = dict.fromkeys([*(urn for urn, _ in seen.most_common()), *unnamed])
    known, unknown = names.unknown_urns(wanted, now=run.fetched_at)
    found: dict[str, str | None] = {**names.COMPANY_SIZES, **known}
    names.look_up_segments(run, unknown, into=found)
    return found
