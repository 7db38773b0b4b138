"""Daily figures of one ad account: which windows to request, and what to do with each answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from ingestion.linkedin import endpoints
from ingestion.linkedin.endpoints import ANALYTICS_ROW_LIMIT, DAY_FIELDS, Page, Rejected
from ingestion.linkedin.errors import LinkedInError, UnexpectedResponse
from ingestion.linkedin.records import AccountDayRecord
from ingestion.sync import coverage, load
from ingestion.sync.coverage import Dataset
from ingestion.sync.load import DayKey, Table, Target
from ingestion.sync.repeated_rows import listed_twice
from ingestion.sync.request_pool import Job
from ingestion.sync.rows import DayRow, Id, account_day_row, campaign_day_row, copy_line, creative_day_row, keep_latest
from ingestion.sync.run import Run
from ingestion.sync.windows import CannotSplit, ExpectedRows, Window, Windows, days_between


@dataclass(frozen=True, slots=True)
class DailyTable:
    """One pivot of LinkedIn's daily figures and the table it fills."""

    target: Target[DayRow]
    dataset: Dataset
    parents: Table
    ask: Callable[..., Page[Any]]
    row: Callable[[Any], DayRow]


CAMPAIGN_DAYS = DailyTable(
    target=load.CAMPAIGN_DAYS,
    dataset=coverage.CAMPAIGN_DAYS,
    parents=load.CAMPAIGNS,
    ask=endpoints.campaign_days,
    row=campaign_day_row,
)
CREATIVE_DAYS = DailyTable(
    target=load.CREATIVE_DAYS,
    dataset=coverage.CREATIVE_DAYS,
    parents=load.CREATIVES,
    ask=endpoints.creative_days,
    row=creative_day_row,
)


@dataclass(frozen=True, slots=True)
class DailyAnswer:
    """One answer ready to be stored: a line of COPY's text for each row, and the ids of the rows' entities.

    Made in the thread that requested it, so that the thread which stores does nothing but store. Lines take a quarter
    of the memory of rows, and several answers wait at once.
    """

    page: Page[bytes]
    parents: frozenset[Id]


def expected_rows(
    table: DailyTable,
    *,
    ad_account_id: int,
    first_day: date,
    last_day: date,
    entity_days: Sequence[date],
    now: datetime,
) -> ExpectedRows:
    """What the days can hold, from the entities and from what is stored of the days that were ever answered."""
    stored = load.rows_per_day(table.target, ad_account_id=ad_account_id, first_day=first_day, last_day=last_day)
    return ExpectedRows(entity_days, stored, coverage.covered(table.dataset, ad_account_id=ad_account_id, now=now))


# After as many refused windows no other is requested.
_MAX_REFUSED_WINDOWS = 3
# What one row of a daily answer takes from LinkedIn's five-minute allowance.
_VALUES_PER_ROW = len(DAY_FIELDS)


