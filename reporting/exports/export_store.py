"""The rows of `exports` and their files; the only writer of both.

At most four exports are written at once, two of one person; the others wait in the order in which they were requested.
"""

import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from accounts.models import User
from ingestion.processes import work_requests
from ingestion.processes.work_requests import RESENT_AFTER, AlreadyTaken, Message, message_of
from reporting.models import Export
from reporting.models.export import export_storage

log = logging.getLogger(__name__)

MAX_AT_ONCE: Final = 4
MAX_AT_ONCE_PER_PERSON: Final = 2
# Nobody waits for so many files; who sends more has a script that runs wild.
MAX_WAITING_PER_PERSON: Final = 20
# A worker that reports nothing for this long is dead, and another one starts the file again.
LEASE: Final = timedelta(seconds=60)
# How long the row of an expired, failed or cancelled export says so.
_ROWS_KEPT: Final = timedelta(days=7)
_FORGOTTEN_AFTER: Final = timedelta(days=1)
_FORGOTTEN: Final = "No worker picked it up within a day. Export it again once a worker is running (see Status)."
# One number for this program's locks on "who may begin next".
_ADMISSION: Final = 7_264_112


class NoRoom(Exception):
    """As many exports are being written as may be at once; this one waits."""


class TooManyWaiting(Exception):
    """The person has more exports waiting than they may."""


class TakenOver(Exception):
    """The row is no longer this worker's: cancelled, given to another one, or gone."""


@dataclass(frozen=True, slots=True)
class Written:
    """What is to be said of a file that is complete."""

    stored_as: str
    rows: int
    size_bytes: int
    digest: str
    headers: Mapping[str, str]
    ad_account_ids: Sequence[int] | None
    shows_colleagues: bool


@transaction.atomic
def queue(
    *,
    asked_by: User,
    of: str,
    parameters: Mapping[str, Sequence[str]],
    file_format: str,
    dialect: str,
    ad_account_ids: Sequence[int] | None,
    now: datetime,
) -> Export:
    """A request; an identical one that has not ended is reused. Raises TooManyWaiting."""
    # Two clicks at once get one row, and count each other.
    User.objects.select_for_update(no_key=True).get(pk=asked_by.pk)
    request = {
        "of": of,
        "parameters": parameters,
        "file_format": file_format,
        "dialect": dialect,
        "ad_account_ids": ad_account_ids,
    }
    own = Export.objects.filter(asked_by=asked_by)
    unfinished = own.filter(**request, state__in=Export.UNFINISHED).first()
    if unfinished:
        return unfinished
    if own.filter(state=Export.State.QUEUED).count() >= MAX_WAITING_PER_PERSON:
        raise TooManyWaiting
    return Export.objects.create(**request, asked_by=asked_by, asked_at=now, resend_at=now + RESENT_AFTER)


@transaction.atomic
def take(message: Message, *, now: datetime) -> Export:
    """The row, now being written. Raises AlreadyTaken and NoRoom."""
    waiting = _admitting().filter(pk=message.row_id, delivery=message.delivery, state=Export.State.QUEUED).first()
    if waiting is None:
        raise AlreadyTaken
    if not _has_room(_being_written(), waiting.asked_by_id):
        raise NoRoom
    begun = {"started_at": now, "rows": 0, "rows_expected": None, "size_bytes": 0, "resend_at": now + LEASE}
    return work_requests.take(Export, message, now=now, **begun)


@transaction.atomic
def next_in_line() -> list[Message]:
    """Messages for the exports that may begin now; a copy that is on its way already does no harm."""
    being_written = _being_written()
    found = []
    for one in _admitting().filter(state=Export.State.QUEUED, tries=0).order_by("asked_at", "pk"):
        if being_written.total() >= MAX_AT_ONCE:
            break
        if _has_room(being_written, one.asked_by_id):
            being_written[one.asked_by_id] += 1
            found.append(message_of(one))
    return found


def count_being_written() -> int:
    return _being_written().total()


def position(export: Export) -> int | None:
    """How many begin before this one, and one; None unless it waits."""
    if export.state != Export.State.QUEUED:
        return None
    earlier = Q(asked_at__lt=export.asked_at) | Q(asked_at=export.asked_at, pk__lt=export.pk)
    return Export.objects.filter(earlier, state=Export.State.QUEUED).count() + 1


def report_progress(export: Export, *, rows: int, rows_expected: int | None, size_bytes: int, now: datetime) -> bool:
    """Write how far it is, and that its worker is alive; False where the row is no longer this worker's."""
    own = Export.objects.filter(pk=export.pk, delivery=export.delivery, state=Export.State.WRITING)
    progress = {"rows": rows, "rows_expected": rows_expected, "size_bytes": size_bytes}
    return bool(own.update(resend_at=now + LEASE, **progress))


