"""Which ad accounts wait to be judged."""

from django.conf import settings
from django.db import models


class AuditRequest(models.Model):
    """One ad account that waits for its audit; `checks/check_requests.py` asks, the audit itself takes the row away."""

    personal_data: frozenset[str] = frozenset()

    ad_account = models.OneToOneField(
        "accounts.AdAccount", models.CASCADE, primary_key=True, related_name="+", db_column="ad_account_id"
    )
    asked_at = models.DateTimeField(help_text="when it was asked for last")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="empty where a sync or new thresholds asked",
    )

    class Meta:
        db_table = "audit_requests"

    def __str__(self) -> str:
        return f"Audit of ad account {self.ad_account_id} asked for at {self.asked_at:%Y-%m-%d %H:%M} UTC"
