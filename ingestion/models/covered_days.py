"""Which days of which table LinkedIn has answered."""

from django.db import models
from django.db.models import F, Q


class CoveredDays(models.Model):
    """A stretch of days that one sync requested and stored; `ingestion/sync/coverage.py` is the only writer.

    The stretches of one ad account, table and pivot never overlap: a later answer takes its days from the older ones.
    A day in no stretch was never requested, so that the absence of rows says nothing about it.
    """

    personal_data: frozenset[str] = frozenset()

    account = models.ForeignKey("accounts.AdAccount", models.CASCADE, related_name="covered_days", db_index=False)
    data_table = models.CharField(
        max_length=48, help_text="the table that holds the answer; incomplete_days for days checked against the totals"
    )
    pivot_type = models.CharField(max_length=48, default="", help_text="of demographics; empty otherwise")
    first_day = models.DateField(help_text="UTC day")
    last_day = models.DateField(help_text="UTC day, inclusive")
    asked_at = models.DateTimeField(help_text="start of the sync that requested these days last")
    is_whole = models.BooleanField(help_text="whether LinkedIn sent every row; it cuts answers at 15,000")

    class Meta:
        db_table = "covered_days"
        verbose_name = verbose_name_plural = "covered days"
        constraints = [
            # Also the index of every reader: newest days first.
            models.UniqueConstraint(
                fields=["account", "data_table", "pivot_type", "last_day"], name="days_are_covered_once"
            ),
            models.CheckConstraint(condition=Q(first_day__lte=F("last_day")), name="covered_days_are_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.data_table} {self.pivot_type} {self.first_day} to {self.last_day}"
