"""Celery's doors into this room: ids in, one call, a small summary out."""

import logging
from typing import Any

from celery import shared_task

from accounts.models import AdAccount, LinkedInConnection
from ingestion import discovery, sync
from ingestion.models import SyncLog
from ingestion.sync_runs import AlreadyRunning

log = logging.getLogger(__name__)


@shared_task
def sync_ad_account(ad_account_id: int, force: bool = False, trigger: str = SyncLog.Trigger.SCHEDULE) -> Any:
    """Sync one ad account if it is due."""
    if not AdAccount.objects.filter(pk=ad_account_id).exists():
        log.warning("Ad account %s is gone; nothing to sync.", ad_account_id)
        return {"status": "gone"}
    try:
        result = sync.sync_ad_account(ad_account_id, force=force, trigger=trigger)
    except AlreadyRunning as running:
        return {"status": "skipped", "reason": str(running)}
    return {"status": result.status, "reason": result.reason, "rows": result.rows}


@shared_task
def discover_ad_accounts(connection_id: int) -> Any:
    """List the ad accounts of a connection and start the first sync of each that is due."""
    if not LinkedInConnection.objects.filter(pk=connection_id).exists():
        log.warning("LinkedIn connection %s is gone; nothing to discover.", connection_id)
        return {"status": "gone"}
    result, found = discovery.discover_ad_accounts(connection_id)
    for ad_account_id in found:
        sync_ad_account.delay(ad_account_id, trigger=SyncLog.Trigger.DISCOVERY)
    return {"status": result.status, "reason": result.reason, "ad_accounts": len(found)}
