"""How the installation stands: connections, how recent the data is, row counts."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from accounts.models import AdAccount, LinkedInConnection
from ingestion.models import (
    AudienceDemographic,
    Campaign,
    CampaignDailyMetric,
    Creative,
    CreativeDailyMetric,
    SyncLog,
)

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

    person: str
    state: str
    token_until: datetime
    trouble: str | None


@dataclass(frozen=True, slots=True)
class AdAccountState:
    """One ad account and its last run."""

    id: int
    name: str | None
    data_as_of: datetime | None
    last_status: str | None
    last_errors: str | None


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


def state() -> State:
    """Read it all from the database."""
    return State(
        connections=[
            ConnectionState(
                person=str(one.user or "from the terminal"),
                state=one.state,
                token_until=one.access_token_expires_at,
                trouble=one.trouble,
            )
            for one in LinkedInConnection.objects.select_related("user").order_by("pk")
        ],
        ad_accounts=[AdAccountState(**row) for row in _ad_accounts()],
        rows=row_counts(),
    )


def row_counts() -> dict[str, int]:
    """Rows of each of the seven tables, by table name."""
    return {model._meta.db_table: model._default_manager.count() for model in SEVEN_TABLES}


def _ad_accounts() -> Any:
    runs = SyncLog.objects.filter(account=OuterRef("pk")).order_by("-started_at")
    success = runs.filter(status=SyncLog.Status.SUCCESS)
    return AdAccount.objects.annotate(
        data_as_of=Subquery(success.values("started_at")[:1]),
        last_status=Subquery(runs.values("status")[:1]),
        last_errors=Subquery(runs.values("errors")[:1]),
    ).values("id", "name", "data_as_of", "last_status", "last_errors")


def _with_text_instants(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _with_text_instants(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_text_instants(item) for item in value]
    return value
