from accounts.models import AuditEvent


def consent_events() -> list[tuple[str, object]]:
    """What the audit trail holds about LinkedIn connections, oldest first."""
    return [(event.kind, event.detail["connection_id"]) for event in AuditEvent.objects.order_by("pk")]
