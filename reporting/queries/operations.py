"""The status of the installation, for its operators: processes, queue, syncs, sizes, versions, incidents.

Only counts and ids of the whole installation, no LinkedIn data, so the person's ad accounts do not matter. Nothing
here scans a table that grows with LinkedIn's figures: sizes are PostgreSQL's estimates, syncs are read for one day.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import redis
from django.conf import settings
from django.db import connection
from django.db.models import F

from accounts.audit import alerts, outbox
from accounts.models import AdAccount, LinkedInConnection
from accounts.settings_checks import sunset_of
from ingestion.processes import heartbeats
from ingestion.processes.heartbeats import QueueLength, WorkerHeartbeat
from ingestion.timetable.expected_sync import expected_syncs
from ingestion.timetable.sync_status import SEVEN_TABLES, complete_through, with_sync_state

DAY: Final = timedelta(days=1)
QUANTILES: Final = (0.5, 0.95, 1.0)
INCIDENT_KINDS: Final = ("broker", "worker", "beat", "consent", "version", "data", "rejected", "audit", "alert")
# Twice the freshness: one sync may fail and be retried before anybody is alerted.
_FRESHNESSES_UNTIL_OLD: Final = 2
_CONSENT_DAYS: Final = 14
_SUNSET_DAYS: Final = 60
_AUDIT_DELAY: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Processes:
    """Workers, beat and the queue, as stored in Valkey; `is_known` is false if Valkey does not answer."""

    is_known: bool
    workers: list[WorkerHeartbeat]
    beat_last_tick_at: datetime | None
    queue: QueueLength | None


@dataclass(frozen=True, slots=True)
class SyncDay:
    """The syncs that started within 24 hours; `seconds` by quantile, for those that stored something."""

    results: dict[tuple[str, str], int]
    calls: int
    calls_throttled: int
    rows_stored: int
    rows_rejected: int
    seconds: dict[float, float]


@dataclass(frozen=True, slots=True)
class DataAge:
    """One ad account that can be read: when its last complete sync began and through which day it is complete.

    `is_old` where it should be more recent; `may_be_old` where it is old and nobody is to be alarmed about it, because
    the ad account is paused or its entry in the timetable is switched off.
    """

    ad_account_id: int
    data_as_of: datetime | None
    complete_through: date | None
    is_old: bool
    may_be_old: bool


@dataclass(frozen=True, slots=True)
class Consent:
    """One LinkedIn connection; days until its consent and its access token end, 0 once it is lost."""

    connection_id: int
    state: str
    consent_days_left: int
    token_days_left: float


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that needs attention, and what to do."""

    kind: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ServiceState:
    """Everything on a status page of the service."""

    product_version: str
    linkedin_version: str
    linkedin_sunset: date | None
    processes: Processes
    running_syncs: int
    last_day: SyncDay
    data_ages: list[DataAge]
    consents: list[Consent]
    database_bytes: int
    estimated_rows: dict[str, int]
    incidents: list[Incident]


def service_state(now: datetime) -> ServiceState:
    """Read everything: six queries, a few more where data is old, and a few requests to Valkey."""
    linkedin_sunset = sunset_of(settings.LINKEDIN_API_VERSION)
    running, database_bytes, estimated_rows = sizes()
    found, last_day, ages, given = processes(now), sync_day(now), data_ages(now), consents(now)
    return ServiceState(
        product_version=settings.PRODUCT_VERSION,
        linkedin_version=settings.LINKEDIN_API_VERSION,
        linkedin_sunset=linkedin_sunset,
        processes=found,
        running_syncs=running,
        last_day=last_day,
        data_ages=ages,
        consents=given,
        database_bytes=database_bytes,
        estimated_rows=estimated_rows,
        incidents=[
            *_process_incidents(found, now=now),
            *_linkedin_incidents(given, linkedin_sunset, now=now),
            *_data_incidents(ages, last_day),
            *_audit_incidents(now=now),
        ],
    )


def processes(now: datetime) -> Processes:
    """Never raises: that Valkey is down is part of the result."""
    try:
        return Processes(True, heartbeats.workers(now), heartbeats.beat_last_tick(now), heartbeats.queue_length())
    except redis.RedisError:
        return Processes(False, [], None, None)


def sync_day(now: datetime) -> SyncDay:
    """Uses the index on `started_at`. Includes discoveries; runs of the last day are never pruned."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH day AS (SELECT * FROM sync_log WHERE started_at >= %(since)s)
            SELECT status, COALESCE(error_kind, ''), count(*),
                   sum(api_calls_made), sum(api_calls_throttled), sum(rows_stored), sum(rows_rejected),
                   (SELECT percentile_cont(%(quantiles)s) WITHIN GROUP (
                        ORDER BY EXTRACT(EPOCH FROM finished_at - started_at)::float)
                    FROM day WHERE account_id IS NOT NULL AND status IN ('success', 'partial'))
            FROM day GROUP BY 1, 2 ORDER BY 1, 2
            """,
            {"since": now - DAY, "quantiles": list(QUANTILES)},
        )
        rows = cursor.fetchall()
    calls, throttled, stored, rejected = (sum(row[column] for row in rows) for column in range(3, 7))
    quantiles = (rows[0][7] if rows else None) or []
    return SyncDay(
        results={(row[0], row[1]): row[2] for row in rows},
        calls=calls,
        calls_throttled=throttled,
        rows_stored=stored,
        rows_rejected=rejected,
        seconds=dict(zip(QUANTILES, quantiles, strict=False)),
    )


