"""Names for URNs: of audience segments, and of posts behind creatives.

What LinkedIn named once is never looked up again; what it left out is looked up again after a month. Those seen most
come first, so that a sync that is stopped early has named what matters.

Figures need no names, so what LinkedIn does not name today fails no sync. A batch that it refuses is halved until the
URN that it does not accept is alone; that one is remembered, and asked for alone after one month, two, four … Where
LinkedIn's daily limit is used up, the rest is left for tomorrow. Both are noted in the run.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import ceil, log2
from typing import Generic, TypeVar

from ingestion.linkedin import endpoints
from ingestion.linkedin.client import LinkedInClient
from ingestion.linkedin.endpoints import NAMES_PER_CALL, Page
from ingestion.linkedin.errors import AccessDenied, BadRequest, DayLimitReached, LinkedInError
from ingestion.linkedin.records import NameRecord, PostRecord
from ingestion.sync import load
from ingestion.sync.request_pool import Job
from ingestion.sync.run import Run
from ingestion.sync.steps import Step

log = logging.getLogger(__name__)

N = TypeVar("N", NameRecord, PostRecord)

# One look-up finds so many refused URNs by halving, and asks for as many again that were refused before.
MAX_REFUSED = 5
# It takes as many halvings as this to find them, each in a batch of its own.
_MAX_HALVINGS = MAX_REFUSED * ceil(log2(NAMES_PER_CALL))
# LinkedIn's code where the consent may not use a resource at all, whichever URN is asked for.
_NOT_ALLOWED = frozenset({"ACCESS_DENIED", "100"})
# LinkedIn resolves every kind of segment but this enum; these are the words of its own targeting pages.
COMPANY_SIZES = {
    "SIZE_1": "Self-employed",
    "SIZE_2_TO_10": "2-10 employees",
    "SIZE_11_TO_50": "11-50 employees",
    "SIZE_51_TO_200": "51-200 employees",
    "SIZE_201_TO_500": "201-500 employees",
    "SIZE_501_TO_1000": "501-1,000 employees",
    "SIZE_1001_TO_5000": "1,001-5,000 employees",
    "SIZE_5001_TO_10000": "5,001-10,000 employees",
    "SIZE_10001_OR_MORE": "10,001+ employees",
}
_WORDS_OF_A_POST = 8


def unknown_urns(urns: Iterable[str], *, now: datetime) -> tuple[dict[str, str | None], list[str]]:
    """Stored names, and the URNs to look up, in the order given."""
    wanted = [urn for urn in urns if urn.startswith("urn:li:")]
    known = load.names_known(wanted, now=now)
    return known, [urn for urn in wanted if urn not in known]


def batches(urns: Sequence[str]) -> list[list[str]]:
    """The requests that look up these URNs, 50 each; the few that LinkedIn refused before come last and alone."""
    refused = load.names_refused(urns)
    others = [urn for urn in urns if urn not in refused]
    alone = [[urn] for urn in urns if urn in refused][:MAX_REFUSED]
    return [*(others[start : start + NAMES_PER_CALL] for start in range(0, len(others), NAMES_PER_CALL)), *alone]


def look_up_segments(run: Run, urns: Sequence[str], *, into: dict[str, str | None]) -> None:
    """Look up and store the names of segments, 50 a request."""
    _look_up(run, urns, _Kind("segments", endpoints.entity_names, _segment_names, may_be_closed=False), into=into)


def look_up_posts(run: Run, urns: Sequence[str], *, into: dict[str, str | None]) -> None:
    """Look up and store the names of posts, 50 a request; a refusal leaves them unnamed."""
    _look_up(run, urns, _Kind("posts", endpoints.posts, _post_names, may_be_closed=True), into=into)


def is_post(urn: str | None) -> bool:
    """Whether the posts endpoint takes this URN; others (InMail content) make it refuse the whole batch."""
    return urn is not None and urn.startswith(("urn:li:share:", "urn:li:ugcPost:"))


def _segment_names(records: Sequence[NameRecord]) -> dict[str, str | None]:
    return {record.urn: record.name for record in records}


def _post_names(records: Sequence[PostRecord]) -> dict[str, str | None]:
    """The advertiser's name of the ad, else the first words of its text."""
    return {
        record.id: record.dsc_name or " ".join((record.commentary or "").split()[:_WORDS_OF_A_POST]) or None
        for record in records
    }


