"""The test database as it was after migrating, once a test has committed rows."""

from collections.abc import Sequence

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

# All that migrating leaves in the tables of models; a test that changes it puts it back.
_OF_EVERY_INSTALLATION = {"auth_permission", "django_content_type"}
# Truncated, because it refuses DELETE; no other table refers to it.
_APPEND_ONLY = "audit_events"


def empty_tables() -> None:
    """Only those that hold rows; every foreign key waits for the commit, so their order is free."""
    models_tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with transaction.atomic(), connection.cursor() as cursor:
        for table in _with_rows(cursor, [one for one in models_tables if one not in _OF_EVERY_INSTALLATION]):
            cursor.execute(f"TRUNCATE {table}" if table == _APPEND_ONLY else f"DELETE FROM {table}")


def _with_rows(cursor: CursorWrapper, tables: Sequence[str]) -> list[str]:
    cursor.execute(" UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables))
    return [table for (table,) in cursor.fetchall()]