class DailySource:
    """Requests the windows of one daily table and stores each answer.

    `stale` collects stored rows that a whole fresh answer no longer holds, be it for all campaigns or for some; what
    becomes of them is decided when LinkedIn's totals are known.
    """

    def __init__(self, run: Run, table: DailyTable, *, entity_days: Sequence[date]) -> None:
        first_day, last_day = run.days
        self.table = table
        self.stale: list[DayKey] = []
        self._run = run
        expected = expected_rows(
            table,
            ad_account_id=run.ad_account_id,
            first_day=first_day,
            last_day=last_day,
            entity_days=entity_days,
            now=run.fetched_at,
        )
        # Days with rows, as far as the run's days go.
        self._filled_days = set(expected.stored)
        # Answers waiting to be written.
        self._not_stored = 0
        # Days that are requested by campaign: how many parts are to come, and those of which a part was cut.
        self._open_parts: dict[date, int] = {}
        self._cut_days: set[date] = set()
        # What the parts of such a day named so far.
        self._named_by_parts: dict[date, set[Id]] = {}
        self._refused_windows = 0
        self._windows = Windows(run.coverage.days_left(table.dataset, run.days), expected=expected)
        self._known = load.known_ids(table.parents, ad_account_id=run.ad_account_id)

    def calls_left(self) -> int:
        return self._windows.calls_left()

    def next_job(self) -> Job[DailyAnswer] | None:
        window = self._windows.next()
        if window is None:
            return None
        return Job(
            ask=lambda: self.ask(window),
            learn=lambda answer: self._learn_from(window, answer),
            then=lambda answer: self._store_or_halve(window, answer),
            failed=self._give_up,
        )

    def ask(self, window: Window) -> DailyAnswer:
        """One answer of LinkedIn; rows that it lists twice are rejected."""
        expected_values = round(min(window.expected_rows, ANALYTICS_ROW_LIMIT)) * _VALUES_PER_ROW
        requests = self._run.requests
        requests.budget.await_values(expected_values, requests.client.pause)
        page = self.table.ask(
            requests.client,
            ad_account_id=self._run.ad_account_id,
            first_day=window.first_day,
            last_day=window.last_day,
            campaign_ids=window.campaign_ids,
        )
        requests.budget.count_values(page.received * _VALUES_PER_ROW - expected_values)
        kept, repeated = keep_latest(map(self.table.row, page.records), key_columns=len(self.table.target.key))
        rejected = [*page.rejected, *listed_twice(repeated)]
        return DailyAnswer(Page(list(map(copy_line, kept)), rejected), frozenset(row[0] for row in kept))

    def keep(self, window: Window, answer: DailyAnswer) -> None:
        """Store an answer that LinkedIn did not cut."""
        self._run.ledger.store(self.table.target.table, answer.page, lambda: self._write(window, answer))

    def start_recheck(self) -> None:
        """What the first answers lacked may be in those that follow; parts that were refused are not waited for."""
        self.stale.clear()
        self._open_parts.clear()

    def _learn_from(self, window: Window, answer: DailyAnswer) -> None:
        if answer.page.received < ANALYTICS_ROW_LIMIT:
            self._windows.answered(window, answer.page.received)
            self._not_stored += 1

    def _store_or_halve(self, window: Window, answer: DailyAnswer) -> None:
        if answer.page.received < ANALYTICS_ROW_LIMIT:
            self.keep(window, answer)
            self._not_stored -= 1
        else:
            self._request_halves(window, answer)
        is_faultless = not self._refused_windows and not self._cut_days
        if self._windows.done() and not self._not_stored and is_faultless:
            self._run.ledger.step_stored()

    def _request_halves(self, window: Window, answer: DailyAnswer) -> None:
        campaign_ids = load.known_ids(load.CAMPAIGNS, ad_account_id=self._run.ad_account_id)
        try:
            self._windows.cut(window, campaign_ids=sorted(map(int, campaign_ids)))
        except CannotSplit:
            self._keep_cut(window, answer)
        else:
            if window.days == 1:
                self._await_parts(window.first_day)

    def _keep_cut(self, window: Window, answer: DailyAnswer) -> None:
        """Store the rows that LinkedIn sent for one campaign's day; the other windows continue."""
        self._windows.kept()
        self._cut_days.add(window.first_day)
        self.keep(window, answer)
        self._run.ledger.step_failed(
            UnexpectedResponse(
                f"LinkedIn cut {self.table.target.table} of {window.first_day} at {ANALYTICS_ROW_LIMIT}"
                " rows, and the day cannot be split further; what came is stored."
            )
        )

    def _note_part(self, window: Window, answer: DailyAnswer) -> None:
        """A day of which all parts are stored is covered; a recheck has none."""
        day = window.first_day
        if self._open_parts.get(day):
            self._named_by_parts.setdefault(day, set()).update(answer.parents)
            self._part_stored(day)
        elif day in self._cut_days:
            self._run.coverage.record(self.table.dataset, (day, day), is_whole=False)

    def _await_parts(self, day: date) -> None:
        """One more part of a day; until the last is stored its rows are of two moments, so it is not covered."""
        if day not in self._open_parts:
            self._run.coverage.forget(self.table.dataset, (day, day))
        self._open_parts[day] = self._open_parts.get(day, 1) + 1

    def _part_stored(self, day: date) -> None:
        self._open_parts[day] -= 1
        if self._open_parts[day]:
            return
        named = self._named_by_parts.pop(day)
        is_whole = day not in self._cut_days
        self._run.coverage.record(self.table.dataset, (day, day), is_whole=is_whole)
        if is_whole:
            # Those of known campaigns were looked for in each part.
            others = load.days_of_no_campaign(self.table.target, ad_account_id=self._run.ad_account_id, day=day)
            self.stale += [(one, day) for one in others - named]

    def _give_up(self, error: LinkedInError) -> None:
        """Another window may be answered; several that are refused are a sign that none will be."""
        self._refused_windows += 1
        if self._refused_windows < _MAX_REFUSED_WINDOWS:
            self._windows.kept()
        else:
            self._windows.failed()
        self._run.ledger.step_failed(error)

    def _write(self, window: Window, answer: DailyAnswer) -> None:
        """Upsert an answer, with places for what it names and LinkedIn no longer lists."""
        target, lines = self.table.target, b"".join(answer.page.records)
        if unknown := answer.parents - self._known:
            load.add_stubs(self.table.parents, unknown, ad_account_id=self._run.ad_account_id, now=self._run.fetched_at)
            self._known |= unknown
        days = days_between(window.first_day, window.last_day)
        is_looked_up = window.first_day >= self._run.days[0]
        if answer.page.received >= ANALYTICS_ROW_LIMIT:
            # What is not in such an answer may still be there.
            load.upsert(target, lines, now=self._run.fetched_at)
        elif is_looked_up and self._filled_days.isdisjoint(days):
            load.insert_days(target, lines, now=self._run.fetched_at)
        else:
            self.stale += load.upsert_days(
                target,
                lines,
                ad_account_id=self._run.ad_account_id,
                first_day=window.first_day,
                last_day=window.last_day,
                campaign_ids=window.campaign_ids,
                now=self._run.fetched_at,
            )
        self._filled_days.update(days)
        self._note_stored(window, answer)

    def _note_stored(self, window: Window, answer: DailyAnswer) -> None:
        """The days of an answer are covered, unless others of their parts are to come."""
        is_of_all = window.campaign_ids is None and answer.page.received < ANALYTICS_ROW_LIMIT
        if is_of_all:
            self._run.coverage.record(self.table.dataset, (window.first_day, window.last_day))
        else:
            self._note_part(window, answer)


