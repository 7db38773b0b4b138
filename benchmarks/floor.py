"""The least that one sync could take: the same bytes downloaded, the same rows stored by bare COPY and upsert.

Nothing is parsed, validated, counted or compared on the way.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, LiteralString
from unittest.mock import patch

import requests
from psycopg import sql

_TABLES: Final[dict[str, LiteralString]] = {
    "campaigns": "id",
    "creatives": "id",
    "account_daily_totals": "account_id, date",
    "campaign_daily_metrics": "campaign_id, date",
    "creative_daily_metrics": "creative_id, date",
    "audience_demographics": "account_id, pivot_type, segment, date_start",
}
_COLUMNS = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''
    ORDER BY attnum
"""
_READ = "COPY (SELECT {names} FROM {table} ORDER BY {key}) TO STDOUT"
_BARE = "CREATE TABLE bare (LIKE {table} INCLUDING ALL)"
_INCOMING = "CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA"
_UPSERT = """
    INSERT INTO bare ({names}) SELECT {names} FROM incoming ON CONFLICT ({key}) DO UPDATE SET {assignments}
"""


@contextmanager
def remembered_requests() -> Iterator[list[requests.PreparedRequest]]:
    """What is sent meanwhile by `requests`."""
    sent: list[requests.PreparedRequest] = []
    send: Callable[..., requests.Response] = requests.Session.send

    def remember(session: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        sent.append(request)
        return send(session, request, **options)

    with patch.object(requests.Session, "send", remember):
        yield sent


def download_seconds(sent: Sequence[requests.PreparedRequest], *, concurrency: int) -> float:
    """The same requests again, as many side by side."""
    started = time.perf_counter()
    with requests.Session() as session, ThreadPoolExecutor(concurrency) as threads:

        def read(request: requests.PreparedRequest) -> int:
            with session.send(request, timeout=300) as response:
                response.raise_for_status()
                return len(response.content)

        for _ in threads.map(read, sent):
            pass
    return time.perf_counter() - started


def load_seconds() -> float:
    """The stored rows once more, into empty tables with the same columns and indexes."""
    return sum(_load_table(table, key) for table, key in _TABLES.items())


def _load_table(table: str, key: LiteralString) -> float:
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [table])
        columns = [sql.Identifier(name) for (name,) in cursor.fetchall()]
        known = {
            "table": sql.Identifier(table),
            "names": sql.SQL(", ").join(columns),
            "key": sql.SQL(key),
            "assignments": sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(column) for column in columns),
        }
        with cursor.copy(sql.SQL(_READ).format(**known)) as copy:
            rows = [bytes(block) for block in copy]
        cursor.execute(sql.SQL(_BARE).format(**known))
        started = time.perf_counter()
        with transaction.atomic():
            cursor.execute(sql.SQL(_INCOMING).format(**known))
            with cursor.copy(sql.SQL("COPY incoming ({names}) FROM STDIN").format(**known)) as copy:
                for block in rows:
                    copy.write(block)
            cursor.execute(sql.SQL(_UPSERT).format(**known))
        seconds = time.perf_counter() - started
        cursor.execute("DROP TABLE bare")
    return seconds
