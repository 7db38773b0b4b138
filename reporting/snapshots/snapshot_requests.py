"""Snapshots that people take and download, from a page or the API: allowed, told to a worker, on record.

The door for people, as `tasks.py` is Celery's.
"""

from datetime import datetime
from typing import Any

from django.core.files import File
from django.db import transaction
from django.http import FileResponse

from accounts import access, audit_trail
from accounts.models import AdAccount, User
from reporting.models import Snapshot
from reporting.snapshots import snapshot_store
from reporting.tasks import write_snapshot

MAX_DAYS = 366


class NotAllowed(Exception):
    """This person may not take a snapshot of the ad account; the message says what to do."""


class NoDocument(Exception):
    """There is nothing to download; the message says why and what to do."""


def take(ad_account: AdAccount, *, days: int, asked_by: User, now: datetime) -> Snapshot:
    """Have the last whole days written by a worker. Raises NotAllowed."""
    visible = access.visible_ad_accounts(asked_by).filter(pk=ad_account.pk)
    if not access.may_take_snapshots(asked_by) or not visible.exists():
        raise NotAllowed("Your role may not take snapshots; ask an analyst, a manager or an owner.")
    with transaction.atomic():
        snapshot = snapshot_store.queue(ad_account, days=days, asked_by=asked_by, now=now)
        if snapshot.state == Snapshot.State.QUEUED:
            # robust: while the broker is down it waits, and whoever asks again tells the workers again.
            transaction.on_commit(lambda: write_snapshot.delay(snapshot.pk), robust=True)
    return snapshot


def download(snapshot: Snapshot, *, by: User) -> FileResponse:
    """The document as a file, on record. Raises NoDocument."""
    file = _opened(snapshot)
    audit_trail.record(
        "exported",
        actor=by,
        ad_account_id=snapshot.ad_account_id,
        what=f"snapshot {snapshot.pk} of the ad account {snapshot.ad_account_id}",
    )
    response = FileResponse(file, as_attachment=True, filename=snapshot.file_name, content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response


def _opened(snapshot: Snapshot) -> "File[Any]":
    if snapshot.state in Snapshot.UNFINISHED:
        raise NoDocument("This snapshot is still being written; ask again in a moment.")
    if snapshot.state == Snapshot.State.FAILED:
        raise NoDocument(f"This snapshot could not be written. {snapshot.trouble}")
    try:
        return snapshot.document.open("rb")
    except FileNotFoundError:
        raise NoDocument(
            "The file of this snapshot is gone from the storage. Take a new one; if others are gone too, look whether"
            " DATA_DIR/snapshots is the folder that the workers write to."
        ) from None
