"""How the installation stands: connections, how recent the data is, row counts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, DateField, F, Min, OuterRef, QuerySet, Subquery, Window
from django.db.models.functions import Cast, Coalesce, Least, RowNumber, TruncDate
from django.utils import timezone

from accounts.consents import connections
from accounts.models import AdAccount, LinkedInConnection
from ingestion.models import (
    AudienceDemographic,
    Campaign,
    CampaignDailyMetric,
    Creative,
    CreativeDailyMetric,
    IncompleteDay,
    SyncLog,
)

_DAYS_NAMED = 10
# A longer stretch than this of successes that reach less far than older ones would be told too early a day.
_SUCCESSES_LOOKED_AT = 8
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
    """One LinkedIn connection, as a person would want to know it."""

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


@dataclass(frozen=True, slots=True)
class State:
    """Everything `manage.py status` says."""

    connections: list[ConnectionState]
    ad_accounts: list[AdAccountState]
    rows: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """Instants as ISO text."""
        shown: dict[str, Any] = _with_text_instants(asdict(self))
        return shown


def state(*, now: datetime | None = None) -> State:
    """Read it all from the database."""
    now = now or timezone.now()
    named = _first_incomplete_days()
    rows = LinkedInConnection.objects.select_related("user").without_tokens()
    return State(
        connections=[connection_state(one, now=now) for one in rows.order_by("pk")],
        ad_accounts=[_ad_account_state(one, named) for one in with_sync_state(AdAccount.objects.all())],
        rows=row_counts(),
    )


def row_counts() -> dict[str, int]:
    """Rows of each of the seven tables, by table name."""
    return {model._meta.db_table: model._default_manager.count() for model in SEVEN_TABLES}


def with_sync_state(ad_accounts: QuerySet[Any]) -> QuerySet[Any, Any]:
    """Ad accounts with what their syncs have to say; `complete_through` reads it.

    Each column is a step or a few down an index of one ad account's runs, however many it has.
    """
    runs = SyncLog.objects.filter(account=OuterRef("pk")).exclude(status=SyncLog.Status.QUEUED).order_by("-started_at")
    incomplete = IncompleteDay.objects.filter(account=OuterRef("pk")).order_by().values("account")
    annotated: QuerySet[Any, Any] = ad_accounts.annotate(
        data_as_of=Subquery(_successes(OuterRef("pk")).values("started_at")[:1]),
        judged_through=Subquery(_judged_lately().values("judged")[:1]),
        first_incomplete=Subquery(incomplete.annotate(day=Min("date")).values("day")),
        incomplete_day_count=Coalesce(Subquery(incomplete.annotate(days=Count("pk")).values("days")), 0),
        last_status=Subquery(runs.values("status")[:1]),
        last_errors=Subquery(runs.values("errors")[:1]),
    )
    return annotated.select_related("sync_gate")


def _successes(ad_account: Any) -> QuerySet[SyncLog]:
    return SyncLog.objects.filter(account=ad_account, status=SyncLog.Status.SUCCESS).order_by("-started_at")


def _judged_lately() -> QuerySet[Any, Any]:
    """The last successes by the last day they judged, newest first; a day is judged when it is over."""
    lately = _successes(OuterRef(OuterRef("pk"))).values("pk")[:_SUCCESSES_LOOKED_AT]
    day_before = Cast(TruncDate("started_at") - timedelta(days=1), DateField())
    judged: QuerySet[Any, Any] = SyncLog.objects.filter(pk__in=lately).annotate(judged=Least("last_day", day_before))
    return judged.filter(first_day__lte=F("judged")).order_by("-judged")


def complete_through(ad_account: Any) -> date | None:
    """The last day up to which every day that was asked for is complete."""
    return before_the_first(ad_account.first_incomplete, judged_through=ad_account.judged_through)


def before_the_first(incomplete: date | None, *, judged_through: date | None) -> date | None:
    """The last judged day that no incomplete one stands before."""
    if judged_through is None or incomplete is None:
        return judged_through
    return min(judged_through, incomplete - timedelta(days=1))


def connection_state(connection: LinkedInConnection, *, now: datetime) -> ConnectionState:
    """How a consent stands; days left only while it lives."""
    return ConnectionState(
        id=connection.pk,
        person=connection.person,
        state=connection.state_at(now),
        token_until=connection.access_token_expires_at,
        days_left=connection.days_left(now) if connection.is_living(now) else None,
        trouble=connections.what_to_do(connection, now=now) or None,
        missing_scopes=connections.missing_scopes(connection),
    )


def _ad_account_state(ad_account: Any, named: Mapping[int, list[date]]) -> AdAccountState:
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
    )


def _first_incomplete_days() -> dict[int, list[date]]:
    """The first few days that do not add up, by ad account; few ad accounts have any."""
    rank = Window(RowNumber(), partition_by="account", order_by="date")
    days = IncompleteDay.objects.annotate(rank=rank).filter(rank__lte=_DAYS_NAMED).order_by("account", "date")
    named: dict[int, list[date]] = {}
    for ad_account_id, day in days.values_list("account", "date"):
        named.setdefault(ad_account_id, []).append(day)
    return named


def _with_text_instants(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _with_text_instants(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_text_instants(item) for item in value]
    return value