@dataclass(frozen=True, slots=True)
class _Kind(Generic[N]):
    """One kind of URN: how it is looked up, and what it is called in the plural."""

    called: str
    ask: Callable[..., Page[N]]
    names_of: Callable[[Sequence[N]], dict[str, str | None]]
    # Whether a consent without access to all of them is nothing to report.
    may_be_closed: bool


def _look_up(run: Run, urns: Sequence[str], kind: _Kind[N], *, into: dict[str, str | None]) -> None:
    source = _LookUp(run, urns, kind, into=into)
    with run.ledger.step(Step.NAMES):
        run.requests.run([source])
    for note in source.notes():
        run.ledger.note(note)


class _LookUp(Generic[N]):
    """Requests names batch by batch, and halves the batches that LinkedIn refuses."""

    def __init__(self, run: Run, urns: Sequence[str], kind: _Kind[N], *, into: dict[str, str | None]) -> None:
        self._run = run
        self._kind: _Kind[N] = kind
        self._into = into
        self._batches = list(reversed(batches(urns)))
        self._refused: list[str] = []
        self._halvings = 0
        self._not_asked = 0
        self._limit: DayLimitReached | None = None

    def calls_left(self) -> int:
        return len(self._batches)

    def next_job(self) -> Job[Page[N]] | None:
        if not self._batches:
            return None
        batch = self._batches.pop()
        client: LinkedInClient = self._run.requests.client
        return Job(
            ask=partial(self._kind.ask, client, urns=batch),
            then=partial(self._store, batch),
            failed=partial(self._failed, batch),
        )

    def notes(self) -> Iterator[str]:
        """What LinkedIn did not name, and when it is asked for again."""
        if self._refused:
            yield (
                f"LinkedIn refuses to name these {self._kind.called}, which are asked for again after a month or"
                f" more: {', '.join(self._refused)}."
            )
        if self._limit:
            until = f" until {self._limit.resets_at:%Y-%m-%d %H:%M} UTC" if self._limit.resets_at else ""
            yield (
                f"Names of {self._kind.called} left for tomorrow: {self._not_asked}. LinkedIn's daily limit for"
                f" {self._limit.resource} is used up{until}."
            )
        elif self._not_asked:
            yield f"Names of {self._kind.called} left for the next sync: {self._not_asked}."

    def _store(self, batch: Sequence[str], page: Page[N]) -> None:
        # What LinkedIn leaves out has no name; that is stored too.
        found = dict.fromkeys(batch) | self._kind.names_of(page.records)
        self._into.update(found)
        self._run.ledger.store("urn_names", page, partial(load.store_names, found, now=self._run.fetched_at))

    def _failed(self, batch: list[str], error: LinkedInError) -> None:
        if isinstance(error, DayLimitReached):
            self._limit = error
            self._leave(batch)
        elif not isinstance(error, AccessDenied | BadRequest) or error.kind == "version":
            self._run.ledger.step_failed(error)
        elif error.code in _NOT_ALLOWED:
            self._batches.clear()
            self._closed(error)
        elif len(batch) == 1:
            self._remember_refusal(batch[0])
        else:
            self._halve(batch)

    def _halve(self, batch: list[str]) -> None:
        if self._limit or len(self._refused) >= MAX_REFUSED or self._halvings >= _MAX_HALVINGS:
            self._leave(batch)
            return
        self._halvings += 1
        middle = len(batch) // 2
        self._batches += [batch[middle:], batch[:middle]]

    def _remember_refusal(self, urn: str) -> None:
        load.store_refusal(urn, now=self._run.fetched_at)
        self._refused.append(urn)
        if len(self._refused) >= MAX_REFUSED:
            self._leave([])

    def _leave(self, batch: Sequence[str]) -> None:
        """Request no more in this sync."""
        self._not_asked += len(batch) + sum(map(len, self._batches))
        self._batches.clear()

    def _closed(self, error: LinkedInError) -> None:
        if self._kind.may_be_closed:
            log.info("%s of ad account %s cannot be read: %s", self._kind.called, self._run.ad_account_id, error)
        else:
            self._run.ledger.step_failed(error)
