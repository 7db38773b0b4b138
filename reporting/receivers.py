"""Hears what the ingestion room announces."""

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from ingestion.models import SyncLog
from ingestion.signals import sync_finished
from reporting import tasks

_STORED_SOMETHING = {SyncLog.Status.SUCCESS, SyncLog.Status.PARTIAL}


@receiver(sync_finished, dispatch_uid="audit_after_a_sync")
def audit_after_a_sync(ad_account_id: int, status: str, **_: Any) -> None:
    """New data may have mended something, or broken it."""
    if status in _STORED_SOMETHING:
        transaction.on_commit(partial(tasks.audit_ad_account.delay, ad_account_id))
