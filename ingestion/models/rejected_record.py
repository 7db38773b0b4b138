"""Records from LinkedIn that failed validation, kept where a person can see them."""

from django.db import models


class RejectedRecord(models.Model):
    """One record as LinkedIn sent it, and why it was rejected, or which of its fields.

    A campaign, creative or ad account whose optional fields are invalid is stored without them, and its reason says
    so ("stored without dailyBudget"). No part of any other is stored elsewhere.
    """

    # A role that could not be read names its member.
    personal_data = frozenset({"payload"})

    run = models.ForeignKey("ingestion.SyncLog", models.CASCADE, related_name="rejected_records")
    account = models.ForeignKey(
        "accounts.AdAccount", models.CASCADE, null=True, blank=True, related_name="rejected_records"
    )
    endpoint = models.TextField()
    payload = models.JSONField(help_text="the record as LinkedIn sent it")
    reason = models.TextField(help_text="the field and what is wrong with it")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "rejected_records"
        verbose_name = "rejected record"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.reason}"
