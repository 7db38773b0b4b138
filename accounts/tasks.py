"""Celery tasks of this room."""

import logging
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from accounts.api_tokens import warnings as token_warnings
from accounts.audit import delivery
from accounts.consents import tokens, warnings
from accounts.errors import AccountsError
from accounts.people import security_notices, sessions
from accounts.sign_in import lock_out, password_reset

log = logging.getLogger(__name__)


@shared_task
def refresh_tokens() -> dict[str, int]:
    """Renew LinkedIn tokens a week before they end; one that fails does not stop the others."""
    ending = tokens.connections_to_renew(now=timezone.now())
    failed = 0
    for connection_id in ending:
        try:
            tokens.renew_ahead(connection_id)
        except AccountsError as error:
            failed += 1
            log.warning("LinkedIn connection %s: %s", connection_id, error)
    return {"ending": len(ending), "failed": failed}


@shared_task
def warn_of_ending_consents() -> dict[str, int]:
    """Warn people about LinkedIn consents that end or are lost; what the mail server refuses is tried again."""
    now = timezone.now()
    sent = failed = 0
    for connection_id in warnings.connections_to_warn_about(now=now):
        try:
            sent += warnings.warn(connection_id, now=now)
        except OSError as error:
            failed += 1
            log.warning(
                "The warning about LinkedIn connection %s was not sent (%s); check the EMAIL_ settings.",
                connection_id,
                type(error).__name__,
            )
    return {"sent": sent, "failed": failed}


@shared_task
def warn_of_ending_api_tokens() -> dict[str, int]:
    """Warn people about API tokens that end; what the mail server refuses is tried again."""
    now = timezone.now()
    sent = failed = 0
    for token_id in token_warnings.tokens_to_warn_about(now=now):
        try:
            sent += token_warnings.warn(token_id, now=now)
        except OSError as error:
            failed += 1
            log.warning(
                "The warning about API token %s was not sent (%s); check the EMAIL_ settings.",
                token_id,
                type(error).__name__,
            )
    return {"sent": sent, "failed": failed}


@shared_task
def deliver_audit_events() -> dict[str, int]:
    """Send what waits of the audit trail: to syslog, to the webhook, and alerts to owners."""
    return delivery.deliver_due(now=timezone.now())


@shared_task
def prune_sessions() -> dict[str, int]:
    """Remove sessions that have expired."""
    return {"removed": sessions.prune(now=timezone.now())}


@shared_task
def prune_failed_logins() -> dict[str, int]:
    """Remove failed logins that no longer count."""
    return {"removed": lock_out.prune(now=timezone.now())}


# Tasks that are queued where they are defined; workers look for them here.
send_notice = security_notices.send_notice
send_password_link = password_reset.send_link


# What beat runs, by the names that the entries have in existing databases.
BEAT_SCHEDULE = {
    "Send audit events": {"task": deliver_audit_events.name, "schedule": timedelta(minutes=1)},
    "Prune expired sessions": {"task": prune_sessions.name, "schedule": timedelta(days=1)},
    "Prune failed logins": {"task": prune_failed_logins.name, "schedule": timedelta(hours=6)},
    "Refresh LinkedIn tokens": {"task": refresh_tokens.name, "schedule": timedelta(hours=1)},
    "Warn of ending API tokens": {"task": warn_of_ending_api_tokens.name, "schedule": timedelta(hours=1)},
    "Warn of ending LinkedIn consents": {"task": warn_of_ending_consents.name, "schedule": timedelta(hours=1)},
}
