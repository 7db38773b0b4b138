"""What a team wants of the syncs of one ad account."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q


class AdAccountSettings(models.Model):
    """One row per ad account that differs from the installation's settings.

    `ingestion/timetable/ad_account_settings.py` is the only writer.
    """

    personal_data = frozenset({"notes"})

    account = models.OneToOneField(
        "accounts.AdAccount", models.CASCADE, primary_key=True, related_name="sync_settings", verbose_name="ad account"
    )
    backfill_days = models.IntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text="how many days the first sync fetches, 1 to 3650; empty = BACKFILL_DAYS. More days are fetched next",
    )
    is_paused = models.BooleanField("paused", default=False, help_text="the timetable skips it; manual syncs still run")
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_index=False,
        help_text="who paused it",
    )
    notes = models.TextField(blank=True, default="", help_text="for the team")

    class Meta:
        db_table = "ad_account_settings"
        verbose_name = "ad account's settings"
        verbose_name_plural = "ad account settings"
        ordering = ["account"]
        constraints = [
            models.CheckConstraint(
                condition=Q(backfill_days=None) | Q(backfill_days__range=(1, 3650)),
                name="a_backfill_is_one_to_3650_days",
            )
        ]

    def __str__(self) -> str:
        return f"Settings of {self.account}"
