"""Ad accounts that were removed with all their data, so that LinkedIn does not bring them back."""

from django.conf import settings
from django.db import models


class RemovedAdAccount(models.Model):
    """One ad account that was removed and stays out; `accounts/consents/removed_ad_accounts.py` is the only writer.

    State: `finished_at` is empty while its rows are being removed. Without this row the next discovery stores it again.
    """

    personal_data: frozenset[str] = frozenset()

    id = models.BigIntegerField(primary_key=True, help_text="LinkedIn's id of the ad account")
    name = models.TextField(null=True, help_text="its name when it was removed")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", help_text="who removed it"
    )
    asked_at = models.DateTimeField(help_text="when it was removed")
    rows_found = models.BigIntegerField(default=0, help_text="rows there were to remove")
    rows_removed = models.BigIntegerField(default=0, help_text="rows removed so far")
    finished_at = models.DateTimeField(null=True, help_text="when the last row was removed")

    class Meta:
        db_table = "removed_ad_accounts"
        verbose_name = "removed ad account"
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})" if self.name else str(self.pk)
