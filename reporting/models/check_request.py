"""Which ad accounts are waiting for a check."""

from django.conf import settings
from django.db import models


class CheckRequest(models.Model):
    """One ad account that is waiting for a check; `checks/check_requests.py` adds the row, the check removes it."""

    personal_data: frozenset[str] = frozenset()

    ad_account = models.OneToOneField(
        "accounts.AdAccount", models.CASCADE, primary_key=True, related_name="+", db_column="ad_account_id"
    )
    asked_at = models.DateTimeField(help_text="time of the latest request")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="empty after a sync",
    )

    class Meta:
        db_table = "audit_requests"

    def __str__(self) -> str:
        return f"Check of ad account {self.ad_account_id} requested at {self.asked_at:%Y-%m-%d %H:%M} UTC"
