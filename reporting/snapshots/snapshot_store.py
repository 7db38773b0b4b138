"""Writes snapshots to the storage and their rows to `snapshots`, as its only writer; removes old ones."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.db.models import F, Q

from accounts import audit_trail
from accounts.models import AdAccount, User
from ingestion.models import SyncLog
from ingestion.processes import work_requests
from ingestion.processes.work_requests import RESENT_AFTER, AlreadyTaken, Message
from reporting.models import Snapshot
from reporting.models.snapshot import snapshot_storage
from reporting.periods import Period, last_days
from reporting.snapshots.assembly import DoesNotFit, Written, write_document
from reporting.snapshots.document import SCHEMA_VERSION

log = logging.getLogger(__name__)

# A request that waits this long was forgotten: its message to the workers is lost.
_FORGOTTEN_AFTER: Final = timedelta(days=1)
_FORGOTTEN = "No worker picked it up within a day. Take it again once a worker is running (see Status)."


class _TakenOver(Exception):
    """This worker was slow, so that another was given its snapshot, or it was given up."""


@transaction.atomic
def queue(ad_account: AdAccount, *, days: int, asked_by: User, now: datetime) -> Snapshot:
    """A person's request for the last whole days; an identical waiting one is reused."""
    # Two clicks at once get one row.
    AdAccount.objects.select_for_update(no_key=True).get(pk=ad_account.pk)
    period = last_days(days, today=now.date())
    request = {"ad_account": ad_account, "first_day": period.first_day, "last_day": period.last_day}
    waiting = Snapshot.objects.filter(**request, state__in=Snapshot.UNFINISHED).first()
    if waiting:
        return waiting
    snapshot = Snapshot.objects.create(
        **request, trigger=Snapshot.Trigger.MANUAL, asked_by=asked_by, asked_at=now, resend_at=now + RESENT_AFTER
    )
    audit_trail.record(
        "snapshot_taken", actor=asked_by, ad_account_id=ad_account.pk, snapshot_id=snapshot.pk, days=days
    )
    return snapshot


def write_queued(message: Message, *, now: datetime) -> Snapshot:
    """Write a requested snapshot, once, however many copies of its message come. Raises Snapshot.DoesNotExist."""
    try:
        snapshot = work_requests.take(Snapshot, message, now=now)
        with _written(snapshot, now=now) as (file, written):
            _store(snapshot, file, written)
    except (AlreadyTaken, _TakenOver):
        return Snapshot.objects.get(pk=message.row_id)
    except DoesNotFit as error:
        _fail(snapshot, trouble=str(error))
    except Exception:
        work_requests.fail_try(snapshot, now=now)
        raise
    return snapshot


def write_now(ad_account: AdAccount, *, days: int, now: datetime) -> Snapshot:
    """Write it here and now, for the command line. Raises DoesNotFit."""
    snapshot = _new(ad_account, days=days, trigger=Snapshot.Trigger.COMMAND, now=now)
    with _written(snapshot, now=now) as (file, written), transaction.atomic():
        _store(snapshot, file, written)
        audit_trail.record(
            "snapshot_taken", ad_account_id=ad_account.pk, snapshot_id=snapshot.pk, days=days, by="command"
        )
    return snapshot


def write_after_sync(ad_account_id: int, *, now: datetime) -> Snapshot | None:
    """None if the newest one for these days would be the same; that one is then confirmed.

    One that does not fit is stored as failed. Raises AdAccount.DoesNotExist.
    """
    ad_account = AdAccount.objects.get(pk=ad_account_id)
    snapshot = _new(ad_account, days=settings.SNAPSHOT_DAYS, trigger=Snapshot.Trigger.SYNC, now=now)
    try:
        return _write_unless_same(snapshot, now=now)
    except DoesNotFit as error:
        return _failed_after_sync(snapshot, trouble=str(error))


def _write_unless_same(snapshot: Snapshot, *, now: datetime) -> Snapshot | None:
    with _written(snapshot, now=now) as (file, written):
        same = _newest_for_same_days(snapshot)
        if same and same.digest == written.digest and snapshot_storage().exists(same.stored_as):
            same.confirmed_as_of = written.data_as_of
            same.save(update_fields=["confirmed_as_of"])
            return None
        _store(snapshot, file, written)
    return snapshot


def _failed_after_sync(snapshot: Snapshot, *, trouble: str) -> Snapshot:
    """Only the last one is kept: every sync would fail for the same reason."""
    snapshot.state, snapshot.trouble = Snapshot.State.FAILED, trouble
    with transaction.atomic():
        Snapshot.objects.filter(
            ad_account=snapshot.ad_account, trigger=Snapshot.Trigger.SYNC, state=Snapshot.State.FAILED
        ).delete()
        snapshot.save()
    return snapshot


