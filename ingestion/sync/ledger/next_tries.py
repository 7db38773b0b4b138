"""Further tries of a sync that a person requested: its row says when the next one is due, until one succeeds.

The tries are runs of their own, which name the row of the request; its status stays that of its own run.
"""

import random
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from ingestion.models import SyncLog
from ingestion.processes.work_requests import RESENT_AFTER, Message, delay_after, message_of


def try_again(run_ids: Collection[int], *, now: datetime, at_once: bool = False) -> None:
    """Note that a try failed for a reason that may pass; the last of several was the last."""
    for run in SyncLog.objects.filter(pk__in=run_ids, status__in=SyncLog.TRIED_AGAIN):
        tries = run.tries + 1
        delay = timedelta() if at_once else delay_after(tries) * random.uniform(0.8, 1.2)  # noqa: S311  # nosec B311
        _unchanged(run).update(tries=tries, resend_at=now + delay if tries < SyncLog.MAX_TRIES else None)


def hand_back(run_id: int, *, now: datetime) -> Message | None:
    """The message with which another worker continues at once, after a graceful stop; None if nothing is left to do."""
    run = SyncLog.objects.filter(pk=run_id, status__in=SyncLog.TRIED_AGAIN).first()
    if run is None or not _unchanged(run).update(resend_at=now + RESENT_AFTER):
        return None
    return message_of(run)


def postpone(message: Message, *, until: datetime) -> None:
    """Another sync of the ad account is in the way."""
    SyncLog.objects.filter(pk=message.row_id, delivery=message.delivery).update(resend_at=until)


def call_off(run_id: int) -> bool:
    """No further try of this run; returns whether one was due."""
    awaited = SyncLog.objects.filter(pk=run_id, status__in=SyncLog.TRIED_AGAIN, resend_at__isnull=False)
    return bool(awaited.update(delivery=F("delivery") + 1, resend_at=None))


def _unchanged(run: SyncLog) -> QuerySet[SyncLog]:
    return SyncLog.objects.filter(pk=run.pk, delivery=run.delivery)
