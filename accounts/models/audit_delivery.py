"""Events of the audit trail that were not sent yet."""

from django.db import models


class AuditDelivery(models.Model):
    """One event that one destination has not accepted yet; `accounts/audit/outbox.py` is the only writer.

    Stored in the transaction of the event, and deleted once the destination accepts it, so that none is lost. One that
    was accepted although its acknowledgement did not arrive is sent again, with the same id.
    """

    class Destination(models.TextChoices):
        SYSLOG = "syslog", "Syslog"
        WEBHOOK = "webhook", "Webhook"
        MAIL = "mail", "E-mail to owners"

    personal_data: frozenset[str] = frozenset()

    event = models.ForeignKey(
        "accounts.AuditEvent", models.PROTECT, related_name="deliveries", db_index=False, help_text="what is sent"
    )
    destination = models.TextField(choices=Destination.choices, help_text="where to")
    attempts = models.IntegerField(default=0, help_text="how often it was tried in vain")
    next_attempt_at = models.DateTimeField(help_text="not before")
    last_error = models.TextField(null=True, help_text="why the last attempt failed")

    class Meta:
        db_table = "audit_deliveries"
        verbose_name = "unsent event"
        verbose_name_plural = "unsent events"
        ordering = ["event_id"]
        constraints = [
            models.UniqueConstraint(fields=["event", "destination"], name="an_event_waits_once_per_destination"),
        ]

    def __str__(self) -> str:
        return f"Event {self.event_id} to {self.destination}"
