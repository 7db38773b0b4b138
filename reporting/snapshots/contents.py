"""Reads the contents of a snapshot: the head as validated objects; campaigns, creatives and their days as JSON on disk.

Each kind is read once, with one query. Memory grows with campaigns and creatives, never with days.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from tempfile import TemporaryFile
from typing import Any, Final, Generic, TypedDict, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from pydantic import BaseModel, TypeAdapter

from accounts.models import AdAccount
from ingestion.models import Campaign, Creative, SyncLog
from ingestion.sync.windows import DayRange
from reporting.periods import Period
from reporting.queries import snapshot as queries
from reporting.queries.audience import Audience, Audiences, audiences
from reporting.queries.audience import Segment as AudienceSegment
from reporting.queries.coverage import Coverage
from reporting.queries.data_as_of import DataAsOf, data_as_of
from reporting.queries.grouping import GroupBy
from reporting.queries.performance import PerformanceRow, performance, sums_without_rows, totals
from reporting.queries.snapshot import Trust
from reporting.ratios import Figure, Figures
from reporting.snapshots import document
from reporting.snapshots.document import exact

_DAYS: Final = TypeAdapter(list[document.SnapshotDay])
_PRODUCT: Final = "LinkedIn Ads Action Center"
# Of campaigns and creatives.
_Id = TypeVar("_Id", bound=int | str)


class _Asked(TypedDict):
    ad_accounts: QuerySet[AdAccount]
    period: Period


class Part(Generic[_Id]):
    """JSON by the id of a campaign or creative, in a temporary file.

    A part that alone exceeds the size limit cannot be in the document: it takes no more and `is_too_large`.
    """

    def __init__(self, max_bytes: int) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self._places: dict[_Id, tuple[int, int]] = {}
        self._size = 0
        self._max_bytes = max_bytes
        self.is_too_large = False

    def fill(self, rows: Iterable[tuple[_Id, str]]) -> None:
        for key, text in rows:
            data = text.encode()
            if self._size + len(data) > self._max_bytes:
                self.is_too_large = True
                return
            self._file.write(data)
            self._places[key] = (self._size, len(data))
            self._size += len(data)

    def get(self, key: _Id) -> bytes:
        """Empty if there is none."""
        start, length = self._places.get(key, (0, 0))
        self._file.seek(start)
        return self._file.read(length)

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Everything that could be in the document.

    `campaign_sums` and `creative_sums` hold those with figures, most spend first. `creatives_of` holds the ids of
    each campaign's creatives in that order, those without figures last; None stands for an unknown campaign.
    """

    period: Period
    as_of: DataAsOf
    trust: Trust
    coverage: document.Coverage
    ad_account: document.SnapshotAdAccount
    campaign_sums: dict[int, Figures]
    creative_sums: dict[str, Figures]
    campaign_ids: list[int]
    creatives_of: dict[int | None, list[str]]
    campaigns: Part[int]
    campaign_days: Part[int]
    creatives: Part[str]
    creative_days: Part[str]


