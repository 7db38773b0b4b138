"""Campaigns; LinkedIn's own pages have called them "ad sets" since October 2025."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Campaign(models.Model):
    """One campaign, in any status; `ingestion/sync/load.py` is the only writer.

    A campaign that LinkedIn no longer lists but reports figures for is kept with its id alone.
    Source: LinkedIn Marketing, "Campaigns", 202602. Every column from LinkedIn may be null.
    """

    personal_data: frozenset[str] = frozenset()

    id = models.BigIntegerField(primary_key=True, help_text="LinkedIn's id of the campaign")
    account = models.ForeignKey("accounts.AdAccount", models.CASCADE, null=True, related_name="campaigns")
    name = models.TextField(null=True, blank=True)
    status = models.TextField(null=True, blank=True, help_text="ACTIVE, PAUSED, ARCHIVED, COMPLETED, CANCELED, …")
    type = models.TextField(null=True, blank=True, help_text="TEXT_AD, SPONSORED_UPDATES, SPONSORED_INMAILS, DYNAMIC")
    daily_budget = models.DecimalField(max_digits=24, decimal_places=10, null=True, blank=True)
    daily_budget_currency = models.TextField(null=True, blank=True)
    total_budget = models.DecimalField(max_digits=24, decimal_places=10, null=True, blank=True)
    total_budget_currency = models.TextField(null=True, blank=True)
    cost_type = models.TextField(null=True, blank=True, help_text="CPM, CPC, CPV")
    unit_cost = models.DecimalField(
        max_digits=24, decimal_places=10, null=True, blank=True, help_text="bid, in the ad account's currency"
    )
    bid_strategy = models.TextField(null=True, blank=True, help_text="optimizationTargetType")
    creative_selection = models.TextField(null=True, blank=True, help_text="ROUND_ROBIN or OPTIMIZED")
    offsite_delivery_enabled = models.BooleanField(null=True, blank=True, help_text="LinkedIn Audience Network")
    audience_expansion_enabled = models.BooleanField(null=True, blank=True)
    campaign_group = models.TextField(null=True, blank=True, help_text="URN of the campaign group")
    objective = models.TextField(null=True, blank=True, help_text="objectiveType")
    format = models.TextField(null=True, blank=True)
    serving_statuses = ArrayField(models.TextField(), null=True, blank=True)
    run_schedule_start_at = models.DateTimeField(null=True, blank=True)
    run_schedule_end_at = models.DateTimeField(null=True, blank=True, help_text="exclusive; empty = open")
    created_at = models.DateTimeField(null=True, blank=True)
    last_modified_at = models.DateTimeField(null=True, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True, help_text="when LinkedIn last sent something new")
    missing_since = models.DateTimeField(
        null=True, blank=True, help_text="since when LinkedIn no longer returns it; its figures stay"
    )

    class Meta:
        db_table = "campaigns"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name or str(self.id)
