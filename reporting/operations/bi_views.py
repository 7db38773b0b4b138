"""The views that BI tools read: made after `migrate` wherever what is stored differs from `bi_view_columns.py`.

So a further metric needs no migration of the views. Two helper views are in the schema of the tables, where no BI
role can read them; `migrations/sql/views_for_bi.sql` makes those.
"""

import hashlib
from collections.abc import Iterable

from django.db import connection, transaction
from django.db.migrations import AlterField, Migration, RemoveField, RenameField
from psycopg import sql

from reporting.operations.bi_view_columns import View, views

_HELPER = "reporting_synced_ad_accounts"
_TABLES_OF_METRICS = ("campaign_daily_metrics", "audience_demographics")


def refresh(**_: object) -> None:
    """Make the views, unless they are what they should be already. Listens to `post_migrate`."""
    # Not before the last migration of what they rest on.
    if "checked_days" not in _columns_of(_HELPER):
        return
    wanted = views({table: _columns_of(table) for table in _TABLES_OF_METRICS})
    statements = {view: _statements(view) for view in wanted}
    version = hashlib.sha256(repr(list(statements.values())).encode()).hexdigest()
    if _version() == version and all(_columns_of(view.path) for view in wanted):
        return
    with transaction.atomic(), connection.cursor() as cursor:
        for view, of_view in statements.items():
            if not _places(view):
                cursor.execute(f"DROP VIEW IF EXISTS {view.path}")
            for statement in of_view:
                cursor.execute(statement)
        cursor.execute(_comment(f"VIEW {_HELPER}", version))


def step_aside(*, plan: Iterable[tuple[Migration, bool]], **_: object) -> None:
    """Drop the views where columns are to be changed or removed, which a view forbids. Listens to `pre_migrate`."""
    if any(is_backwards or _changes_columns(migration) for migration, is_backwards in plan):
        with connection.cursor() as cursor:
            cursor.execute(f"DROP VIEW IF EXISTS {', '.join(view.path for view in views())}")


def _changes_columns(migration: Migration) -> bool:
    return migration.app_label in ("accounts", "ingestion") and any(
        isinstance(operation, AlterField | RemoveField | RenameField) for operation in migration.operations
    )


def _statements(view: View) -> list[str]:
    return [
        view.statement(_places(view)),
        _comment(f"VIEW {view.path}", view.about),
        *(_comment(f"COLUMN {view.path}.{one.name}", f"{one.meaning} ({one.unit})") for one in view.columns),
    ]


def _places(view: View) -> list[str]:
    """The columns that keep their places: the stored ones, unless one of them is to go."""
    stored = _columns_of(view.path)
    return stored if {column.name for column in view.columns}.issuperset(stored) else []


def _version() -> str | None:
    """Of the statements that made the views."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT obj_description(%s::regclass)", [_HELPER])
        [version] = cursor.fetchone()
        return str(version) if version else None


def _comment(on: str, text: str) -> str:
    return f"COMMENT ON {on} IS {sql.Literal(text).as_string()}"


def _columns_of(relation: str) -> list[str]:
    """In their order; none where there is no such table or view."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"
            " ORDER BY attnum",
            [relation],
        )
        return [name for (name,) in cursor.fetchall()]
