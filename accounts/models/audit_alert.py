"""Events that owners want to know of at once."""

from django.conf import settings
from django.db import models


class AuditAlert(models.Model):
    """One event that an alert rule matched; `accounts/audit/alerts.py` is the only writer.

    State: `seen_at` is empty until an owner marks it as seen.
    """

    personal_data: frozenset[str] = frozenset()

    event = models.ForeignKey(
        "accounts.AuditEvent", models.PROTECT, related_name="alerts", db_index=False, help_text="what happened"
    )
    rule = models.TextField(help_text="which rule matched, such as made_owner")
    raised_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, help_text="when an owner marked it as seen")
    seen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False, help_text="who did"
    )

    class Meta:
        db_table = "audit_alerts"
        verbose_name = "alert"
        ordering = ["-raised_at"]
        constraints = [
            models.UniqueConstraint(fields=["event", "rule"], name="an_event_alerts_once_per_rule"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} (event {self.event_id})"
