"""The audit trail: who did what.

An event belongs to the caller's transaction: what is rolled back did not happen. Events are never changed or
deleted; the two receivers below refuse it, also for deletes of whole querysets.
"""

from typing import Any

from django.db.models.signals import pre_delete, pre_save
from django.dispatch import receiver

from accounts.errors import AuditTrailIsAppendOnly
from accounts.models import AuditEvent, User


def record(kind: str, *, actor: User | None = None, ad_account_id: int | None = None, **detail: Any) -> AuditEvent:
    """Store one event. `detail` is JSON and never holds a token or a secret; no actor means the system."""
    return AuditEvent.objects.create(
        kind=kind,
        actor_id=actor.pk if actor else None,
        actor_email=actor.email if actor else None,
        ad_account_id=ad_account_id,
        detail=detail,
    )


@receiver(pre_save, sender=AuditEvent, dispatch_uid="audit_events_are_not_changed")
def _refuse_change(instance: AuditEvent, **_: Any) -> None:
    if not instance._state.adding:
        raise AuditTrailIsAppendOnly("An audit event cannot be changed; record another one.")


@receiver(pre_delete, sender=AuditEvent, dispatch_uid="audit_events_are_not_deleted")
def _refuse_delete(**_: Any) -> None:
    raise AuditTrailIsAppendOnly("An audit event cannot be deleted.")