@transaction.atomic
def finish(export: Export, written: Written, *, now: datetime) -> None:
    """The file is complete. Raises TakenOver."""
    if not work_requests.holds(export):
        raise TakenOver
    export.state = Export.State.WRITTEN
    export.finished_at = now
    export.expires_at = now + timedelta(hours=settings.EXPORT_KEEP_HOURS)
    export.resend_at = None
    export.document.name = written.stored_as
    export.rows = export.rows_expected = written.rows
    export.size_bytes = written.size_bytes
    export.digest = written.digest
    export.headers = dict(written.headers)
    export.ad_account_ids = None if written.ad_account_ids is None else list(written.ad_account_ids)
    export.shows_colleagues = written.shows_colleagues
    export.save(force_update=True)


def hand_back(export: Export, *, now: datetime) -> None:
    """Its worker stops: another one begins it again, and this counts as no try."""
    own = Export.objects.filter(pk=export.pk, delivery=export.delivery, state=Export.State.WRITING)
    own.update(state=Export.State.QUEUED, delivery=F("delivery") + 1, resend_at=now + RESENT_AFTER)


def fail(export: Export, *, trouble: str, now: datetime) -> None:
    """It cannot be written, now or later."""
    own = Export.objects.filter(pk=export.pk, delivery=export.delivery, state__in=Export.UNFINISHED)
    own.update(state=Export.State.FAILED, trouble=trouble, finished_at=now, resend_at=None)


def cancel(export: Export, *, now: datetime) -> bool:
    """Its worker stops within seconds; False where it had ended before."""
    unfinished = Export.objects.filter(pk=export.pk, state__in=Export.UNFINISHED)
    ended = {"state": Export.State.CANCELLED, "finished_at": now, "resend_at": None}
    return bool(unfinished.update(delivery=F("delivery") + 1, **ended))


def expire(exports: QuerySet[Export]) -> int:
    """Delete the files of written exports; returns how many."""
    expired = 0
    for one in exports.filter(state=Export.State.WRITTEN):
        name = one.stored_as
        # First the row, so that none names a file that is gone.
        expired += Export.objects.filter(pk=one.pk, state=Export.State.WRITTEN).update(
            state=Export.State.EXPIRED, document=""
        )
        export_storage().delete(name)
    return expired


def remove_of(ad_account_id: int) -> int:
    """Delete every export that holds an ad account, or may; returns how many. What is being written stops."""
    holding = Export.objects.filter(Q(ad_account_ids=None) | Q(ad_account_ids__contains=[ad_account_id]))
    return holding.delete()[1].get(Export._meta.label, 0)


def prune(*, now: datetime) -> int:
    """Delete files whose time is over, those of no row, and old rows; returns how many exports expired."""
    expired = expire(Export.objects.filter(expires_at__lte=now))
    forgotten = Export.objects.filter(state=Export.State.QUEUED, asked_at__lt=now - _FORGOTTEN_AFTER)
    forgotten.update(
        state=Export.State.FAILED, trouble=_FORGOTTEN, finished_at=now, resend_at=None, delivery=F("delivery") + 1
    )
    ended = (Export.State.EXPIRED, Export.State.FAILED, Export.State.CANCELLED)
    Export.objects.filter(state__in=ended, finished_at__lt=now - _ROWS_KEPT).delete()
    for name in _orphaned_files(older_than=now - _FORGOTTEN_AFTER):
        log.info("Removing %s: it belongs to no export; the process that wrote it was killed.", name)
        export_storage().delete(name)
    _remove_parts(older_than=now - _FORGOTTEN_AFTER)
    return expired


def temporary_folder() -> Path:
    """For the parts of files that are being written."""
    folder: Path = settings.EXPORT_TEMPORARY_FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _remove_parts(*, older_than: datetime) -> None:
    """What killed processes left of files that they were writing."""
    for part in temporary_folder().iterdir():
        if part.stat().st_mtime < older_than.timestamp():
            shutil.rmtree(part, ignore_errors=True)


def _orphaned_files(*, older_than: datetime) -> Iterator[str]:
    storage = export_storage()
    names = set(storage.listdir("")[1]) if storage.exists("") else set()
    names -= set(Export.objects.filter(document__in=names).values_list("document", flat=True))
    yield from (name for name in sorted(names) if storage.get_modified_time(name) < older_than)


def _admitting() -> QuerySet[Export]:
    """One process at a time decides what begins next, until its transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADMISSION])
    return Export.objects.all()


def _being_written() -> Counter[int]:
    """How many of each person."""
    return Counter(Export.objects.filter(state=Export.State.WRITING).values_list("asked_by_id", flat=True))


def _has_room(being_written: Counter[int], person_id: int) -> bool:
    return being_written.total() < MAX_AT_ONCE and being_written[person_id] < MAX_AT_ONCE_PER_PERSON
