"""Creative figures by day."""

from django.db import models

from accounts.shell.linkedin_words import urn_name
from ingestion.models._daily_metric import METRICS, DailyMetric, when_changed


class CreativeDailyMetric(DailyMetric):
    """One row per creative and day on which anything happened; `ingestion/sync/load.py` is the only writer."""

    personal_data: frozenset[str] = frozenset()

    creative = models.ForeignKey("ingestion.Creative", models.CASCADE, related_name="daily_metrics", db_index=False)

    class Meta:
        db_table = "creative_daily_metrics"
        verbose_name = "creative day"
        verbose_name_plural = "creative metrics"
        constraints = [
            models.UniqueConstraint(
                fields=["creative", "date"], include=METRICS, name="a_creative_has_one_row_per_day"
            ),
        ]
        indexes = [
            # The admin's date drill-down and "latest first" lists.
            models.Index(fields=["date"], name="creative_days_by_date"),
            # What changed since; see `when_changed`.
            when_changed("creative_days_by_change"),
        ]

    def __str__(self) -> str:
        return f"{urn_name(self.creative_id)} on {self.date}"
