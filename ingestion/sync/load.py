"""Column values into tables: COPY, then one statement that touches only what is new or differs.

The sole writer of campaigns, creatives, daily metrics, account totals, segments and URN names. Every function
runs inside the caller's transaction. An unchanged row is not written at all, not even locked: the upsert sees
only rows that the join found missing or different (`ON CONFLICT … WHERE` alone would lock each one).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from django.db import connection
from psycopg import sql

from ingestion import catalogue
from ingestion.catalogue import Metric
from ingestion.sync import rows as row_shapes
from ingestion.sync.rows import CampaignRow, CreativeRow, DayRow, Id, Row

DayKey = tuple[Id, date]

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Table:
    """A table and its columns, those that name a row first.

    `parents`: the table that the first column leads to, where rows belong to an ad account by that one alone.
    """

    table: str
    columns: tuple[str, ...]
    key_columns: int
    parents: str | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row."""
        return self.columns[: self.key_columns]

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that are compared and written."""
        return self.columns[self.key_columns :]

    @property
    def key_type(self) -> str:
        """PostgreSQL's type of the first column of the key."""
        return "text" if "creatives" in (self.table, self.parents) else "bigint"


class Target(Table, Generic[R]):
    """A table that is filled with one kind of row, whose columns are the table's."""


CAMPAIGNS = Target[CampaignRow]("campaigns", CampaignRow._fields, 1)
CREATIVES = Target[CreativeRow]("creatives", CreativeRow._fields, 1)
CAMPAIGN_DAYS = Target[DayRow]("campaign_daily_metrics", row_shapes.CAMPAIGN_DAY_COLUMNS, 2, parents="campaigns")
CREATIVE_DAYS = Target[DayRow]("creative_daily_metrics", row_shapes.CREATIVE_DAY_COLUMNS, 2, parents="creatives")
ACCOUNT_DAYS = Target[DayRow]("account_daily_totals", row_shapes.ACCOUNT_DAY_COLUMNS, 2)
# The share is worked out here, from the segments of the whole month.
SEGMENTS = Target[Row]("audience_demographics", (*row_shapes.SEGMENT_COLUMNS, "share_pct"), 4)


def upsert(target: Target[R], rows: Iterable[R] | bytes, *, now: datetime) -> int:
    """Store rows, or COPY's text of them, whose keys must be distinct; returns how many were new or different."""
    _copy_incoming(target, target.columns, rows)
    return _merge(target, now=now)


def insert_days(target: Target[DayRow], rows: bytes, *, now: datetime) -> None:
    """Store a whole answer for days of which nothing is stored, given as COPY's text."""
    _copy_incoming(target, target.columns, rows)
    _insert(target, sql.SQL(""), now=now)


def upsert_days(
    target: Target[DayRow],
    rows: Iterable[DayRow] | bytes,
    *,
    ad_account_id: int,
    first_day: date,
    last_day: date,
    campaign_ids: Collection[int] | None = None,
    now: datetime,
) -> list[DayKey]:
    """Store a whole answer for a range of days; returns the keys of stored rows that it no longer holds.

    With `campaign_ids` it is the answer for these campaigns, and says nothing about others.
    """
    _copy_incoming(target, target.columns, rows)
    stale = _not_incoming(
        target, ad_account_id=ad_account_id, first_day=first_day, last_day=last_day, campaign_ids=campaign_ids
    )
    _merge(target, now=now)
    return stale


def upsert_segments(rows: Iterable[Row], *, keep_others_of: Collection[date] = (), now: datetime) -> int:
    """Store the segments of one pivot and some months.

    Each month's shares are computed from the rows given, and are null in a month without impressions. A stored segment
    of those months that is not among them is set to zero: the newest answer for a month replaces the older one.
    `keep_others_of` are months of which the answer may lack segments.
    """
    _copy_incoming(SEGMENTS, SEGMENTS.columns[:-1], rows)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE incoming ADD COLUMN share_pct numeric(9, 6)")
        metrics = [metric.column for metric in catalogue.DEMOGRAPHIC]
        cursor.execute(
            sql.SQL(
                """
                INSERT INTO incoming ({kept}, {metrics}) SELECT {kept}, {nothing} FROM audience_demographics AS stored
                WHERE (account_id, pivot_type, date_start)
                      IN (SELECT account_id, pivot_type, date_start FROM incoming)
                  AND date_start <> ALL (%(kept_months)s::date[])
                  AND (account_id, pivot_type, segment, date_start)
                      NOT IN (SELECT account_id, pivot_type, segment, date_start FROM incoming)
                """
            ).format(
                kept=_names(name for name in row_shapes.SEGMENT_COLUMNS if name not in metrics),
                metrics=_names(metrics),
                nothing=_nothing(catalogue.DEMOGRAPHIC),
            ),
            {"kept_months": list(keep_others_of)},
        )
        cursor.execute(
            """
            UPDATE incoming SET share_pct = round(incoming.impressions * 100.0 / nullif(month.impressions, 0), 6)
            FROM (SELECT pivot_type, date_start, sum(impressions) AS impressions
                  FROM incoming GROUP BY pivot_type, date_start) AS month
            WHERE incoming.pivot_type = month.pivot_type AND incoming.date_start = month.date_start
            """
        )
    return _merge(SEGMENTS, now=now)