@contextmanager
def contents(*, ad_account: AdAccount, period: Period, now: datetime, max_bytes: int) -> Iterator[Contents]:
    """Read as of one moment; the files exist as long as the context."""
    asked = _Asked(ad_accounts=AdAccount.objects.filter(pk=ad_account.pk), period=period)
    with queries.one_moment(), ExitStack() as files:

        def part(rows: Iterable[tuple[_Id, str]]) -> Part[_Id]:
            made = Part[_Id](max_bytes)
            files.callback(made.close)
            made.fill(rows)
            return made

        campaigns = performance(**asked, group_by=GroupBy.CAMPAIGN)
        covered = campaigns.coverage.together
        without_rows = Figures(sums=sums_without_rows(covered))
        campaign_sums = _sums(campaigns, int)
        creative_sums = _sums(performance(**asked, group_by=GroupBy.CREATIVE), str)
        campaign_ids = _by_spend(queries.campaign_ids(ad_account.pk), campaign_sums)
        creatives_of = _creatives_of(ad_account, creative_sums, set(campaign_ids))
        trust = queries.trust(**asked, now=now)
        [as_of] = data_as_of(ad_accounts=asked["ad_accounts"], now=now)
        days = performance(**asked, group_by=GroupBy.DAY)
        yield Contents(
            period=period,
            as_of=as_of,
            trust=trust,
            coverage=_coverage(covered, as_of, trust, days_with_figures=len(days)),
            ad_account=_ad_account(
                ad_account,
                next(iter(totals(**asked)), without_rows),
                days,
                audiences(**asked, top=document.MAX_SEGMENTS),
                campaign_count=len(campaign_ids),
                creative_count=sum(map(len, creatives_of.values())),
            ),
            campaign_sums=campaign_sums,
            creative_sums=creative_sums,
            campaign_ids=campaign_ids,
            creatives_of=creatives_of,
            campaigns=part(_campaigns(ad_account, campaign_sums, without_rows)),
            campaign_days=part(_validated(queries.days_of_campaigns(**asked))),
            creatives=part(_creatives(ad_account, creative_sums, without_rows)),
            creative_days=part(_validated(queries.days_of_creatives(**asked))),
        )


def _coverage(covered: Coverage, as_of: DataAsOf, trust: Trust, *, days_with_figures: int) -> document.Coverage:
    return document.Coverage(
        is_whole=covered.is_whole,
        is_complete=covered.is_complete,
        stored=_ranges(covered.stored),
        missing=_ranges(covered.missing),
        stored_since=covered.stored_since,
        complete_through=covered.complete_through if covered.missing else as_of.complete_through,
        incomplete_days=trust.incomplete_days,
        days_with_figures=days_with_figures,
        first_stored_day=trust.first_stored_day,
    )


def _ranges(ranges: Iterable[DayRange]) -> list[document.DayRange]:
    return [document.DayRange(first_day=first_day, last_day=last_day) for first_day, last_day in ranges]


def provenance(found: Contents) -> document.Provenance:
    return document.Provenance(
        product=_PRODUCT,
        product_version=settings.PRODUCT_VERSION,
        data_as_of=found.as_of.as_of,
        sync_run=_run(found.trust.run) if found.trust.run else None,
    )


def _run(run: SyncLog) -> document.SyncRun:
    return document.SyncRun(id=run.pk, status=run.status, started_at=run.started_at, finished_at=run.finished_at)


# --- campaigns, creatives and their days ---


def _sums(rows: Iterable[PerformanceRow], key: Callable[[str], _Id]) -> dict[_Id, Figures]:
    return {key(row.key): row for row in rows}


def _by_spend(ids: Iterable[_Id], sums: dict[_Id, Figures]) -> list[_Id]:
    """Those with figures in the order of their sums, then the others."""
    known = dict.fromkeys(ids)
    return [*(one for one in sums if one in known), *(one for one in known if one not in sums)]


def _creatives_of(
    ad_account: AdAccount, sums: dict[str, Figures], campaign_ids: set[int]
) -> dict[int | None, list[str]]:
    campaign_of = dict(queries.campaigns_of_creatives(ad_account.pk))
    found: dict[int | None, list[str]] = defaultdict(list)
    for creative_id in _by_spend(campaign_of, sums):
        campaign_id = campaign_of[creative_id]
        found[campaign_id if campaign_id in campaign_ids else None].append(creative_id)
    return found


def _validated(rows: Iterable[tuple[_Id, str]]) -> Iterator[tuple[_Id, str]]:
    for key, days in rows:
        _DAYS.validate_json(f"[{days}]")
        yield key, days


def _campaigns(ad_account: AdAccount, sums: dict[int, Figures], without_rows: Figures) -> Iterator[tuple[int, str]]:
    for one in queries.campaigns(ad_account.pk):
        yield one.pk, _campaign(one, sums.get(one.pk, without_rows)).model_dump_json(exclude_unset=True)