def prune(*, now: datetime) -> int:
    """Remove old snapshots and orphaned files, and fail forgotten requests; returns how many snapshots were removed."""
    forgotten = Q(asked_at__lt=now - _FORGOTTEN_AFTER) | Q(asked_at__gt=now + _FORGOTTEN_AFTER)
    waiting = Snapshot.objects.filter(forgotten, state__in=Snapshot.UNFINISHED)
    waiting.update(state=Snapshot.State.FAILED, trouble=_FORGOTTEN, resend_at=None, delivery=F("delivery") + 1)
    old = Snapshot.objects.filter(asked_at__lt=now - timedelta(days=settings.SNAPSHOT_KEEP_DAYS))
    removed = old.delete()[1].get(Snapshot._meta.label, 0)
    for name in _orphaned_files(older_than=now - _FORGOTTEN_AFTER):
        log.info("Removing %s: it belongs to no snapshot; the process that wrote it was killed.", name)
        snapshot_storage().delete(name)
    return removed


def _new(ad_account: AdAccount, *, days: int, trigger: str, now: datetime) -> Snapshot:
    period = last_days(days, today=now.date())
    return Snapshot(
        ad_account=ad_account, trigger=trigger, asked_at=now, first_day=period.first_day, last_day=period.last_day
    )


@contextmanager
def _written(snapshot: Snapshot, *, now: datetime) -> Iterator[tuple[BinaryIO, Written]]:
    """The document in a temporary file."""
    with TemporaryFile() as file:
        written = write_document(
            file,
            ad_account=snapshot.ad_account,
            period=Period(snapshot.first_day, snapshot.last_day),
            now=now,
            max_bytes=settings.SNAPSHOT_MAX_BYTES,
        )
        yield file, written


def _store(snapshot: Snapshot, file: BinaryIO, written: Written) -> None:
    """File first, so that a row never names a file that does not exist yet."""
    snapshot.state = Snapshot.State.WRITTEN
    snapshot.generated_at = written.generated_at
    snapshot.data_as_of = snapshot.confirmed_as_of = written.data_as_of
    if written.sync_run_id is not None:
        # None if the run has been pruned since.
        snapshot.sync_run = SyncLog.objects.filter(pk=written.sync_run_id).first()
    snapshot.schema_version = SCHEMA_VERSION
    snapshot.size_bytes = written.size_bytes
    snapshot.digest = written.digest
    snapshot.dropped = written.dropped
    file.seek(0)
    snapshot.document.save(_name(snapshot, written.generated_at), File(file), save=False)
    try:
        with transaction.atomic():
            # A row that was deleted in the meantime is not created again.
            is_requested = snapshot.pk is not None
            if is_requested and not work_requests.holds(snapshot):
                raise _TakenOver
            snapshot.resend_at = None
            snapshot.save(force_update=is_requested)
    except Exception:
        snapshot_storage().delete(snapshot.stored_as)
        raise


def _name(snapshot: Snapshot, generated_at: datetime) -> str:
    """A folder per ad account; within it names sort by time."""
    days = f"{snapshot.first_day}_{snapshot.last_day}"
    return f"{snapshot.ad_account_id}/{generated_at:%Y%m%dT%H%M%SZ}_{days}.json"


def _newest_for_same_days(snapshot: Snapshot) -> Snapshot | None:
    written = Snapshot.objects.filter(ad_account=snapshot.ad_account, state=Snapshot.State.WRITTEN)
    of_these = written.filter(first_day=snapshot.first_day, last_day=snapshot.last_day)
    return of_these.order_by("-asked_at", "-pk").first()


def _fail(snapshot: Snapshot, *, trouble: str) -> None:
    """Unless another worker was given it in the meantime, or its row was deleted."""
    snapshot.state, snapshot.trouble, snapshot.resend_at = Snapshot.State.FAILED, trouble, None
    Snapshot.objects.filter(pk=snapshot.pk, delivery=snapshot.delivery).update(
        state=snapshot.state, trouble=trouble, resend_at=None
    )


def _orphaned_files(*, older_than: datetime) -> Iterator[str]:
    storage = snapshot_storage()
    folders = storage.listdir("")[0] if storage.exists("") else []
    for folder in folders:
        names = {f"{folder}/{file}" for file in storage.listdir(folder)[1]}
        names -= set(Snapshot.objects.filter(document__in=names).values_list("document", flat=True))
        yield from (name for name in sorted(names) if storage.get_modified_time(name) < older_than)
