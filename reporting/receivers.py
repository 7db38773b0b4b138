"""Hears what the ingestion room announces."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from ingestion.models import SyncLog
from ingestion.sync.signals import sync_finished
from reporting import tasks
from reporting.checks import check_requests
from reporting.models import Snapshot

_STORED_SOMETHING = {SyncLog.Status.SUCCESS, SyncLog.Status.PARTIAL}


@receiver(sync_finished, dispatch_uid="audit_after_a_sync")
def audit_after_a_sync(ad_account_id: int, status: str, **_: Any) -> None:
    """New data may have mended something, or broken it."""
    if status in _STORED_SOMETHING:
        check_requests.ask(ad_account_id, now=timezone.now())


@receiver(sync_finished, dispatch_uid="snapshot_after_a_sync")
def snapshot_after_a_sync(ad_account_id: int, status: str, **_: Any) -> None:
    """What was stored, as one document. A broker that is down costs this snapshot, not the sync."""
    if status in _STORED_SOMETHING:
        transaction.on_commit(lambda: tasks.snapshot_after_sync.delay(ad_account_id), robust=True)


@receiver(post_delete, sender=Snapshot, dispatch_uid="remove_the_file_of_a_snapshot")
def remove_the_file_of_a_snapshot(instance: Snapshot, **_: Any) -> None:
    """Whoever deleted the row, and be it with its ad account; not before it is certain."""
    if instance.stored_as:
        transaction.on_commit(lambda: instance.document.storage.delete(instance.stored_as), robust=True)
