"""Who saw the ads, by calendar month."""

from django.db import models

from accounts.shell.linkedin_words import urn_name
from ingestion import catalogue
from ingestion.models._daily_metric import metric_columns, percent_of


class AudienceDemographic(models.Model):
    """One row per ad account, pivot, segment and calendar month; `ingestion/sync/load.py` is the only writer.

    Months never overlap, so rows can be summed. LinkedIn withholds small segments and rounds: totals over
    segments stay below the account's. Source: LinkedIn Marketing, "Reporting", 202602.
    """

    class PivotType(models.TextChoices):
        JOB_TITLE = "job_title", "Job title"
        JOB_FUNCTION = "job_function", "Job function"
        SENIORITY = "seniority", "Seniority"
        INDUSTRY = "industry", "Industry"
        COMPANY_SIZE = "company_size", "Company size"
        COMPANY = "company", "Company"
        COUNTRY = "country", "Country"
        REGION = "region", "Region"

    personal_data: frozenset[str] = frozenset()

    account = models.ForeignKey("accounts.AdAccount", models.CASCADE, related_name="demographics", db_index=False)
    pivot_type = models.CharField(max_length=16, choices=PivotType)
    segment = models.CharField(max_length=255, help_text="URN or LinkedIn's enum")
    segment_name = models.TextField(null=True, blank=True)
    date_start = models.DateField(help_text="first day of the month that LinkedIn counted")
    date_end = models.DateField(null=True, blank=True, help_text="last day of the month that LinkedIn counted")
    locals().update(metric_columns(catalogue.DEMOGRAPHIC, explained=False))
    ctr = models.GeneratedField(
        expression=percent_of("clicks", "impressions"),
        output_field=models.DecimalField(max_digits=20, decimal_places=6),
        db_persist=True,
        help_text="clicks / impressions · 100; empty without impressions",
    )
    share_pct = models.DecimalField(
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="of the impressions of all segments of this ad account, pivot and month; empty without impressions",
    )
    fetched_at = models.DateTimeField(help_text="when LinkedIn last sent new values for this row")

    class Meta:
        db_table = "audience_demographics"
        verbose_name = "audience segment"
        verbose_name_plural = "demographics"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "pivot_type", "segment", "date_start"],
                name="a_segment_has_one_row_per_month",
            ),
        ]
        # Reports read one ad account and pivot over a range of months.
        indexes = [
            models.Index(fields=["account", "pivot_type", "date_start"], name="segments_by_pivot_and_month"),
            # The admin's list, latest first.
            models.Index(fields=["date_start", "id"], name="segments_by_month"),
            # The admin's search finds segments by name first.
            models.Index(fields=["segment"], name="segments_by_urn"),
        ]

    def __str__(self) -> str:
        return f"{self.segment_name or urn_name(self.segment)} in {self.date_start:%Y-%m}"
