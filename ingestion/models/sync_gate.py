"""The last time a sync of an ad account was tried, and the gate's answer."""

from django.db import models


class SyncGate(models.Model):
    """One row per ad account; `ingestion/timetable/freshness.py` is the only writer.

    Skips show here and not in `sync_log`, which they would flood.
    """

    # It may name who paused the ad account.
    personal_data = frozenset({"answer"})

    account = models.OneToOneField("accounts.AdAccount", models.CASCADE, primary_key=True, related_name="sync_gate")
    asked_at = models.DateTimeField(help_text="when a sync was last requested")
    was_due = models.BooleanField(help_text="whether one was started")
    answer = models.TextField(help_text="why, or why not")

    class Meta:
        db_table = "sync_gates"
        verbose_name = "sync gate"

    def __str__(self) -> str:
        return f"{self.account_id}: {self.answer}"
