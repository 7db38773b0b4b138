"""Requests of people for snapshots, and their downloads: allowed, queued, recorded."""

from datetime import datetime

from django.core.files import File
from django.db import transaction
from django.http import FileResponse

from accounts import access, audit_trail
from accounts.access import NotAllowed
from accounts.models import AdAccount, User
from reporting.models import Snapshot
from reporting.snapshots import snapshot_store
from reporting.tasks import write_snapshot

MAX_DAYS = 366


class NoDocument(Exception):
    """There is nothing to download; the message says why and what to do."""


def take(ad_account: AdAccount, *, days: int, asked_by: User, now: datetime) -> Snapshot:
    """Have a worker write the last whole days. Raises NotAllowed."""
    visible = access.visible_ad_accounts(asked_by).filter(pk=ad_account.pk)
    if not access.may_take_snapshots(asked_by) or not visible.exists():
        raise NotAllowed("Your role may not take snapshots; ask an analyst, a manager or an owner.")
    with transaction.atomic():
        snapshot = snapshot_store.queue(ad_account, days=days, asked_by=asked_by, now=now)
        if snapshot.state == Snapshot.State.QUEUED:
            delivery = snapshot.delivery
            # robust: if the broker is down, the row stays and `tasks.requeue_lost_snapshots` sends it.
            transaction.on_commit(lambda: write_snapshot.delay(snapshot.pk, delivery), robust=True)
    return snapshot


def download(snapshot: Snapshot, *, by: User) -> FileResponse:
    """The document as a file; recorded. Raises NoDocument."""
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


def _opened(snapshot: Snapshot) -> "File[bytes]":
    if snapshot.state in Snapshot.UNFINISHED:
        raise NoDocument("This snapshot is still being written; try again in a moment.")
    if snapshot.state == Snapshot.State.FAILED:
        raise NoDocument(f"This snapshot could not be written. {snapshot.trouble}")
    try:
        return snapshot.document.open("rb")
    except FileNotFoundError:
        raise NoDocument(
            "The file of this snapshot is missing. Take a new one; if others are missing too, check that"
            " DATA_DIR/snapshots is the folder that the workers write to."
        ) from None
