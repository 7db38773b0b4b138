"""Reacts to finished syncs, and to deleted snapshots and exports."""

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from ingestion.models import SyncLog
from ingestion.sync.signals import sync_finished
from reporting import tasks
from reporting.checks import check_requests
from reporting.models import Export, Snapshot


@receiver(sync_finished, dispatch_uid="check_after_a_sync")
def check_after_a_sync(ad_account_id: int, status: str, **_: object) -> None:
    """New data may add problems or fix them."""
    if status in SyncLog.STORED_SOMETHING:
        check_requests.request_check(ad_account_id, now=timezone.now())


@receiver(sync_finished, dispatch_uid="snapshot_after_a_sync")
def snapshot_after_a_sync(ad_account_id: int, status: str, **_: object) -> None:
    """If the broker is down, this snapshot is lost, but the sync is not."""
    if status in SyncLog.STORED_SOMETHING:
        transaction.on_commit(lambda: tasks.snapshot_after_sync.delay(ad_account_id), robust=True)


@receiver(post_delete, sender=Snapshot, dispatch_uid="remove_the_file_of_a_snapshot")
@receiver(post_delete, sender=Export, dispatch_uid="remove_the_file_of_an_export")
def remove_the_file(instance: Snapshot | Export, **_: object) -> None:
    """Whoever deletes the row, directly or with its ad account or person; once the transaction has committed."""
    if instance.stored_as:
        transaction.on_commit(lambda: instance.document.storage.delete(instance.stored_as), robust=True)
