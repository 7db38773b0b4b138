"""The thresholds of the checks for one ad account."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


def _days(maximum: int, meaning: str) -> "models.IntegerField[int | None, int | None]":
    return models.IntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(maximum)], help_text=meaning
    )


def _percent(minimum: int, maximum: int, meaning: str) -> "models.IntegerField[int | None, int | None]":
    return models.IntegerField(
        null=True, blank=True, validators=[MinValueValidator(minimum), MaxValueValidator(maximum)], help_text=meaning
    )


class CheckThresholds(models.Model):
    """One ad account's own thresholds; the admin is the only writer.

    An empty column means the default of `reporting/checks/thresholds.py`.
    """

    personal_data: frozenset[str] = frozenset()

    ad_account = models.OneToOneField(
        "accounts.AdAccount", models.CASCADE, primary_key=True, related_name="+", db_column="ad_account_id"
    )
    window_days = _days(365, "days of spend, CTR and conversions to check; default 30")
    quiet_days = _days(90, "report an active campaign after this many days without an impression; default 7")
    ctr_percent = models.DecimalField(
        "CTR percent", max_digits=6, decimal_places=3, null=True, blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)], help_text="report a lower CTR; default 0.4",
    )  # fmt: skip
    ctr_impressions = models.IntegerField(
        "CTR impressions", null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="impressions needed before the CTR is checked; default 5,000",
    )  # fmt: skip
    spend_without_conversions = models.DecimalField(
        max_digits=24, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)],
        help_text="report at least this spend without a conversion, in the ad account's currency; default 100",
    )  # fmt: skip
    pace_over_percent = _percent(100, 1000, "report more than this share of the planned spend; default 110")
    pace_under_percent = _percent(0, 100, "report less than this share of the planned spend; default 70")
    pace_days = _days(7, "whole days before a budget's pace is checked; default 3")
    review_days = _days(90, "report a review that takes this many days; default 2")
    end_near_days = _days(365, "report a campaign this many days before it ends; default 7")
    worse_percent = _percent(1, 1000, "reopen an accepted finding when it is this much worse; default 50")

    class Meta:
        db_table = "audit_thresholds"
        verbose_name = "thresholds of an ad account"
        verbose_name_plural = "check thresholds"
        ordering = ["ad_account__name", "ad_account_id"]

    def __str__(self) -> str:
        return f"Thresholds of {self.ad_account}"
