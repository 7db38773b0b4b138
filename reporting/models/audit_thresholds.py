"""Where the audit's rules draw their line for one ad account."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


def _days(most: int, meaning: str) -> "models.IntegerField[int | None, int | None]":
    return models.IntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(most)], help_text=meaning
    )


def _percent(least: int, most: int, meaning: str) -> "models.IntegerField[int | None, int | None]":
    return models.IntegerField(
        null=True, blank=True, validators=[MinValueValidator(least), MaxValueValidator(most)], help_text=meaning
    )


class AuditThresholds(models.Model):
    """One ad account's own thresholds; the admin is the only writer.

    An empty column means the default of `reporting/checks/thresholds.py`.
    """

    personal_data: frozenset[str] = frozenset()

    ad_account = models.OneToOneField(
        "accounts.AdAccount", models.CASCADE, primary_key=True, related_name="+", db_column="ad_account_id"
    )
    window_days = _days(365, "days whose spend, CTR and conversions are judged; default 30")
    quiet_days = _days(90, "days without an impression after which an active campaign is found; default 7")
    ctr_percent = models.DecimalField(
        "CTR percent", max_digits=6, decimal_places=3, null=True, blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)], help_text="a CTR under this is found; default 0.4",
    )  # fmt: skip
    ctr_impressions = models.IntegerField(
        "CTR impressions", null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="a CTR of fewer impressions is not judged; default 5,000",
    )  # fmt: skip
    spend_without_conversions = models.DecimalField(
        max_digits=24, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)],
        help_text="spend without a conversion that is found, in the ad account's currency; default 100",
    )  # fmt: skip
    pace_over_percent = _percent(100, 1000, "more of the planned spend than this is found; default 110")
    pace_under_percent = _percent(0, 100, "less of the planned spend than this is found; default 70")
    pace_days = _days(7, "whole days after which a budget's pace is judged; default 3")
    review_days = _days(90, "days after which a review takes too long; default 2")
    end_near_days = _days(365, "days before its end at which a campaign is found; default 7")
    worse_percent = _percent(
        1, 1000, "how much worse than when it was accepted a finding must be to open again; default 50"
    )

    class Meta:
        db_table = "audit_thresholds"
        verbose_name = "thresholds of an ad account"
        verbose_name_plural = "audit thresholds"
        ordering = ["ad_account__name", "ad_account_id"]

    def __str__(self) -> str:
        return f"Thresholds of {self.ad_account}"
