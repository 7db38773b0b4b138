"""Which runs are kept, and for how long."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from ingestion.models import RejectedRecord, SyncLog

_KEPT = timedelta(days=90)


def prune() -> int:
    """Remove runs older than 90 days, except the first success of each ad account and day; returns how many.

    Those successes say which days are covered. Rejected records are removed with their run, and after the same time.
    """
    old = timezone.now() - _KEPT
    RejectedRecord.objects.filter(created_at__lt=old).delete()
    earlier_that_day = SyncLog.objects.filter(
        account=OuterRef("account"),
        status=SyncLog.Status.SUCCESS,
        started_at__date=OuterRef("started_at__date"),
        # Within reach of an index.
        started_at__gt=OuterRef("started_at") - timedelta(days=1),
        started_at__lt=OuterRef("started_at"),
    )
    removed, _ = (
        SyncLog.objects.filter(started_at__lt=old)
        .filter(~Q(status=SyncLog.Status.SUCCESS) | Q(account=None) | Exists(earlier_that_day))
        .delete()
    )
    return removed