def months_of_segments(*, ad_account_id: int, pivot_type: str, first_day: date, last_day: date) -> set[date]:
    """The months that begin within these days and of which segments with figures are stored."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT DISTINCT date_start FROM audience_demographics WHERE account_id = %s AND pivot_type = %s"
                " AND date_start BETWEEN %s AND %s AND ({metrics}) IS DISTINCT FROM ({nothing})"
            ).format(
                metrics=_names(metric.column for metric in catalogue.DEMOGRAPHIC),
                nothing=_nothing(catalogue.DEMOGRAPHIC),
            ),
            [ad_account_id, pivot_type, first_day, last_day],
        )
        return {month for (month,) in cursor.fetchall()}


def set_segments_to_zero(*, ad_account_id: int, pivot_type: str, months: Iterable[date], now: datetime) -> None:
    """LinkedIn took the figures of these months back."""
    metrics = [metric.column for metric in catalogue.DEMOGRAPHIC]
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "UPDATE audience_demographics SET ({metrics}, share_pct) = ROW ({nothing}, NULL), fetched_at = %s"
                " WHERE account_id = %s AND pivot_type = %s AND date_start = ANY(%s)"
                " AND ({metrics}) IS DISTINCT FROM ({nothing})"
            ).format(metrics=_names(metrics), nothing=_nothing(catalogue.DEMOGRAPHIC)),
            [now, ad_account_id, pivot_type, list(months)],
        )


def _not_incoming(
    target: Table, *, ad_account_id: int, first_day: date, last_day: date, campaign_ids: Collection[int] | None
) -> list[DayKey]:
    """Keys of stored rows of the days, other than empty ones, that are not among the incoming ones."""
    of_these = _of_the_ad_account(target) if campaign_ids is None else _of_campaigns(target)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """
                SELECT {key}, date FROM {table} AS stored
                WHERE {of_these} AND date BETWEEN %(first_day)s AND %(last_day)s
                  AND ({metrics}) IS DISTINCT FROM ({nothing})
                  AND NOT EXISTS (SELECT FROM incoming WHERE incoming.{key} = stored.{key}
                                                         AND incoming.date = stored.date)
                """
            ).format(
                key=sql.Identifier(target.key[0]),
                table=sql.Identifier(target.table),
                of_these=of_these,
                metrics=_names((metric.column for metric in catalogue.DAILY), "stored"),
                nothing=_nothing(catalogue.DAILY),
            ),
            {
                "ad_account_id": ad_account_id,
                "first_day": first_day,
                "last_day": last_day,
                "campaign_ids": list(campaign_ids or ()),
            },
        )
        return [(key, day) for key, day in cursor.fetchall()]


def _nothing(metrics: Iterable[Metric]) -> sql.Composed:
    """What each metric is where nothing happened."""
    return sql.SQL(", ").join(sql.Literal(metric.absent) for metric in metrics)


def _of_the_ad_account(target: Table) -> sql.Composable:
    """Condition on `stored`, the alias of a daily table, with the parameter `ad_account_id`."""
    if target.parents is None:
        return sql.SQL("stored.account_id = %(ad_account_id)s")
    return sql.SQL("{key} IN (SELECT id FROM {parents} WHERE account_id = %(ad_account_id)s)").format(
        key=sql.Identifier("stored", target.key[0]), parents=sql.Identifier(target.parents)
    )


def _of_campaigns(target: Table) -> sql.Composable:
    """Condition on `stored`, the alias of a daily table, with the parameter `campaign_ids`."""
    key = sql.Identifier("stored", target.key[0])
    if target.parents == CAMPAIGNS.table:
        return sql.SQL("{key} = ANY(%(campaign_ids)s)").format(key=key)
    return sql.SQL("{key} IN (SELECT id FROM {parents} WHERE campaign_id = ANY(%(campaign_ids)s))").format(
        key=key, parents=sql.Identifier(str(target.parents))
    )


def days_of_no_campaign(target: Table, *, ad_account_id: int, day: date) -> set[Id]:
    """Ids of creatives that have figures on the day and whose campaign is unknown, because they are not listed."""
    if target.parents != CREATIVES.table:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT creative_id FROM {table} AS stored JOIN creatives ON creatives.id = creative_id"
                " WHERE creatives.account_id = %s AND campaign_id IS NULL AND date = %s"
                " AND ({metrics}) IS DISTINCT FROM ({nothing})"
            ).format(
                table=sql.Identifier(target.table),
                metrics=_names((metric.column for metric in catalogue.DAILY), "stored"),
                nothing=_nothing(catalogue.DAILY),
            ),
            [ad_account_id, day],
        )
        return {creative_id for (creative_id,) in cursor.fetchall()}


def set_to_zero(target: Table, keys: Sequence[DayKey], *, now: datetime) -> None:
    """Nothing happened there after all: LinkedIn took the figures back."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "UPDATE {table} SET ({metrics}) = ROW ({nothing}), fetched_at = %s"
                " FROM unnest(%s::{key_type}[], %s::date[]) AS gone (key, day)"
                " WHERE {key} = gone.key AND date = gone.day"
            ).format(
                table=sql.Identifier(target.table),
                key_type=sql.SQL(target.key_type),
                key=sql.Identifier(target.key[0]),
                metrics=_names(metric.column for metric in catalogue.DAILY),
                nothing=_nothing(catalogue.DAILY),
            ),
            [now, [key for key, _ in keys], [day for _, day in keys]],
        )


