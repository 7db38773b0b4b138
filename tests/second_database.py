"""A second database beside the test's own, and what shows that two databases hold the same."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from reporting.operations import postgresql_programs
from reporting.operations.backup import tables
from reporting.operations.database_objects import SCHEMAS


@contextmanager
def second_database(*, migrated: bool) -> Iterator[str]:
    """The name of one that holds nothing, or the tables as the test's own has them now."""
    own = connection.settings_dict["NAME"]
    name = f"{own}_second"
    template = f' TEMPLATE "{own}"' if migrated else ""
    in_another_database(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"{template}')
    try:
        yield name
    finally:
        in_another_database(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def in_another_database(*statements: str) -> None:
    """As a template or to be dropped, a database must have no connection."""
    with connected_to("postgres"), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    """Django speaks to this database within."""
    own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own


def contents(*, without: str = "") -> dict[str, tuple[int, str]]:
    """Rows and a digest of all their values, but those of a column that may differ, by table."""
    found = {}
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(
                f"""
                SELECT count(*), md5(string_agg(row::text, E'\\n' ORDER BY row::text))
                FROM (SELECT to_jsonb(one) - %s AS row FROM {table} AS one) AS rows
                """,
                [without],
            )
            found[table] = cursor.fetchone()
    return found


def sequences() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'")
        return dict(cursor.fetchall())


def definitions() -> str:
    """Tables, views, constraints, triggers, functions and grants as statements.

    Without casts and brackets, which PostgreSQL sets anew when it reads its own statements, and without the random word
    that some versions add to each dump.
    """
    command = postgresql_programs.command(
        "pg_dump", "--schema-only", *(f"--schema={one}" for one in SCHEMAS), "--no-owner"
    )
    dump = subprocess.run(
        command, env=postgresql_programs.environment(), capture_output=True, text=True, check=True
    ).stdout
    lines = [line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
    return re.sub(r"::(character varying|text)(\[\])?|[()]", "", "\n".join(lines))
