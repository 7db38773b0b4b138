"""An audit event as the JSON document that destinations outside receive."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from accounts.audit import alerts
from accounts.audit.sentences import sentence
from accounts.models import AdAccount, AuditDelivery, AuditEvent


@dataclass(frozen=True, slots=True)
class Document:
    """One line of ASCII, so that no text of an event can begin a line of its own in a log.

    `short` lacks the details; `rules` are those of the alerts that were raised.
    """

    whole: bytes
    short: bytes
    rules: Sequence[str]


def documents(rows: Sequence[AuditDelivery]) -> dict[int, Document]:
    """By id of the delivery."""
    events = [row.event for row in rows]
    names, rules = ad_account_names(events), alerts.rules_by_event(events)
    return {
        row.pk: _document(row.event, names.get(row.event.ad_account_id or 0), rules.get(row.event_id, []))
        for row in rows
    }


def ad_account_names(events: Sequence[AuditEvent]) -> dict[int, str | None]:
    """Those that are still stored."""
    ids = {event.ad_account_id for event in events if event.ad_account_id is not None}
    return dict(AdAccount.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}


def _document(event: AuditEvent, ad_account_name: str | None, rules: Sequence[str]) -> Document:
    short = {
        "id": event.pk,
        "installation": settings.SITE_URL,
        "happened_at": event.happened_at.isoformat(),
        "kind": event.kind,
        "actor_id": event.actor_id,
        "actor_email": event.actor_email,
        "ad_account_id": event.ad_account_id,
        "alerts": list(rules),
    }
    whole = {**short, "sentence": sentence(event, ad_account_name=ad_account_name), "detail": event.detail}
    return Document(_line(whole), _line({**short, "is_shortened": True}), rules)


def _line(values: dict[str, object]) -> bytes:
    return json.dumps(values).encode("ascii")
