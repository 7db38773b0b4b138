"""Creatives: the ads people see."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.shell.linkedin_words import urn_name


class Creative(models.Model):
    """One creative; `ingestion/sync/load.py` is the only writer.

    A creative that LinkedIn no longer lists but reports figures for is kept with its id alone.
    Source: LinkedIn Marketing, "Creatives", 202602. Every column from LinkedIn may be null.
    """

    personal_data: frozenset[str] = frozenset()

    id = models.CharField(max_length=255, primary_key=True, help_text="URN, such as urn:li:sponsoredCreative:123")
    campaign = models.ForeignKey("ingestion.Campaign", models.CASCADE, null=True, related_name="creatives")
    account = models.ForeignKey("accounts.AdAccount", models.CASCADE, null=True, related_name="creatives")
    intended_status = models.TextField(
        null=True, blank=True, help_text="the status set by the advertiser: ACTIVE, PAUSED, …"
    )
    is_serving = models.BooleanField(null=True, blank=True, help_text="whether LinkedIn is serving it")
    content_reference = models.TextField(null=True, blank=True, help_text="URN of the post it shows")
    content_name = models.TextField(
        null=True,
        blank=True,
        help_text="its own name, else its post's name or first words, else its headline",
    )
    serving_hold_reasons = ArrayField(models.TextField(), null=True, blank=True)
    review_status = models.TextField(null=True, blank=True, help_text="PENDING, APPROVED, REJECTED, NEEDS_REVIEW")
    created_at = models.DateTimeField(null=True, blank=True)
    last_modified_at = models.DateTimeField(null=True, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True, help_text="when LinkedIn last sent something new")
    missing_since = models.DateTimeField(
        null=True, blank=True, help_text="since when LinkedIn no longer returns it; its figures stay"
    )

    class Meta:
        db_table = "creatives"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.content_name or urn_name(self.id)
