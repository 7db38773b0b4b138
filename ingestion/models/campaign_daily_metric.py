"""Campaign figures by day."""

from django.db import models

from ingestion.models._daily_metric import METRICS, DailyMetric, when_changed


class CampaignDailyMetric(DailyMetric):
    """One row per campaign and day on which anything happened; `ingestion/sync/load.py` is the only writer."""

    personal_data: frozenset[str] = frozenset()

    campaign = models.ForeignKey("ingestion.Campaign", models.CASCADE, related_name="daily_metrics", db_index=False)

    class Meta:
        db_table = "campaign_daily_metrics"
        verbose_name = "campaign day"
        verbose_name_plural = "campaign metrics"
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "date"], include=METRICS, name="a_campaign_has_one_row_per_day"
            ),
        ]
        indexes = [
            # The admin's date drill-down and "latest first" lists.
            models.Index(fields=["date"], name="campaign_days_by_date"),
            # What changed since; see `when_changed`.
            when_changed("campaign_days_by_change"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} on {self.date}"
