"""Rows that were deleted, so that copies can delete them too."""

from django.db import models


class DeletedRow(models.Model):
    """One deleted row of a table of the change feed, kept for 90 days; triggers of these tables are the only writers.

    No foreign key: it outlives its ad account.
    """

    personal_data: frozenset[str] = frozenset()

    table_name = models.CharField(max_length=63, help_text="the table that held it")
    account_id = models.BigIntegerField(null=True, help_text="LinkedIn's id of its ad account")
    key = models.JSONField(help_text="the columns that named it")
    change_mark = models.BigIntegerField(help_text="number of the transaction that deleted it")
    deleted_at = models.DateTimeField(help_text="when it was deleted")

    class Meta:
        db_table = "deleted_rows"
        indexes = [models.Index(fields=["table_name", "change_mark", "id"], name="deleted_rows_by_change")]

    def __str__(self) -> str:
        return f"{self.table_name} {self.key}"
