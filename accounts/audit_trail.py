"""The audit trail: who did what.

An event belongs to the caller's transaction: what is rolled back did not happen. Events are never changed or
deleted; a trigger in PostgreSQL prevents it. What is to leave this database or to alert owners waits, from the same
transaction on, in `accounts/audit/`.
"""

from django.db import transaction

from accounts.audit import alerts, outbox
from accounts.errors import UnknownAuditKind
from accounts.models import AuditEvent, User


def record(kind: str, *, actor: User | None = None, ad_account_id: int | None = None, **detail: object) -> AuditEvent:
    """Store one event. `detail` is JSON and never contains a token or a secret; without an actor it was the system.

    Raises UnknownAuditKind, because nobody could filter for a kind without a name.
    """
    if kind not in AuditEvent.Kind.values:
        raise UnknownAuditKind(f"{kind!r} is not a kind of audit event; add it to AuditEvent.Kind.")
    # In the caller's transaction where there is one: an event never exists without its way out.
    with transaction.atomic(savepoint=False):
        event = AuditEvent.objects.create(
            kind=kind,
            actor_id=actor.pk if actor else None,
            actor_email=actor.email if actor else None,
            ad_account_id=ad_account_id,
            detail=detail,
        )
        outbox.enqueue(event, alerts=bool(alerts.raise_for(event)))
    return event
