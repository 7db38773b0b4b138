"""The test database as it was after migrating, once a test has committed rows."""

from collections.abc import Sequence

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from reporting.models import DeletedRow

# All that migrating leaves in the tables of models; a test that changes it puts it back.
_OF_EVERY_INSTALLATION = {"auth_permission", "django_content_type"}
# Refuses DELETE.
_APPEND_ONLY = "audit_events"
# What DELETE leaves in larger ones would be read again and again by the tests after it.
_LARGE_BYTES = 1_000_000


def empty_tables() -> None:
    """Only those that hold rows or much that was deleted; foreign keys wait for the commit, so the order is free."""
    # What is deleted elsewhere is remembered there.
    last = DeletedRow._meta.db_table
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with transaction.atomic(), connection.cursor() as cursor:
        others = [name for name in names if name not in {*_OF_EVERY_INSTALLATION, last}]
        for table, is_large in _to_empty(cursor, others):
            is_truncated = is_large or table == _APPEND_ONLY
            # What refers to it is emptied as well.
            cursor.execute(f"TRUNCATE {table} CASCADE" if is_truncated else f"DELETE FROM {table}")
        cursor.execute(f"TRUNCATE {last}")


def _to_empty(cursor: CursorWrapper, tables: Sequence[str]) -> list[tuple[str, bool]]:
    cursor.execute(
        " UNION ALL ".join(
            f"SELECT '{table}', size > {_LARGE_BYTES} FROM pg_relation_size('{table}') AS size"
            f" WHERE size > {_LARGE_BYTES} OR EXISTS (SELECT FROM {table})"
            for table in tables
        )
    )
    found: list[tuple[str, bool]] = cursor.fetchall()
    return found
