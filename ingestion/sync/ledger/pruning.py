"""Which runs are kept, and for how long."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from ingestion.models import RejectedRecord, SyncLog

_KEPT = timedelta(days=90)


def prune() -> int:
    """Remove runs older than 90 days, except the last of each ad account; returns how many.

    Rejected records are removed with their run, and after the same time. Which days are covered is not forgotten.
    """
    old = timezone.now() - _KEPT
    RejectedRecord.objects.filter(created_at__lt=old).delete()
    later = SyncLog.objects.filter(account=OuterRef("account"), started_at__gt=OuterRef("started_at"))
    removed, _ = SyncLog.objects.filter(Exists(later) | Q(account=None), started_at__lt=old).delete()
    return removed
