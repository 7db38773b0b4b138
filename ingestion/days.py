"""Daily figures of one ad account: which windows to ask for, and what to do with each answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ingestion import load
from ingestion.linkedin import endpoints
from ingestion.linkedin.endpoints import ANALYTICS_ROW_LIMIT, Page, Rejected
from ingestion.linkedin.errors import LinkedInError, UnexpectedResponse
from ingestion.load import Target
from ingestion.rows import Row, campaign_day_row, creative_day_row, keep_latest
from ingestion.side_by_side import Job
from ingestion.sync_runs import Run, listed_twice
from ingestion.windows import CannotSplit, ExpectedRows, Window, Windows


@dataclass(frozen=True, slots=True)
class DailyTable:
    """One pivot of LinkedIn's daily figures and the table it fills."""

    target: Target
    parents: Target
    ask: Callable[..., Page[Any]]
    row: Callable[[Any], Row]
    add_stubs: Callable[..., None]


CAMPAIGN_DAYS = DailyTable(
    target=load.CAMPAIGN_DAYS,
    parents=load.CAMPAIGNS,
    ask=endpoints.campaign_days,
    row=campaign_day_row,
    add_stubs=load.add_stub_campaigns,
)
CREATIVE_DAYS = DailyTable(
    target=load.CREATIVE_DAYS,
    parents=load.CREATIVES,
    ask=endpoints.creative_days,
    row=creative_day_row,
    add_stubs=load.add_stub_creatives,
)


def expected_rows(
    table: DailyTable, *, ad_account_id: int, first_day: date, last_day: date, entity_days: Sequence[date]
) -> ExpectedRows:
    """What the days can hold, from the entities and from what is stored."""
    stored = load.rows_per_day(table.target, ad_account_id=ad_account_id, first_day=first_day, last_day=last_day)
    return ExpectedRows(entity_days, stored, min(stored, default=None), max(stored, default=None))


class DaysSource:
    """Asks for the windows of one daily table and stores each answer."""

    def __init__(self, run: Run, table: DailyTable, *, entity_days: Sequence[date]) -> None:
        first_day, last_day = run.days
        self._run = run
        self._table = table
        self._windows = Windows(
            first_day=first_day,
            last_day=last_day,
            expected=expected_rows(
                table,
                ad_account_id=run.ad_account_id,
                first_day=first_day,
                last_day=last_day,
                entity_days=entity_days,
            ),
        )
        self._known = load.known_ids(table.parents, ad_account_id=run.ad_account_id)

    def calls_left(self) -> int:
        return self._windows.calls_left()

    def next_job(self) -> Job | None:
        window = self._windows.next()
        if window is None:
            return None
        return Job(
            ask=lambda: self._ask(window),
            then=lambda page: self._answered(window, page),
            failed=self._gave_up,
        )

    def _ask(self, window: Window) -> Page[Row]:
        """One answer as rows: they take half the memory of the records, and several answers wait at once."""
        page = self._table.ask(
            self._run.client,
            ad_account_id=self._run.ad_account_id,
            first_day=window.first_day,
            last_day=window.last_day,
            campaign_ids=window.campaign_ids,
        )
        return Page([self._table.row(record) for record in page.records], page.rejected)

    def _answered(self, window: Window, page: Page[Row]) -> None:
        if page.received < ANALYTICS_ROW_LIMIT:
            self._windows.answered(window, page.received)
            self._store(page)
        else:
            self._ask_for_halves(window, page)
        if self._windows.done():
            self._run.done()

    def _ask_for_halves(self, window: Window, page: Page[Row]) -> None:
        campaign_ids = load.known_ids(load.CAMPAIGNS, ad_account_id=self._run.ad_account_id)
        try:
            self._windows.cut(window, campaign_ids=sorted(campaign_ids))
        except CannotSplit:
            self._store(page)
            self._gave_up(
                UnexpectedResponse(
                    f"LinkedIn cut {self._table.target.table} of {window.first_day} at {ANALYTICS_ROW_LIMIT}"
                    " rows, and the day cannot be split further; what came is stored."
                )
            )

    def _gave_up(self, error: LinkedInError) -> None:
        self._windows.failed()
        self._run.note(error)

    def _store(self, page: Page[Row]) -> None:
        self._run.step = self._table.target.table
        self._run.store(self._table.target.table, page, lambda: self._write(page))

    def _write(self, page: Page[Row]) -> Sequence[Rejected]:
        """Upsert the page; returns what LinkedIn listed twice."""
        target = self._table.target
        kept, repeated = keep_latest(page.records, key_columns=len(target.key))
        unknown = {row[0] for row in kept} - self._known
        if unknown:
            self._table.add_stubs(unknown, ad_account_id=self._run.ad_account_id, now=self._run.fetched_at)
            self._known |= unknown
        load.upsert(target, kept, now=self._run.fetched_at)
        return listed_twice(repeated)