def _creatives(ad_account: AdAccount, sums: dict[str, Figures], without_rows: Figures) -> Iterator[tuple[str, str]]:
    for one in queries.creatives(ad_account.pk):
        yield one.pk, _creative(one, sums.get(one.pk, without_rows)).model_dump_json(exclude_unset=True)


_CAMPAIGN_PARTS: Final = {"settings", "metrics_summary", "daily_metrics", "creatives"}


def _campaign(one: Campaign, sums: Figures) -> document.SnapshotCampaign:
    return document.SnapshotCampaign(
        **_columns(
            one, document.SnapshotCampaign, exclude={"settings", "metrics_summary", "daily_metrics", "creatives"}
        ),
        settings=document.Settings(**_columns(one, document.Settings)),
        metrics_summary=_summary(sums),
    )


def _creative(one: Creative, sums: Figures) -> document.SnapshotCreative:
    return document.SnapshotCreative(
        **_columns(one, document.SnapshotCreative, exclude={"metrics_summary", "daily_metrics"}),
        metrics_summary=_summary(sums),
    )


# What the columns are called that the document calls otherwise, as the API does.
_COLUMNS: Final = {"campaign_group_urn": "campaign_group", "creative_name": "content_name"}


def _columns(row: Model, shape: type[BaseModel], *, exclude: Iterable[str] = ()) -> dict[str, Any]:
    """The columns of a row that the document holds."""
    return _exactly(
        {name: getattr(row, _COLUMNS.get(name, name)) for name in shape.model_fields if name not in exclude}
    )


# --- the head ---


def _ad_account(
    ad_account: AdAccount,
    sums: Figures,
    days: Iterable[PerformanceRow],
    audience: Audiences,
    *,
    campaign_count: int,
    creative_count: int,
) -> document.SnapshotAdAccount:
    return document.SnapshotAdAccount(
        **{name: getattr(ad_account, name) for name in _ACCOUNT_COLUMNS},
        campaign_count=campaign_count,
        creative_count=creative_count,
        metrics_summary=_summary(sums),
        daily_metrics=[document.SnapshotDay(date=day.first_day, **_figures(day)) for day in days],
        demographics=document.SnapshotDemographics(
            first_day=audience.first_day,
            last_day=audience.last_day,
            months=list(audience.months),
            missing_months=list(audience.missing_months),
            pivots={pivot.pivot_type: _pivot(pivot) for pivot in audience.pivots},
        ),
    )


_ACCOUNT_COLUMNS: Final = ("id", "name", "status", "currency", "type", "is_test", "missing_since")


def _figures(figures: Figures) -> dict[str, Any]:
    return _exactly(figures.sums)


def _exactly(sums: Mapping[str, Figure]) -> dict[str, Any]:
    return {name: exact(value) if isinstance(value, Decimal) else value for name, value in sums.items()}


def _summary(sums: Figures) -> document.Summary:
    ratios: dict[str, Any] = {name: _exact_or_none(sums.value(name)) for name in document.RATIOS}
    return document.Summary(**_figures(sums), **ratios)


def _pivot(audience: Audience) -> document.Pivot:
    return document.Pivot(
        segments=[_segment(one) for one in audience.segments],
        rest=_segment(audience.rest) if audience.rest else None,
        segment_count=audience.segment_count,
        coverage_percent=_exact_or_none(audience.coverage_percent),
    )


def _segment(one: AudienceSegment) -> document.SnapshotSegment:
    return document.SnapshotSegment(
        segment=one.segment,
        segment_name=one.name,
        **_exactly(one.sums),
        # One ad account has one currency.
        **{name: exact(sum((money.amount for money in of_all), Decimal(0))) for name, of_all in one.amounts.items()},
        ctr_percent=_exact_or_none(one.ctr_percent),
        share_percent=_exact_or_none(one.share_percent),
    )


def _exact_or_none(value: Decimal | int | None) -> str | None:
    return None if value is None else exact(Decimal(value))
