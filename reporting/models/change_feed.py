"""What every cursor of the change feed is compared with."""

import uuid

from django.db import models


class ChangeFeed(models.Model):
    """One row, stored when the first cursor is given; `reporting/change_feed/` and the database's triggers write it.

    A cursor of another generation is refused: since then rows were restored, emptied or moved without a trace.
    """

    personal_data: frozenset[str] = frozenset()

    generation = models.UUIDField(default=uuid.uuid4, help_text="which cursors are valid; new after every restore")
    pruned_through = models.BigIntegerField(
        default=-1, help_text="highest mark of the deleted rows that are no longer remembered"
    )

    class Meta:
        db_table = "change_feed"

    def __str__(self) -> str:
        return str(self.generation)
