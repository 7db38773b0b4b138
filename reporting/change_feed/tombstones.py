"""How long deleted rows are remembered."""

from datetime import datetime
from typing import Final

from django.db import connection, transaction

from reporting.change_feed.cursors import KEPT

_CHUNK: Final = 10_000


def prune(*, now: datetime) -> int:
    """Forget what was deleted too long ago, a chunk per transaction; returns how many rows."""
    total = 0
    while forgotten := _prune_chunk(now - KEPT):
        total += forgotten
    return total


def _prune_chunk(before: datetime) -> int:
    """A cursor that would need what is gone is refused from the same moment on."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "WITH old AS (SELECT id FROM deleted_rows WHERE deleted_at < %s ORDER BY id LIMIT %s)"
            " DELETE FROM deleted_rows USING old WHERE deleted_rows.id = old.id RETURNING change_mark",
            [before, _CHUNK],
        )
        marks = [mark for (mark,) in cursor.fetchall()]
        if marks:
            cursor.execute("UPDATE change_feed SET pruned_through = greatest(pruned_through, %s)", [max(marks)])
        return len(marks)
