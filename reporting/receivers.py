"""Hears what the ingestion room announces."""

from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from ingestion.models import SyncLog
from ingestion.signals import sync_finished
from reporting import judging

_STORED_SOMETHING = {SyncLog.Status.SUCCESS, SyncLog.Status.PARTIAL}


@receiver(sync_finished, dispatch_uid="audit_after_a_sync")
def audit_after_a_sync(ad_account_id: int, status: str, **_: Any) -> None:
    """New data may have mended something, or broken it."""
    if status in _STORED_SOMETHING:
        judging.ask(ad_account_id, now=timezone.now())
