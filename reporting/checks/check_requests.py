"""Requests for checks: after a sync, after changed thresholds, by a person; recorded and handed to a worker.

The entry point in front of `tasks.py`; what a check does is in `findings.py`.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts import access, audit_trail
from accounts.access import NotAllowed
from accounts.models import User
from reporting import tasks
from reporting.checks import check_queue
from reporting.queries.check_runs import ad_accounts_with_data


@transaction.atomic
def request_check(ad_account_id: int, *, by: User | None = None, now: datetime) -> None:
    """Have a worker check an ad account. One that is being checked is checked again: the data may be new."""
    request = check_queue.enqueue(ad_account_id, by=by, now=now)
    delivery = request.delivery
    # robust: if the broker is down, the row stays and `tasks.requeue_lost_checks` sends it.
    transaction.on_commit(lambda: tasks.check_ad_account.delay(ad_account_id, delivery), robust=True)


@transaction.atomic
def check_now(ad_account_ids: Collection[int], *, by: User, now: datetime) -> list[int]:
    """Request a check of those of a person's ad accounts that hold data; returns which. Raises NotAllowed."""
    if not access.may_change_findings(by):
        raise NotAllowed("Your role may not check ad accounts; ask an analyst, a manager or an owner.")
    visible = access.visible_ad_accounts(by).filter(pk__in=ad_account_ids)
    checked = sorted(ad_accounts_with_data(visible))
    for ad_account_id in checked:
        request_check(ad_account_id, by=by, now=now)
        audit_trail.record("audit_started_by_hand", actor=by, ad_account_id=ad_account_id)
    return checked
