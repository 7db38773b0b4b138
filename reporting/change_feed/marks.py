"""Marks after a restore: a server counts transactions from its own start, and rows bring the numbers of another one."""

from django.db import connection, transaction
from psycopg import sql

_TABLES = (
    "SELECT attrelid::regclass::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
    " WHERE attname = 'change_mark' AND relkind IN ('r', 'p') AND NOT relispartition"
    " AND relnamespace = to_regnamespace('public') AND NOT attisdropped"
)
_HIGHEST = "SELECT max(change_mark) AS mark FROM {table} WHERE change_mark > 0"
_NEXT = "SELECT change_mark_offset(), pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_RAISE = "CREATE OR REPLACE FUNCTION change_mark_offset() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS {body}"


def restart() -> None:
    """Refuse all cursors given so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT restart_change_feed()")


def keep_in_the_past(**_: object) -> None:
    """Begin above all stored marks, where this server has not reached them yet. Listens to `post_migrate`."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regproc('change_mark_offset') IS NOT NULL")
        if cursor.fetchone() != (True,):
            return
        cursor.execute(_TABLES)
        tables = [table for (table,) in cursor.fetchall()]
        highest = 0
        for table in tables:
            cursor.execute(_HIGHEST.format(table=table))
            [mark] = cursor.fetchone()
            highest = max(highest, mark or 0)
        cursor.execute(_NEXT)
        offset, next_number = cursor.fetchone()
        if highest >= next_number + offset:
            body = sql.Literal(f"SELECT {highest + 1}::bigint").as_string()
            cursor.execute(_RAISE.format(body=body))
            restart()
