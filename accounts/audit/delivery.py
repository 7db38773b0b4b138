"""Brings what waits in the outbox to where it goes; a destination that is down delays only its own."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from accounts.audit import alert_mail, outbox, syslog, webhook
from accounts.audit.document import Document, documents
from accounts.audit.outbox import Destination
from accounts.models import AuditDelivery, AuditEvent

log = logging.getLogger(__name__)

# Well within the lease, so that nobody else begins with what is still being sent.
_BUDGET_SECONDS: Final = 120

Rows = Sequence[AuditDelivery]


def deliver_due(*, now: datetime) -> dict[str, int]:
    """How many deliveries each destination accepted."""
    senders: dict[Destination, Callable[[Rows, datetime], int]] = {
        Destination.MAIL: _mail,
        Destination.SYSLOG: _syslog,
        Destination.WEBHOOK: _webhook,
    }
    return {str(destination): _deliver(destination, send, now=now) for destination, send in senders.items()}


def _deliver(destination: Destination, send: Callable[[Rows, datetime], int], *, now: datetime) -> int:
    """In batches, until nothing is left, something was not accepted, or the time is used up."""
    end, total = time.monotonic() + _BUDGET_SECONDS, 0
    while time.monotonic() < end and (rows := outbox.claim(destination, now=now)):
        accepted = send(rows, now)
        total += accepted
        if accepted < len(rows):
            break
    return total


def _mail(rows: Rows, now: datetime) -> int:
    try:
        alert_mail.send([row.event for row in rows])
    except OSError as error:
        return _postpone(rows, error, now=now)
    outbox.accepted(rows)
    return len(rows)


def _syslog(rows: Rows, now: datetime) -> int:
    if not settings.AUDIT_SYSLOG:
        return _switched_off(rows)
    texts = documents(rows)
    messages = [_message(row.event, texts[row.pk]) for row in rows]
    try:
        server = syslog.server_of(settings.AUDIT_SYSLOG)
        syslog.send(server, messages, hostname=urlsplit(settings.SITE_URL).hostname or "")
    except (OSError, ValueError) as error:
        return _postpone(rows, error, now=now)
    outbox.accepted(rows)
    return len(rows)


def _message(event: AuditEvent, text: Document) -> syslog.Message:
    return syslog.Message(
        at=event.happened_at, kind=event.kind, text=text.whole, short=text.short, is_alert=bool(text.rules)
    )


def _webhook(rows: Rows, now: datetime) -> int:
    if not settings.AUDIT_WEBHOOK_URL:
        return _switched_off(rows)
    texts = documents(rows)
    end, sent = time.monotonic() + _BUDGET_SECONDS, 0
    try:
        receiver = webhook.receiver_of(
            settings.AUDIT_WEBHOOK_URL, secret=settings.AUDIT_WEBHOOK_SECRET, networks=settings.AUDIT_WEBHOOK_NETWORKS
        )
    except ValueError as error:
        return _postpone(rows, error, now=now)
    with webhook.Sender(receiver) as sender:
        for place, row in enumerate(rows):
            if time.monotonic() > end:
                outbox.release(rows[place:], now=now)
                break
            try:
                sender.send(texts[row.pk].whole, message_id=f"audit-event-{row.event_id}", now=now)
            except webhook.DocumentRefused as error:
                _postpone([row], error, now=now)
            except OSError as error:
                _postpone(rows[place:], error, now=now)
                break
            else:
                outbox.accepted([row])
                sent += 1
    return sent


def _postpone(rows: Rows, error: Exception, *, now: datetime) -> int:
    destination = rows[0].destination
    outbox.failed(rows, error=str(error) or type(error).__name__, now=now)
    log.warning("%s audit events wait for %s: %s", len(rows), destination, error)
    return 0


def _switched_off(rows: Rows) -> int:
    """The destination is no longer configured: what still waited for it goes nowhere."""
    log.warning("%s audit events were to go to %s, which is no longer configured.", len(rows), rows[0].destination)
    outbox.accepted(rows)
    return 0