def _copy_incoming(target: Target[R], columns: Sequence[str], rows: Iterable[R] | bytes) -> None:
    """COPY rows, or their text, into a temporary table `incoming` with the target's types and no constraints."""
    names = _names(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA"
            ).format(names=names, table=sql.Identifier(target.table))
        )
        statement = sql.SQL("COPY incoming ({names}) FROM STDIN").format(names=names)
        with cursor.copy(statement) as copy:
            if isinstance(rows, bytes):
                copy.write(rows)
                return
            for row in rows:
                copy.write_row(row)


def _merge(target: Table, *, now: datetime) -> int:
    """Insert what is missing and update what differs, looked up row by row in the index.

    The lookup is lateral with a limit because a plain join of a few thousand rows tempts the planner into reading the
    whole table for every answer.
    """
    compared = sql.SQL(
        "LEFT JOIN LATERAL (SELECT * FROM {table} WHERE {same_key} LIMIT 1) AS stored ON true"
        " WHERE stored.{a_key} IS NULL OR ({stored_values}) IS DISTINCT FROM ({incoming_values})"
    ).format(
        table=sql.Identifier(target.table),
        same_key=sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier(target.table, name), sql.Identifier("incoming", name))
            for name in target.key
        ),
        a_key=sql.Identifier(target.key[0]),
        stored_values=_names(target.values, "stored"),
        incoming_values=_names(target.values, "incoming"),
    )
    return _insert(target, compared, now=now)


def _insert(target: Table, compared: sql.Composable, *, now: datetime) -> int:
    """Move `incoming`, or what `compared` leaves of it, into the table; returns how many rows that were."""
    statement = sql.SQL(
        """
        INSERT INTO {table} ({columns}, fetched_at)
        SELECT {incoming_columns}, %s FROM incoming {compared}
        ORDER BY {incoming_key}
        ON CONFLICT ({key}) DO UPDATE SET {assignments}, fetched_at = excluded.fetched_at
        """
    ).format(
        table=sql.Identifier(target.table),
        columns=_names(target.columns),
        incoming_columns=_names(target.columns, "incoming"),
        compared=compared,
        key=_names(target.key),
        # In the order of the index, whose pages are then filled one after the other.
        incoming_key=_names(target.key, "incoming"),
        assignments=sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("excluded", name)) for name in target.values
        ),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [now])
        written: int = cursor.rowcount
        cursor.execute("DROP TABLE incoming")
        return written


def _names(columns: Iterable[str], table: str | None = None) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(table, name) if table else sql.Identifier(name) for name in columns)


