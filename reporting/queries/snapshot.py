"""What a snapshot needs besides the report queries: entities, their days as JSON, and data quality."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import AdAccount
from accounts.shell import clock
from ingestion.models import Campaign, Creative, IncompleteDay, SyncLog
from reporting.metrics import COLUMNS, Sum, Type
from reporting.periods import Period
from reporting.queries.data_as_of import stored_days
from reporting.queries.grouping import Selection

_ENTITIES_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The last run that stored something, the days that do not match, and the first stored day."""

    run: SyncLog | None
    incomplete_days: list[date]
    first_stored_day: date | None


@contextmanager
def one_moment() -> Iterator[None]:
    """All statements inside see the database as the first one did, whatever a sync stores in the meantime.

    Inside a caller's transaction, what that transaction sees.
    """
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def campaigns(ad_account_id: int) -> Iterator[Campaign]:
    """All campaigns in any status, by id."""
    return Campaign.objects.filter(account=ad_account_id).order_by("pk").iterator(chunk_size=500)


def creatives(ad_account_id: int) -> Iterator[Creative]:
    """All creatives, by id; one that LinkedIn no longer lists may have no campaign."""
    return Creative.objects.filter(account=ad_account_id).order_by("pk").iterator(chunk_size=500)


def campaign_ids(ad_account_id: int) -> Iterator[int]:
    return Campaign.objects.filter(account=ad_account_id).order_by("pk").values_list("pk", flat=True).iterator()


def campaigns_of_creatives(ad_account_id: int) -> Iterator[tuple[str, int | None]]:
    """Each creative's id and its campaign's id, by creative id."""
    return Creative.objects.filter(account=ad_account_id).order_by("pk").values_list("pk", "campaign_id").iterator()


def days_of_campaigns(*, ad_accounts: QuerySet[AdAccount], period: Period) -> Iterator[tuple[int, str]]:
    """Each campaign's days as the elements of a JSON array, in order."""
    yield from _days(ad_accounts, period, key="campaign.id", by_creative=False)


def days_of_creatives(*, ad_accounts: QuerySet[AdAccount], period: Period) -> Iterator[tuple[str, str]]:
    """Each creative's days as the elements of a JSON array, in order."""
    yield from _days(ad_accounts, period, key="day.creative_id", by_creative=True)


def trust(*, ad_accounts: QuerySet[AdAccount], period: Period, now: datetime) -> Trust:
    """How far to trust the figures of one ad account."""
    stored = SyncLog.objects.filter(
        account__in=ad_accounts,
        status__in=[SyncLog.Status.SUCCESS, SyncLog.Status.PARTIAL],
        started_at__lte=clock.latest(now),
    )
    incomplete = IncompleteDay.objects.filter(account__in=ad_accounts, date__range=(period.first_day, period.last_day))
    days = stored_days(ad_accounts=ad_accounts)
    return Trust(
        run=stored.order_by("-started_at").first(),
        incomplete_days=list(incomplete.order_by("date").values_list("date", flat=True)),
        first_stored_day=days[0] if days else None,
    )


def _days(ad_accounts: QuerySet[AdAccount], period: Period, *, key: str, by_creative: bool) -> Iterator[Any]:
    """PostgreSQL writes the JSON: half a million days as Python objects would take most of the time and memory."""
    source = Selection(ad_accounts, period).source(by_creative=by_creative)
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            f"SELECT {key}, string_agg({_DAY_AS_JSON}, ',' ORDER BY day.date) {source.sql} GROUP BY {key}",
            source.params,
        )
        while rows := cursor.fetchmany(_ENTITIES_AT_ONCE):
            yield from rows


def _figure_as_json(column: Sum) -> str:
    """Decimals as text without trailing zeros."""
    value = f"day.{column.name}::text"
    if column.type is Type.DECIMAL:
        value = f"""'"' || trim_scale(day.{column.name})::text || '"'"""
    if column.is_nullable:
        value = f"coalesce({value}, 'null')"
    return f"""',"{column.name}":' || {value}"""


_DAY_AS_JSON = """'{"date":"' || day.date::text || '"' || """ + " || ".join(map(_figure_as_json, COLUMNS)) + " || '}'"
