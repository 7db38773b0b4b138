"""Audits that are asked for: after a sync, with new thresholds, by a person; on record and told to a worker.

The door in front of `tasks.py`; what an audit does is in `findings.py`.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts import access, audit_trail
from accounts.models import User
from reporting import tasks
from reporting.checks.findings import NotAllowed
from reporting.models import AuditRequest
from reporting.queries.findings import with_data


@transaction.atomic
def ask(ad_account_id: int, *, by: User | None = None, now: datetime) -> None:
    """Have an ad account judged by a worker. Asked for twice, it is judged twice: the data may be new."""
    AuditRequest.objects.bulk_create(
        [AuditRequest(ad_account_id=ad_account_id, asked_at=now, asked_by=by)],
        update_conflicts=True,
        unique_fields=["ad_account"],
        update_fields=["asked_at", "asked_by"],
    )
    # robust: where the broker is down the row stays, and `tasks.audit_forgotten` tells of it again.
    transaction.on_commit(lambda: tasks.audit_ad_account.delay(ad_account_id), robust=True)


@transaction.atomic
def ask_by_hand(ad_account_ids: Collection[int], *, by: User, now: datetime) -> list[int]:
    """Have those of a person's ad accounts judged that hold data; returns which. Raises NotAllowed."""
    if not access.may_change_findings(by):
        raise NotAllowed("Your role may not have ad accounts judged; ask an analyst, a manager or an owner.")
    visible = access.visible_ad_accounts(by).filter(pk__in=ad_account_ids)
    asked = sorted(with_data(visible))
    for ad_account_id in asked:
        ask(ad_account_id, by=by, now=now)
        audit_trail.record("audit_started_by_hand", actor=by, ad_account_id=ad_account_id)
    return asked