def add_stubs(target: Table, ids: Iterable[Id], *, ad_account_id: int, now: datetime) -> None:
    """Keep a place for campaigns or creatives that LinkedIn reports figures for and no longer lists."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "INSERT INTO {table} (id, account_id, fetched_at, missing_since)"
                " SELECT id, %s, %s, %s FROM unnest(%s::{key_type}[]) AS id ON CONFLICT (id) DO NOTHING"
            ).format(table=sql.Identifier(target.table), key_type=sql.SQL(target.key_type)),
            [ad_account_id, now, now, list(ids)],
        )


def mark_missing(target: Table, *, ad_account_id: int, seen: Iterable[Id], now: datetime) -> None:
    """Mark what a complete listing no longer holds; nothing is deleted."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "UPDATE {table} SET missing_since = %s"
                " WHERE account_id = %s AND missing_since IS NULL AND id <> ALL(%s)"
            ).format(table=sql.Identifier(target.table)),
            [now, ad_account_id, list(seen)],
        )


def known_ids(target: Table, *, ad_account_id: int) -> set[Id]:
    """Ids of the campaigns or creatives stored for an ad account."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT id FROM {table} WHERE account_id = %s").format(table=sql.Identifier(target.table)),
            [ad_account_id],
        )
        return {row[0] for row in cursor.fetchall()}


def rows_per_day(target: Table, *, ad_account_id: int, first_day: date, last_day: date) -> dict[date, int]:
    """How many rows of a daily table are stored for each day of an ad account."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT date, count(*) FROM {table} AS stored WHERE {of_the_ad_account}"
                " AND date BETWEEN %(first_day)s AND %(last_day)s GROUP BY date"
            ).format(table=sql.Identifier(target.table), of_the_ad_account=_of_the_ad_account(target)),
            {"ad_account_id": ad_account_id, "first_day": first_day, "last_day": last_day},
        )
        return dict(cursor.fetchall())


def names_known(urns: Iterable[str], *, now: datetime) -> dict[str, str | None]:
    """Stored names; None for a URN that is not to be looked up now, because LinkedIn gave no name or refused it.

    What it left out is looked up again after 30 days; what it refused after 30, 60, 120, then every 240 days.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT urn, name FROM urn_names WHERE urn = ANY(%s) AND (name IS NOT NULL"
            " OR looked_up_at >= %s - interval '30 days' * 2 ^ least(greatest(refusals - 1, 0), 3))",
            [list(urns), now],
        )
        return dict(cursor.fetchall())


def names_refused(urns: Sequence[str]) -> set[str]:
    """Those of the URNs that LinkedIn refused when they were last looked up."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT urn FROM urn_names WHERE urn = ANY(%s) AND refusals > 0", [list(urns)])
        return {row[0] for row in cursor.fetchall()}


def store_refusal(urn: str, *, now: datetime) -> None:
    """Remember that LinkedIn refuses to look up a URN, and how often it has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO urn_names (urn, looked_up_at, refusals) VALUES (%s, %s, 1)"
            " ON CONFLICT (urn) DO UPDATE SET name = NULL, looked_up_at = excluded.looked_up_at,"
            " refusals = urn_names.refusals + 1",
            [urn, now],
        )


def unnamed_segments(*, ad_account_id: int) -> list[str]:
    """URNs of the stored segments without a name, those seen most first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT segment FROM audience_demographics WHERE account_id = %s AND segment_name IS NULL"
            " GROUP BY segment ORDER BY sum(impressions) DESC, segment",
            [ad_account_id],
        )
        return [row[0] for row in cursor.fetchall()]


def name_segments(*, ad_account_id: int, now: datetime) -> None:
    """Give stored segments the names that have been looked up since."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audience_demographics SET segment_name = found.name, fetched_at = %s FROM urn_names AS found"
            " WHERE account_id = %s AND segment_name IS NULL AND found.urn = segment AND found.name IS NOT NULL",
            [now, ad_account_id],
        )


def store_names(names: Mapping[str, str | None], *, now: datetime) -> None:
    """Remember names, and that there was none.

    Ad accounts share this table: in order of the key, two syncs never wait for each other in a circle.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO urn_names (urn, name, looked_up_at)"
            " SELECT urn, name, %s FROM unnest(%s::text[], %s::text[]) AS given (urn, name) ORDER BY urn"
            " ON CONFLICT (urn) DO UPDATE SET name = excluded.name, looked_up_at = excluded.looked_up_at, refusals = 0",
            [now, list(names.keys()), list(names.values())],
        )
