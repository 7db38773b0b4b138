"""An ad account and its campaigns and creatives: listed whole, then stored together."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Generic, TypeVar

from django.db import transaction

from accounts.consents import ad_accounts
from ingestion.linkedin import endpoints
from ingestion.linkedin.endpoints import Page
from ingestion.linkedin.errors import LinkedInError
from ingestion.linkedin.records import AdAccountRecord, CampaignRecord, CreativeRecord
from ingestion.sync import load, names
from ingestion.sync.load import Table
from ingestion.sync.request_pool import Job, Jobs
from ingestion.sync.rows import ad_account_row, campaign_row, creative_row
from ingestion.sync.run import Run

R = TypeVar("R")

# Ids that our columns can hold.
_IDS = {
    load.CAMPAIGNS.table: re.compile("[0-9]{1,18}"),
    load.CREATIVES.table: re.compile("urn:li:sponsoredCreative:[0-9]{1,18}"),
}
# LinkedIn's scopes that open posts; without one of them creatives keep the names they have of their own.
_READS_POSTS = frozenset({"r_organization_social", "w_organization_social", "rw_organization_admin"})


@dataclass
class Entities:
    """What LinkedIn listed, page by page."""

    ad_account: list[Page[AdAccountRecord]] = field(default_factory=list)
    campaign_pages: list[Page[CampaignRecord]] = field(default_factory=list)
    creative_pages: list[Page[CreativeRecord]] = field(default_factory=list)
    post_names: dict[str, str | None] = field(default_factory=dict)

    @property
    def campaigns(self) -> dict[int, CampaignRecord]:
        """By id; listed twice while pages were read, the later one counts."""
        return {record.id: record for page in self.campaign_pages for record in page.records}

    @property
    def creatives(self) -> dict[str, CreativeRecord]:
        """By URN; listed twice while pages were read, the later one counts."""
        return {record.id: record for page in self.creative_pages for record in page.records}


def fetch(run: Run, *, scopes: frozenset[str]) -> Entities:
    """All listings side by side, nothing stored: a refused ad account must change nothing."""
    client, ad_account_id = run.requests.client, run.ad_account_id
    entities = Entities()
    ask_ad_account = Job(
        ask=lambda: endpoints.ad_account(client, ad_account_id=ad_account_id),
        then=entities.ad_account.append,
        failed=_raise,
    )
    run.requests.run(
        [
            Jobs([ask_ad_account]),
            _Pages(endpoints.campaigns(client, ad_account_id=ad_account_id), entities.campaign_pages),
            _Pages(endpoints.creatives(client, ad_account_id=ad_account_id), entities.creative_pages),
        ]
    )
    _name_posts(run, entities, is_allowed=may_read_posts(scopes))
    return entities


def may_read_posts(scopes: Iterable[str]) -> bool:
    """Whether a consent with these scopes covers posts."""
    return not _READS_POSTS.isdisjoint(scopes)


def store(run: Run, entities: Entities) -> None:
    """Everything listed, in one transaction; what is no longer listed is marked, never deleted."""
    campaigns, creatives = entities.campaigns, entities.creatives
    post_names = {urn: name for urn, name in entities.post_names.items() if name}
    ad_account_id, now = run.ad_account_id, run.fetched_at
    with transaction.atomic():
        ad_accounts.store_ad_accounts(
            [ad_account_row(record) for page in entities.ad_account for record in page.records], now=now
        )
        load.upsert(
            load.CAMPAIGNS,
            [campaign_row(one, ad_account_id=ad_account_id) for one in campaigns.values()],
            now=now,
        )
        unlisted = {creative.campaign_id for creative in creatives.values()} - campaigns.keys()
        load.add_stubs(load.CAMPAIGNS, unlisted, ad_account_id=ad_account_id, now=now)
        load.upsert(
            load.CREATIVES,
            [creative_row(one, ad_account_id=ad_account_id, post_names=post_names) for one in creatives.values()],
            now=now,
        )
        _mark_missing(run, load.CAMPAIGNS, entities.campaign_pages)
        _mark_missing(run, load.CREATIVES, entities.creative_pages)
        for ad_account_page in entities.ad_account:
            run.ledger.count("ad_accounts", ad_account_page)
        for campaign_page in entities.campaign_pages:
            run.ledger.count("campaigns", campaign_page)
        for creative_page in entities.creative_pages:
            run.ledger.count("creatives", creative_page)
        run.ledger.beat(campaigns_fetched=len(campaigns), creatives_fetched=len(creatives))
    run.ledger.step_stored()


def first_days(records: Iterable[CampaignRecord | CreativeRecord]) -> Sequence[date]:
    """Sorted days from which each entity can have figures: no day before it was created."""
    return sorted(record.created_at.date() if record.created_at else date.min for record in records)


class _Pages(Generic[R]):
    """Requests the pages of one listing, one after the other."""

    def __init__(self, pages: Iterator[Page[R]], into: list[Page[R]]) -> None:
        self._pages: Iterator[Page[R]] | None = pages
        self._into = into
        self._is_waiting = False

    def calls_left(self) -> int:
        return 1 if self._pages and not self._is_waiting else 0

    def next_job(self) -> Job[Page[R] | None] | None:
        if self._pages is None or self._is_waiting:
            return None
        self._is_waiting = True
        pages = self._pages
        return Job(ask=lambda: next(pages, None), then=self._keep, failed=_raise)

    def _keep(self, page: Page[R] | None) -> None:
        self._is_waiting = False
        if page is None:
            self._pages = None
        else:
            self._into.append(page)


def _raise(error: LinkedInError) -> None:
    raise error


def _mark_missing(
    run: Run, target: Table, pages: Sequence[Page[CampaignRecord]] | Sequence[Page[CreativeRecord]]
) -> None:
    seen: set[int | str] = {record.id for page in pages for record in page.records}
    for page in pages:
        for rejected in page.rejected:
            # A listed record that we could not read is not missing; one without a readable id could be any of them.
            identity = rejected.identity or ""
            if not _IDS[target.table].fullmatch(identity):
                return
            seen.add(int(identity) if target is load.CAMPAIGNS else identity)
    load.mark_missing(target, ad_account_id=run.ad_account_id, seen=seen, now=run.fetched_at)


def _name_posts(run: Run, entities: Entities, *, is_allowed: bool) -> None:
    """Names of posts, for creatives without a name of their own."""
    wanted = [
        creative.content_reference
        for creative in entities.creatives.values()
        if not creative.name and creative.content_reference and names.is_post(creative.content_reference)
    ]
    known, unknown = names.unknown_urns(dict.fromkeys(wanted), now=run.fetched_at)
    entities.post_names.update(known)
    if not unknown or not is_allowed:
        return
    names.look_up_posts(run, unknown, into=entities.post_names)
