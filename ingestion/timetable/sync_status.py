"""The state of the installation: connections, how recent the data is, row counts."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from django.db.models import Case, Count, Max, Min, OuterRef, Q, QuerySet, Subquery, When, Window
from django.db.models.functions import Coalesce, Least, RowNumber
from django.db.models.lookups import Exact
from django.utils import timezone

from accounts.consents import connections
from accounts.models import AdAccount, LinkedInConnection
from accounts.shell import clock
from ingestion.models import (
    AudienceDemographic,
    Campaign,
    CampaignDailyMetric,
    CoveredDays,
    Creative,
    CreativeDailyMetric,
    IncompleteDay,
    SyncLog,
)
from ingestion.sync import coverage
from ingestion.sync.coverage import Dataset
from ingestion.timetable.expected_sync import ExpectedSync, expected_syncs

_MAX_DAYS_NAMED = 10
SEVEN_TABLES = (
    AdAccount,
    Campaign,
    Creative,
    CampaignDailyMetric,
    CreativeDailyMetric,
    AudienceDemographic,
    SyncLog,
)


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """One LinkedIn connection: how long it lasts, and what to do about it."""

    id: int
    person: str
    state: str
    token_until: datetime
    days_left: int | None
    trouble: str | None
    missing_scopes: list[str]


@dataclass(frozen=True, slots=True)
class AdAccountState:
    """One ad account and its last run."""

    id: int
    name: str | None
    data_as_of: datetime | None
    complete_through: date | None
    incomplete_days: int
    first_incomplete_days: list[date]
    last_status: str | None
    last_errors: str | None
    last_asked_at: datetime | None
    last_answer: str | None
    next_sync_at: datetime | None
    next_sync_reason: str


@dataclass(frozen=True, slots=True)
class State:
    """Everything `manage.py status` shows."""

    connections: list[ConnectionState]
    ad_accounts: list[AdAccountState]
    rows: dict[str, int]

    def as_json(self) -> str:
        """One object, with instants as ISO text."""
        return json.dumps(asdict(self), default=_iso)


def state(*, now: datetime | None = None) -> State:
    """Read it all from the database."""
    now = now or timezone.now()
    named = _first_incomplete_days()
    ad_accounts = list(with_sync_state(AdAccount.objects.all(), now=now))
    expected = expected_syncs([one.pk for one in ad_accounts], now=now)
    rows = LinkedInConnection.objects.select_related("user").without_tokens()
    return State(
        connections=[connection_state(one, now=now) for one in rows.order_by("pk")],
        ad_accounts=[_ad_account_state(one, named, expected[one.pk]) for one in ad_accounts],
        rows=row_counts(),
    )


def row_counts() -> dict[str, int]:
    """Rows of each of the seven tables, by table name."""
    return {model._meta.db_table: model._default_manager.count() for model in SEVEN_TABLES}


class SyncColumns(TypedDict):
    """What `with_sync_state` adds to an ad account."""

    data_as_of: datetime | None
    checked_through: date | None
    demographics_through: date | None
    first_incomplete: date | None
    incomplete_day_count: int
    last_status: str | None
    last_errors: str | None


if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    AdAccountWithSyncs = WithAnnotations[AdAccount, SyncColumns]


def with_sync_state(ad_accounts: QuerySet[AdAccount], *, now: datetime | None = None) -> "QuerySet[AdAccountWithSyncs]":
    """Ad accounts with the state of their syncs; `complete_through` reads it.

    What a clock that was wrong dated ahead counts for nothing. Each column is a step or a few down an index of one ad
    account, however long its history is.
    """
    latest = clock.latest(now or timezone.now())
    runs = SyncLog.objects.filter(account=OuterRef("pk")).exclude(status__in=SyncLog.NEVER_RAN)
    runs = runs.filter(started_at__lte=latest).order_by("-started_at")
    incomplete = IncompleteDay.objects.filter(account=OuterRef("pk")).order_by().values("account")
    annotated = ad_accounts.annotate(
        campaigns_as_of=_newest(coverage.CAMPAIGN_DAYS, "asked_at", latest),
        creatives_as_of=_newest(coverage.CREATIVE_DAYS, "asked_at", latest),
        checked_through=_newest(coverage.CHECKED_DAYS, "last_day", latest),
        demographics_through=_demographics_through(latest),
        first_incomplete=Subquery(incomplete.annotate(day=Min("date")).values("day")),
        incomplete_day_count=Coalesce(Subquery(incomplete.annotate(days=Count("pk")).values("days")), 0),
        last_status=Subquery(runs.values("status")[:1]),
        last_errors=Subquery(runs.values("errors")[:1]),
    )
    # Figures are as recent as the older of the two tables, and where one has none there are none.
    both = Q(campaigns_as_of__isnull=False, creatives_as_of__isnull=False)
    as_of = Case(When(both, then=Least("campaigns_as_of", "creatives_as_of")))
    return annotated.annotate(data_as_of=as_of).select_related("sync_gate")


def _newest(dataset: Dataset, column: str, latest: datetime) -> Subquery:
    """Of the newest days that are covered."""
    rows = CoveredDays.objects.filter(
        account=OuterRef("pk"),
        data_table=dataset.data_table,
        pivot_type=dataset.pivot_type,
        asked_at__lte=latest,
    )
    return Subquery(rows.order_by("-last_day").values(column)[:1])


def _demographics_through(latest: datetime) -> Case:
    """The last day of the pivot that is furthest behind; None where one never came whole."""
    rows = CoveredDays.objects.filter(
        account=OuterRef("pk"),
        data_table=AudienceDemographic._meta.db_table,
        is_whole=True,
        asked_at__lte=latest,
    ).order_by()
    by_pivot = rows.values("pivot_type").annotate(last=Max("last_day")).order_by("last").values("last")
    pivots = rows.values("account").annotate(pivots=Count("pivot_type", distinct=True)).values("pivots")
    return Case(When(Exact(Subquery(pivots), len(AudienceDemographic.PivotType.values)), then=Subquery(by_pivot[:1])))


def complete_through(ad_account: "AdAccountWithSyncs") -> date | None:
    """The last day up to which every day that was checked is complete; figures alone decide."""
    return before_the_first(ad_account.first_incomplete, checked_through=ad_account.checked_through)


def before_the_first(incomplete: date | None, *, checked_through: date | None) -> date | None:
    """The last checked day with no incomplete day before it."""
    if checked_through is None or incomplete is None:
        return checked_through
    return min(checked_through, incomplete - timedelta(days=1))


def connection_state(connection: LinkedInConnection, *, now: datetime) -> ConnectionState:
    """The state of a consent; days left only while it is living."""
    return ConnectionState(
        id=connection.pk,
        person=connection.person,
        state=connection.state_at(now),
        token_until=connection.access_token_expires_at,
        days_left=connection.days_left(now) if connection.is_living(now) else None,
        trouble=connections.what_to_do(connection, now=now) or None,
        missing_scopes=connections.missing_scopes(connection),
    )


def _ad_account_state(
    ad_account: "AdAccountWithSyncs", named: Mapping[int, list[date]], expected: ExpectedSync
) -> AdAccountState:
    gate = getattr(ad_account, "sync_gate", None)
    return AdAccountState(
        id=ad_account.pk,
        name=ad_account.name,
        data_as_of=ad_account.data_as_of,
        complete_through=complete_through(ad_account),
        incomplete_days=ad_account.incomplete_day_count,
        first_incomplete_days=named.get(ad_account.pk, []),
        last_status=ad_account.last_status,
        last_errors=ad_account.last_errors,
        last_asked_at=gate.asked_at if gate else None,
        last_answer=gate.answer if gate else None,
        next_sync_at=expected.next_at,
        next_sync_reason=expected.reason,
    )


def _first_incomplete_days() -> dict[int, list[date]]:
    """The first few days that do not add up, by ad account; few ad accounts have any."""
    rank = Window(RowNumber(), partition_by="account", order_by="date")
    days = IncompleteDay.objects.annotate(rank=rank).filter(rank__lte=_MAX_DAYS_NAMED).order_by("account", "date")
    named: dict[int, list[date]] = {}
    for ad_account_id, day in days.values_list("account", "date"):
        named.setdefault(ad_account_id, []).append(day)
    return named


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in the status")
