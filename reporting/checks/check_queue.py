"""The rows of `audit_requests`, as its only writer beside the check itself, which removes the row that it fulfils."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from ingestion.processes import work_requests
from ingestion.processes.work_requests import RESENT_AFTER, Message
from reporting.checks import findings
from reporting.checks.findings import CheckResult
from reporting.models import CheckRequest


@transaction.atomic
def enqueue(ad_account_id: int, *, by: User | None, now: datetime) -> CheckRequest:
    """Queue a check; one that is queued already will read the data as it is then, so it serves both requests."""
    asked = {"asked_at": now, "asked_by": by}
    row, is_new = CheckRequest.objects.select_for_update(of=("self",)).get_or_create(
        ad_account_id=ad_account_id, defaults={**asked, "resend_at": now + RESENT_AFTER}
    )
    if not is_new:
        work_requests.queue_again(row, now=now, **asked)
    return row


def check(message: Message, *, now: datetime) -> CheckResult | None:
    """Make the check that a message asks for; None where there is nothing to check. Raises AlreadyTaken."""
    request = work_requests.take(CheckRequest, message, now=now)
    try:
        return findings.check_ad_account(request.pk, now=now)
    except Exception:
        work_requests.fail_try(request, now=now)
        raise
