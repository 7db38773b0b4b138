"""Alerts: events of the audit trail that owners want to know of at once; the only writer of audit_alerts."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import QuerySet

from accounts.audit import alert_rules
from accounts.models import AuditAlert, AuditEvent, User

# Over which refused sign-ins are counted, and how long one alert about them stands for all.
WINDOW: Final = timedelta(minutes=15)


def raise_for(event: AuditEvent) -> list[AuditAlert]:
    """Store the alerts that an event is worth, in its transaction."""
    on = alert_rules.chosen(settings.AUDIT_ALERTS)
    names = [name for name in alert_rules.matching(event.kind, event.detail) if name in on]
    due = [name for name in names if not alert_rules.RULES[name].is_counted or _is_too_many(name, event)]
    return AuditAlert.objects.bulk_create([AuditAlert(event=event, rule=name) for name in due])


def _is_too_many(rule: str, event: AuditEvent) -> bool:
    """Whether the limit is reached, and no alert about the same flood was raised."""
    since = event.happened_at - WINDOW
    if AuditAlert.objects.filter(rule=rule, raised_at__gt=since).exists():
        return False
    kinds = alert_rules.RULES[rule].kinds
    count = AuditEvent.objects.filter(happened_at__gt=since, kind__in=kinds).count()
    return count >= settings.AUDIT_ALERT_SIGN_INS_REFUSED


def rules_by_event(events: Iterable[AuditEvent]) -> dict[int, list[str]]:
    """The rules that events matched, by id of the event; events without one are left out."""
    found: dict[int, list[str]] = defaultdict(list)
    rows = AuditAlert.objects.filter(event__in=list(events)).order_by("pk")
    for event_id, rule in rows.values_list("event_id", "rule"):
        found[event_id].append(rule)
    return dict(found)


def unseen() -> QuerySet[AuditAlert]:
    return AuditAlert.objects.filter(seen_at=None)


def mark_as_seen(ids: Iterable[int], *, by: User, now: datetime) -> int:
    """Returns how many were not seen before."""
    return unseen().filter(pk__in=list(ids)).update(seen_at=now, seen_by=by)
