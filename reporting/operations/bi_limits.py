"""Holds BI roles to their limits; a task calls it every minute.

PostgreSQL lets every role lift its own time-outs, for a session or for good. So what runs longer is ended from here,
and what a role changed of its settings is set back.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from django.db import connection
from psycopg import sql

from reporting.models import ReportingRole

MAX_STATEMENT: Final = timedelta(minutes=5)
MAX_IDLE_IN_TRANSACTION: Final = timedelta(minutes=5)
SETTINGS: Final[Mapping[str, str]] = {
    "default_transaction_read_only": "on",
    "statement_timeout": "5min",
    # An open transaction keeps vacuum from marking the pages that reports could skip.
    "idle_in_transaction_session_timeout": "5min",
    "search_path": "reporting",
}

# A whole session is ended: a cancelled statement would be followed by the next one of a loop.
_END = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE usename = ANY(%(names)s) AND backend_type = 'client backend'
  AND (state IN ('active', 'fastpath function call')
       AND query_start < clock_timestamp() - make_interval(secs => %(statement)s)
       OR state LIKE 'idle in transaction%%' AND state_change < clock_timestamp() - make_interval(secs => %(idle)s))
"""
# Roles that exist, with what is set for them anywhere but as above.
_CHANGED = """
SELECT role.rolname, database.datname
FROM pg_roles AS role
LEFT JOIN pg_db_role_setting AS setting ON setting.setrole = role.oid
LEFT JOIN pg_database AS database ON database.oid = setting.setdatabase
WHERE role.rolname = ANY(%(names)s)
  AND (database.oid IS NOT NULL OR NOT coalesce(setting.setconfig, '{}'::text[]) @> %(expected)s
       OR NOT coalesce(setting.setconfig, '{}'::text[]) <@ %(expected)s)
"""


def enforce(
    *, statement: timedelta = MAX_STATEMENT, idle_in_transaction: timedelta = MAX_IDLE_IN_TRANSACTION
) -> tuple[int, int]:
    """How many sessions were ended, and how many roles' settings were set back."""
    names = list(ReportingRole.objects.values_list("pk", flat=True))
    if not names:
        return 0, 0
    with connection.cursor() as cursor:
        limits = {"statement": statement.total_seconds(), "idle": idle_in_transaction.total_seconds()}
        cursor.execute(_END, {"names": names, **limits})
        [ended] = cursor.fetchone()
        expected = [f"{name}={value}" for name, value in SETTINGS.items()]
        cursor.execute(_CHANGED, {"names": names, "expected": expected})
        changed = cursor.fetchall()
        for role, database in changed:
            if database is not None:
                _execute("ALTER ROLE {} IN DATABASE {} RESET ALL", role, database)
        for role in {role for role, _ in changed}:
            _execute("ALTER ROLE {} RESET ALL", role)
            apply_settings(role)
    return ended, len({role for role, _ in changed})


def apply_settings(role: str) -> None:
    """What its sessions begin with."""
    for name, value in SETTINGS.items():
        _execute(f"ALTER ROLE {{}} SET {name} = {{}}", role, sql.Literal(value))


def _execute(statement: str, *names: str | sql.Literal) -> None:
    quoted = [one if isinstance(one, sql.Literal) else sql.Identifier(one) for one in names]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*quoted).as_string())
