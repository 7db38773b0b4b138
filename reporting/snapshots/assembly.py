"""Writes the document of one ad account and a range of days to a file, within a size limit.

The finest detail is left out first, then the next, until the rest fits; the document lists what is missing and where
to read it instead.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from accounts.models import AdAccount
from reporting.periods import Period
from reporting.snapshots import document
from reporting.snapshots.contents import Contents, Part, contents, provenance


class DoesNotFit(Exception):
    """Nothing more can be left out; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Detail:
    """Something that can be left out, and where to read it instead."""

    name: str
    sentence: str
    where: str


# The finest first: the order in which they are left out.
CREATIVE_DAYS: Final = Detail("creatives.daily_metrics", "the days of {} creatives", "/api/v1/creative-metrics")
IDLE_CREATIVES: Final = Detail("creatives without figures", "{} creatives without figures", "/api/v1/creatives")
CAMPAIGN_DAYS: Final = Detail("campaigns.daily_metrics", "the days of {} campaigns", "/api/v1/campaign-metrics")
CREATIVES: Final = Detail("creatives", "all {} creatives", "/api/v1/creatives")
IDLE_CAMPAIGNS: Final = Detail("campaigns without figures", "{} campaigns without figures", "/api/v1/campaigns")
CAMPAIGNS: Final = Detail("campaigns", "all {} campaigns", "/api/v1/campaigns")
DETAILS: Final = (CREATIVE_DAYS, IDLE_CREATIVES, CAMPAIGN_DAYS, CREATIVES, IDLE_CAMPAIGNS, CAMPAIGNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The outcome. Documents that differ only in when and for which sync they were written have the same `digest`."""

    size_bytes: int
    digest: str
    dropped: list[dict[str, str | int]]
    generated_at: datetime
    data_as_of: datetime | None
    sync_run_id: int | None


def write_document(file: BinaryIO, *, ad_account: AdAccount, period: Period, now: datetime, max_bytes: int) -> Written:
    """Raises DoesNotFit."""
    with contents(ad_account=ad_account, period=period, now=now, max_bytes=max_bytes) as found:
        draft = _fitting(found, now=now, max_bytes=max_bytes)
        size, digest = file.write(draft.envelope), hashlib.sha256()
        for piece in draft.body():
            size += file.write(piece)
            digest.update(piece)
        return Written(
            size_bytes=size,
            digest=digest.hexdigest(),
            dropped=[one.model_dump() for one in draft.snapshot.dropped],
            generated_at=now,
            data_as_of=found.as_of.as_of,
            sync_run_id=found.trust.run.pk if found.trust.run else None,
        )


def _fitting(found: Contents, *, now: datetime, max_bytes: int) -> "_Draft":
    """With as much detail as the limit allows."""
    for count in range(len(DETAILS) + 1):
        draft = _Draft(found, frozenset(DETAILS[:count]), now=now)
        if draft.is_complete and draft.fits(max_bytes):
            return draft
    raise DoesNotFit(
        f"Even without campaigns and creatives, the snapshot of {found.period.days} days exceeds"
        f" {max_bytes:,} bytes; request fewer days or raise SNAPSHOT_MAX_BYTES."
    )


class _Draft:
    """The document without some details, as pieces of JSON."""

    def __init__(self, found: Contents, without: frozenset[Detail], *, now: datetime) -> None:
        self._found = found
        self._without = without
        self.snapshot = document.SnapshotDocument(
            schema_version=document.SCHEMA_VERSION,
            generated_at=now,
            provenance=provenance(found),
            date_range=document.SnapshotDateRange(
                first_day=found.period.first_day, last_day=found.period.last_day, days=found.period.days
            ),
            coverage=found.coverage,
            dropped=list(self._dropped()),
            about=list(document.ABOUT),
            untrusted=document.UntrustedTexts(paths=list(document.UNTRUSTED_PATHS)),
            definitions=document.definitions(),
            ad_account=found.ad_account,
        )

    @property
    def is_complete(self) -> bool:
        """Whether all the parts it contains were read completely."""
        needed: dict[Detail, Part[int] | Part[str]] = {
            CREATIVE_DAYS: self._found.creative_days,
            CAMPAIGN_DAYS: self._found.campaign_days,
            CREATIVES: self._found.creatives,
            CAMPAIGNS: self._found.campaigns,
        }
        return not any(part.is_too_large for detail, part in needed.items() if detail not in self._without)

    def fits(self, max_bytes: int) -> bool:
        left = max_bytes - len(self.envelope)
        for piece in self.body():
            left -= len(piece)
            if left < 0:
                return False
        return True

    @property
    def envelope(self) -> bytes:
        """When and for which sync: what differs between two documents with the same figures."""
        return self.snapshot.model_dump_json(include=_ENVELOPE)[:-1].encode()

    def body(self) -> Iterator[bytes]:
        """Everything else; the ad account is the last key of the document, and its lists are its last keys."""
        head = self.snapshot.model_dump_json(exclude=_ENVELOPE, exclude_unset=True)
        yield f",{head[1:-2]}".encode()
        if CAMPAIGNS not in self._without:
            yield b',\n"campaigns":['
            yield from _joined(map(self._campaign, self._campaign_ids()))
            yield b"]"
        if CREATIVES not in self._without:
            yield b',\n"creatives_without_campaign":['
            yield from self._creatives(None)
            yield b"]"
        yield b"}}\n"

    def _campaign_ids(self) -> Iterator[int]:
        with_idle = IDLE_CAMPAIGNS not in self._without
        return (one for one in self._found.campaign_ids if with_idle or one in self._found.campaign_sums)

    def _campaign(self, campaign_id: int) -> Iterator[bytes]:
        yield b"\n" + self._found.campaigns.get(campaign_id)[:-1]
        if CAMPAIGN_DAYS not in self._without:
            yield b',"daily_metrics":[' + self._found.campaign_days.get(campaign_id) + b"]"
        if CREATIVES not in self._without:
            yield b',"creatives":['
            yield from self._creatives(campaign_id)
            yield b"]"
        yield b"}"

    def _creatives(self, campaign_id: int | None) -> Iterator[bytes]:
        with_idle = IDLE_CREATIVES not in self._without
        ids = self._found.creatives_of.get(campaign_id, [])
        yield from _joined(self._creative(one) for one in ids if with_idle or one in self._found.creative_sums)

    def _creative(self, creative_id: str) -> Iterator[bytes]:
        yield b"\n" + self._found.creatives.get(creative_id)[:-1]
        if CREATIVE_DAYS not in self._without:
            yield b',"daily_metrics":[' + self._found.creative_days.get(creative_id) + b"]"
        yield b"}"

    def _dropped(self) -> Iterator[document.Dropped]:
        """Only details that existed."""
        ad_account, with_figures = self._found.ad_account, len(self._found.campaign_sums)
        counts = {
            CREATIVE_DAYS: len(self._found.creative_sums),
            IDLE_CREATIVES: ad_account.creative_count - len(self._found.creative_sums),
            CAMPAIGN_DAYS: with_figures,
            CREATIVES: ad_account.creative_count,
            IDLE_CAMPAIGNS: ad_account.campaign_count - with_figures,
            CAMPAIGNS: ad_account.campaign_count,
        }
        for detail in DETAILS:
            if detail in self._without and counts[detail]:
                what = detail.sentence.format(f"{counts[detail]:,}")
                sentence = f"Left out to stay within the size limit: {what}. Read them at {detail.where}."
                yield document.Dropped(detail=detail.name, count=counts[detail], sentence=sentence)


_ENVELOPE: Final = {"schema_version", "generated_at", "provenance"}


def _joined(items: Iterable[Iterator[bytes]]) -> Iterator[bytes]:
    """With commas between them."""
    is_first = True
    for pieces in items:
        if not is_first:
            yield b","
        yield from pieces
        is_first = False
