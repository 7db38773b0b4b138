"""Names for URNs: of audience segments, and of posts behind creatives.

What LinkedIn named once is never looked up again; what it left out is looked up again after a month. Those seen most
come first, so that a sync that is stopped early has named what matters.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from ingestion.linkedin import endpoints
from ingestion.linkedin.endpoints import NAMES_PER_CALL, Page
from ingestion.linkedin.errors import AccessDenied, LinkedInError
from ingestion.linkedin.records import NameRecord, PostRecord
from ingestion.sync import load
from ingestion.sync.request_pool import Job, Jobs
from ingestion.sync.run import Run
from ingestion.sync.steps import Step

log = logging.getLogger(__name__)

N = TypeVar("N")

LOOK_UP_AGAIN_AFTER = timedelta(days=30)
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
    known = load.names_known(wanted, asked_since=now - LOOK_UP_AGAIN_AFTER)
    return known, [urn for urn in wanted if urn not in known]


def look_up_segments(run: Run, urns: Sequence[str], *, into: dict[str, str | None]) -> None:
    """Look up and store the names of segments, 50 a request."""
    _look_up(run, urns, ask=endpoints.entity_names, names_of=_segment_names, into=into, failed=run.ledger.step_failed)


def look_up_posts(run: Run, urns: Sequence[str], *, into: dict[str, str | None]) -> None:
    """Look up and store the names of posts, 50 a request; a refusal leaves them unnamed."""

    def refused(error: LinkedInError) -> None:
        if isinstance(error, AccessDenied):
            log.info("Posts of ad account %s cannot be read: %s", run.ad_account_id, error)
        else:
            run.ledger.step_failed(error)

    _look_up(run, urns, ask=endpoints.posts, names_of=_post_names, into=into, failed=refused)


def is_post(urn: str | None) -> bool:
    """Whether the posts endpoint takes this URN; others (InMail content) make it refuse the whole batch."""
    return urn is not None and urn.startswith(("urn:li:share:", "urn:li:ugcPost:"))


def _look_up(
    run: Run,
    urns: Sequence[str],
    *,
    ask: Callable[..., Page[N]],
    names_of: Callable[[Sequence[N]], dict[str, str | None]],
    into: dict[str, str | None],
    failed: Callable[[LinkedInError], None],
) -> None:
    client = run.requests.client

    def answered(batch: Sequence[str], page: Page[N]) -> None:
        # What LinkedIn leaves out has no name; that is stored too.
        found = dict.fromkeys(batch) | names_of(page.records)
        into.update(found)
        run.ledger.store("urn_names", page, partial(load.store_names, found, now=run.fetched_at))

    batches = [urns[start : start + NAMES_PER_CALL] for start in range(0, len(urns), NAMES_PER_CALL)]
    jobs = [Job(partial(ask, client, urns=batch), partial(answered, batch), failed) for batch in batches]
    with run.ledger.step(Step.NAMES):
        run.requests.run([Jobs(jobs)])


def _segment_names(records: Sequence[NameRecord]) -> dict[str, str | None]:
    return {record.urn: record.name for record in records}


def _post_names(records: Sequence[PostRecord]) -> dict[str, str | None]:
    """The advertiser's name of the ad, else the first words of its text."""
    return {
        record.id: record.dsc_name or " ".join((record.commentary or "").split()[:_WORDS_OF_A_POST]) or None
        for record in records
    }
