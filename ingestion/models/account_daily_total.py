"""LinkedIn's own daily totals of an ad account, kept to check our sums against."""

from django.db import models

from ingestion.models._daily_metric import DailyMetric


class AccountDailyTotal(DailyMetric):
    """One row per ad account and day, from the ACCOUNT pivot; `ingestion/sync/load.py` is the only writer."""

    personal_data: frozenset[str] = frozenset()

    account = models.ForeignKey("accounts.AdAccount", models.CASCADE, related_name="daily_totals", db_index=False)

    class Meta:
        db_table = "account_daily_totals"
        verbose_name = "account day"
        verbose_name_plural = "daily totals"
        constraints = [
            models.UniqueConstraint(fields=["account", "date"], name="an_ad_account_has_one_total_per_day"),
        ]
        # The admin's list, latest first.
        indexes = [models.Index(fields=["date"], name="account_days_by_date")]

    def __str__(self) -> str:
        return f"{self.account_id} on {self.date}"