class AccountTotals:
    """Requests LinkedIn's own daily totals of the ad account, all days in one answer, and stores them."""

    def __init__(self, run: Run) -> None:
        self.are_stored = False
        self._run = run
        self._requested = False

    def calls_left(self) -> int:
        return 0 if self._requested else 1

    def next_job(self) -> Job[Page[AccountDayRecord]] | None:
        if self._requested:
            return None
        self._requested = True
        first_day, last_day = self._run.days
        ask = partial(
            endpoints.account_days,
            self._run.requests.client,
            ad_account_id=self._run.ad_account_id,
            first_day=first_day,
            last_day=last_day,
        )
        return Job(ask=ask, then=self._store, failed=self._run.ledger.step_failed)

    def _store(self, page: Page[AccountDayRecord]) -> None:
        self._run.ledger.store(load.ACCOUNT_DAYS.table, page, lambda: self._write(page))
        self.are_stored = True
        self._run.ledger.step_stored()

    def _write(self, page: Page[AccountDayRecord]) -> Sequence[Rejected]:
        """Upsert the totals; a day that LinkedIn no longer totals has none."""
        self._run.coverage.record(coverage.TOTALS, self._run.days)
        kept, repeated = keep_latest(map(account_day_row, page.records), key_columns=len(load.ACCOUNT_DAYS.key))
        first_day, last_day = self._run.days
        gone = load.upsert_days(
            load.ACCOUNT_DAYS,
            kept,
            ad_account_id=self._run.ad_account_id,
            first_day=first_day,
            last_day=last_day,
            now=self._run.fetched_at,
        )
        idle = not page.received and load.known_ids(load.CAMPAIGNS, ad_account_id=self._run.ad_account_id)
        if gone or idle:
            # LinkedIn answers with nothing, too, when access was lost a moment ago; this raises then.
            endpoints.ad_account(self._run.requests.client, ad_account_id=self._run.ad_account_id)
        if gone:
            load.set_to_zero(load.ACCOUNT_DAYS, gone, now=self._run.fetched_at)
        return listed_twice(repeated)
