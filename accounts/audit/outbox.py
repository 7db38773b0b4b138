"""Events that destinations outside have not accepted yet; the only writer of audit_deliveries.

A claim is a lease: what a process claimed and did not finish, because it died, is due again when the lease ends.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Min, QuerySet

from accounts.models import AuditDelivery, AuditEvent

Destination = AuditDelivery.Destination
LEASE: Final = timedelta(minutes=5)
_BATCH: Final = 200
_MAX_WAIT_MINUTES: Final = 10


def enqueue(event: AuditEvent, *, alerts: bool) -> None:
    """Store where an event is to go, in its transaction; to owners by mail only if it alerts."""
    wanted = {
        Destination.SYSLOG: bool(settings.AUDIT_SYSLOG),
        Destination.WEBHOOK: bool(settings.AUDIT_WEBHOOK_URL),
        Destination.MAIL: alerts,
    }
    rows = [
        AuditDelivery(event=event, destination=destination, next_attempt_at=event.happened_at)
        for destination, is_wanted in wanted.items()
        if is_wanted
    ]
    if rows:
        AuditDelivery.objects.bulk_create(rows)


def claim(destination: Destination, *, now: datetime) -> list[AuditDelivery]:
    """The oldest deliveries that are due there, with their events; nobody else gets them before the lease ends."""
    due = AuditDelivery.objects.filter(destination=destination, next_attempt_at__lte=now).order_by("event_id")
    with transaction.atomic():
        rows = list(due.select_for_update(skip_locked=True, of=("self",)).select_related("event")[:_BATCH])
        _of(rows).update(next_attempt_at=now + LEASE)
    return rows


def accepted(rows: Sequence[AuditDelivery]) -> None:
    """They arrived."""
    _of(rows).delete()


def release(rows: Sequence[AuditDelivery], *, now: datetime) -> None:
    """They were not tried, and are due as before."""
    _of(rows).update(next_attempt_at=now)


def failed(rows: Sequence[AuditDelivery], *, error: str, now: datetime) -> None:
    """They are tried again after 1, 2, 4, 8, 10, 10 … minutes, until they arrive."""
    for row in rows:
        minutes = min(2 ** min(row.attempts, 10), _MAX_WAIT_MINUTES)
        row.attempts, row.last_error = row.attempts + 1, error
        row.next_attempt_at = now + timedelta(minutes=minutes)
    AuditDelivery.objects.bulk_update(rows, ["attempts", "last_error", "next_attempt_at"])


def failing_since() -> datetime | None:
    """When the oldest event happened that some destination has refused so far."""
    oldest: datetime | None = AuditDelivery.objects.filter(attempts__gt=0).aggregate(at=Min("event__happened_at"))["at"]
    return oldest


def _of(rows: Sequence[AuditDelivery]) -> QuerySet[AuditDelivery]:
    return AuditDelivery.objects.filter(pk__in=[row.pk for row in rows])
