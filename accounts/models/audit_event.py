"""The audit trail: who did what, append-only."""

from django.db import models


class AuditEvent(models.Model):
    """One thing someone did; `accounts/audit.py` is the only writer and nothing updates or deletes.

    No foreign keys: an event outlives the person and the thing it speaks of.
    """

    personal_data = frozenset({"actor_email", "detail"})

    happened_at = models.DateTimeField(auto_now_add=True, db_index=True)
    kind = models.TextField(help_text="what happened, such as consent_given")
    actor_id = models.BigIntegerField(null=True)
    actor_email = models.TextField(null=True)
    ad_account_id = models.BigIntegerField(null=True)
    detail = models.JSONField(default=dict)

    class Meta:
        db_table = "audit_events"
        verbose_name = "audit event"
        ordering = ["-happened_at"]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor_email or 'the system'}"