def data_ages(now: datetime) -> list[DataAge]:
    """For all ad accounts not missing at LinkedIn, oldest data first."""
    known = with_sync_state(AdAccount.objects.filter(missing_since=None), now=now).select_related(None)
    rows = list(known.order_by(F("data_as_of").asc(nulls_first=True), "pk"))
    expected = expected_syncs([one.pk for one in rows if is_old(one.data_as_of, now)], now=now)
    return [
        DataAge(
            ad_account_id=one.pk,
            data_as_of=one.data_as_of,
            complete_through=complete_through(one),
            is_old=one.pk in expected and not expected[one.pk].may_grow_old,
            may_be_old=one.pk in expected and expected[one.pk].may_grow_old,
        )
        for one in rows
    ]


def consents(now: datetime) -> list[Consent]:
    """For all LinkedIn connections that nobody ended."""
    connections = LinkedInConnection.objects.exclude(state=LinkedInConnection.State.REVOKED)
    return [_consent(one, now=now) for one in connections.without_tokens().order_by("pk")]


def sizes() -> tuple[int, int, dict[str, int]]:
    """Running syncs, bytes of the database, and the estimated rows of each of the seven tables.

    PostgreSQL keeps row counts, per partition if a table has any; after a crash only its last ANALYZE is left. The
    running syncs are the entries of the constraint that allows one per ad account, plus discoveries.
    """
    tables = [model._meta.db_table for model in SEVEN_TABLES]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT whole.relname,
                   sum(COALESCE(NULLIF(n_live_tup, 0), greatest(part.reltuples, 0)::bigint))::bigint,
                   pg_database_size(current_database()),
                   (SELECT count(*) FROM sync_log WHERE status = 'running')
            FROM pg_class AS whole
            CROSS JOIN LATERAL (SELECT whole.oid UNION ALL
                                SELECT inhrelid FROM pg_inherits WHERE inhparent = whole.oid) AS holds (oid)
            JOIN pg_class AS part ON part.oid = holds.oid AND part.relkind = 'r'
            JOIN pg_stat_user_tables ON relid = part.oid
            WHERE whole.relname = ANY(%s) AND whole.relnamespace = current_schema()::regnamespace
            GROUP BY whole.relname
            """,
            [tables],
        )
        rows = cursor.fetchall()
    counted = {row[0]: row[1] for row in rows}
    return rows[0][3], rows[0][2], {table: counted[table] for table in tables}


def is_old(data_as_of: datetime | None, now: datetime) -> bool:
    """Never synced, or not for twice the freshness."""
    longest = timedelta(minutes=_FRESHNESSES_UNTIL_OLD * max(settings.FRESHNESS_TTL_MINUTES, 30))
    return data_as_of is None or now - data_as_of > longest


def _consent(one: LinkedInConnection, *, now: datetime) -> Consent:
    token_days_left = max(0.0, (one.access_token_expires_at - now) / DAY) if one.is_living(now) else 0.0
    return Consent(one.pk, one.state_at(now), one.days_left(now), token_days_left)


def _process_incidents(found: Processes, *, now: datetime) -> list[Incident]:
    if not found.is_known:
        return [Incident("broker", "Valkey does not answer, so no syncs start.", "Start it, or check REDIS_URL.")]
    incidents = []
    if not found.workers:
        incidents.append(Incident("worker", "No worker is running.", "Start one: celery --app config worker."))
    ticked_at = found.beat_last_tick_at
    if ticked_at is None or now - ticked_at > heartbeats.BEAT_ALIVE:
        incidents.append(
            Incident("beat", "Beat is not running, so nothing is scheduled.", "Start it: celery --app config beat.")
        )
    return incidents


def _linkedin_incidents(consents: list[Consent], sunset: date | None, *, now: datetime) -> list[Incident]:
    ending = sum(one.consent_days_left <= _CONSENT_DAYS for one in consents)
    incidents = []
    if ending:
        what = f"{ending} of {len(consents)} LinkedIn consents are lost or end within {_CONSENT_DAYS} days."
        incidents.append(Incident("consent", what, "The people who gave them must connect LinkedIn again."))
    if sunset is None or sunset - now.date() <= timedelta(days=_SUNSET_DAYS):
        what = f"LinkedIn serves API version {settings.LINKEDIN_API_VERSION} until {sunset or 'an unknown date'}."
        incidents.append(Incident("version", what, "Set LINKEDIN_API_VERSION to a newer release and restart."))
    return incidents


def _data_incidents(data_ages: list[DataAge], last_day: SyncDay) -> list[Incident]:
    old = sum(data.is_old for data in data_ages)
    incidents = []
    if old:
        what = f"The data of {old} of {len(data_ages)} ad accounts is older than it should be."
        incidents.append(Incident("data", what, "The sync runs in the admin say why; so does `manage.py status`."))
    if last_day.rows_rejected:
        what = f"{last_day.rows_rejected} records from LinkedIn were rejected within 24 hours."
        incidents.append(Incident("rejected", what, "The rejected records in the admin name the field of each."))
    return incidents


def _audit_incidents(*, now: datetime) -> list[Incident]:
    failing_since, unseen = outbox.failing_since(), alerts.unseen().count()
    incidents = []
    if failing_since and now - failing_since > _AUDIT_DELAY:
        what = f"Events of the audit trail have not reached their destination since {failing_since:%Y-%m-%d %H:%M} UTC."
        incidents.append(Incident("audit", what, "Unsent events in the admin say why."))
    if unseen:
        what = f"Nobody has looked at {unseen} alert{'' if unseen == 1 else 's'} about people and access."
        incidents.append(Incident("alert", what, "An owner reads them under Alerts and marks them as seen."))
    return incidents
