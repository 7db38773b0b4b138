"""Who saw the ads: eight pivots by calendar month, with the names of their segments."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from ingestion import load, names
from ingestion.linkedin import endpoints
from ingestion.linkedin.endpoints import DEMOGRAPHIC_PIVOTS, Page, Rejected
from ingestion.linkedin.records import DemographicMonthRecord
from ingestion.months import whole_months
from ingestion.rows import keep_latest, segment_row
from ingestion.running import Run, listed_twice
from ingestion.side_by_side import Job

# Answers by pivot type, all months of it in one page.
Segments = dict[str, Page[DemographicMonthRecord]]


def segment_jobs(run: Run, into: Segments) -> list[Job]:
    """One request per pivot for all months; none where LinkedIn keeps no demographics that old."""
    first_day, last_day = run.days
    first_month, last = whole_months(first_day=first_day, last_day=last_day, today=run.fetched_at.date())
    if first_month > last:
        return []

    def answered(pivot_type: str, page: Page[DemographicMonthRecord]) -> None:
        into[pivot_type] = page

    return [
        Job(
            ask=partial(
                endpoints.demographic_months,
                run.client,
                ad_account_id=run.ad_account_id,
                pivot=pivot,
                first_day=first_month,
                last_day=last,
            ),
            then=partial(answered, pivot_type),
            failed=run.note,
        )
        for pivot_type, pivot in DEMOGRAPHIC_PIVOTS.items()
        if not run.is_pivot_answered(pivot_type)
    ]


def store(run: Run, segments: Segments) -> None:
    """Name the segments that are new, then store each pivot with its names."""
    segment_names = _name_segments(run, segments)
    run.step = "audience_demographics"
    for pivot_type, page in segments.items():
        run.pivot_answered(pivot_type)
        run.store(run.step, page, partial(_write, run, pivot_type, page, segment_names))
        run.done()


def _write(
    run: Run, pivot_type: str, page: Page[DemographicMonthRecord], segment_names: Mapping[str, str | None]
) -> Sequence[Rejected]:
    """Upsert the months of one pivot; returns what LinkedIn listed twice."""
    rows = (
        segment_row(
            record,
            ad_account_id=run.ad_account_id,
            pivot_type=pivot_type,
            segment_name=segment_names.get(record.segment),
        )
        for record in page.records
    )
    kept, repeated = keep_latest(rows, key_columns=len(load.SEGMENTS.key))
    load.upsert_segments(kept, now=run.fetched_at)
    return listed_twice(repeated)


def _name_segments(run: Run, segments: Segments) -> Mapping[str, str | None]:
    """Names by segment; those seen most are asked for first."""
    seen: Counter[str] = Counter()
    for page in segments.values():
        for record in page.records:
            seen[record.segment] += record.impressions or 0
    known, unknown = names.unknown_urns([urn for urn, _ in seen.most_common()], now=run.fetched_at)
    found: dict[str, str | None] = {**names.COMPANY_SIZES, **known}
    names.look_up_segments(run, unknown, into=found)
    return found
