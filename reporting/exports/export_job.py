"""What a worker does with one export: reads its rows as its person, writes its file, stores what it says."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from accounts import access
from accounts.shell.downloads import Sink
from ingestion.processes import graceful_shutdown, work_requests
from ingestion.processes.work_requests import AlreadyTaken, Message
from reporting.exports import contents, export_store, formats
from reporting.exports.contents import Contents, Unavailable
from reporting.exports.export_store import NoRoom, TakenOver, Written
from reporting.exports.watch import Reason, Stopped, Watch
from reporting.models import Export
from reporting.models.export import export_storage

log = logging.getLogger(__name__)

_ACCESS_ENDED: Final = "You may no longer see all ad accounts that it was requested for. Export what you may see now."


def run(message: Message) -> str:
    """Write one export; returns how it stands afterwards."""
    try:
        export = export_store.take(message, now=timezone.now())
    except AlreadyTaken:
        return "already taken"
    except NoRoom:
        return "waiting"
    storage = export_storage()
    # A name of its own for each try: one that was taken for dead may still be writing. Saving makes the folder and the
    # rights of the file.
    name = storage.save(f"{export.pk}-{export.delivery}.{export.file_format}", ContentFile(b""))
    state = ""
    try:
        state = _written(export, storage, name)
    finally:
        if state != Export.State.WRITTEN:
            storage.delete(name)
    return state


def _written(export: Export, storage: Storage, name: str) -> str:
    try:
        with graceful_shutdown.after_the_current_request(), Watch(export) as watch:
            written = _write(export, storage, name, watch)
        export_store.finish(export, written, now=timezone.now())
    except Stopped as stop:
        if stop.reason is Reason.ENDING:
            export_store.hand_back(export, now=timezone.now())
        return f"stopped: {stop}"
    except TakenOver:
        return "taken over"
    except (Unavailable, ValidationError) as error:
        # What was asked for was there when it was requested.
        export_store.fail(export, trouble=f"{_first_sentence(error)} Export it again.", now=timezone.now())
        return Export.State.FAILED
    except Exception:
        work_requests.fail_try(export, now=timezone.now())
        raise
    return Export.State.WRITTEN


def _write(export: Export, storage: Storage, name: str, watch: Watch) -> Written:
    with _ended_by(watch), storage.open(name, "wb") as raw:
        file = _Hashed(raw, watch)
        with _one_moment():
            found = _contents(export)
            watch.progress.rows_expected = found.count()
            formats.write(
                file,
                found.rows,
                file_format=export.file_format,
                dialect=export.dialect,
                count=watch.count,
                temporary_folder=str(export_store.temporary_folder()),
            )
    return Written(
        stored_as=name,
        rows=watch.progress.rows,
        size_bytes=watch.progress.size_bytes,
        digest=file.digest,
        headers=found.rows.headers,
        ad_account_ids=found.ad_account_ids,
        shows_colleagues=access.sees_colleagues(export.asked_by),
    )


def _contents(export: Export) -> Contents:
    """As the person may see it now, which must be all that they asked for, and no more. Raises Unavailable."""
    person = export.asked_by
    if export.ad_account_ids is not None:
        # A token that names fewer ad accounts than its person may see is not there any more.
        person.token_ad_account_ids = frozenset(export.ad_account_ids)
    if not contents.may_read(person, export.of, export.ad_account_ids):
        raise Unavailable(_ACCESS_ENDED)
    return contents.read(person, export.of, export.parameters, file_format=export.file_format)


@contextmanager
def _ended_by(watch: Watch) -> Iterator[None]:
    """A statement that the watch cancelled is a stop. Raises Stopped."""
    try:
        yield
        watch.check()
    except (DatabaseError, psycopg.Error):
        watch.check()
        raise


@contextmanager
def _one_moment() -> Iterator[None]:
    """Everything is read as of one moment; the transaction ends with the last row, or with what stopped it."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _first_sentence(error: Exception) -> str:
    if isinstance(error, ValidationError):
        [[first, *_], *_] = error.detail.values() if isinstance(error.detail, dict) else [error.detail]
        return str(first)
    return str(error)


class _Hashed:
    """A file that is written once, from its first byte to its last. Raises Stopped, once.

    What a library still writes while it clears up after that goes nowhere.
    """

    def __init__(self, file: Sink, watch: Watch) -> None:
        self._file, self._watch, self._hash = file, watch, hashlib.sha256()
        self._is_stopped = False

    def write(self, data: bytes) -> int:
        if self._is_stopped:
            return len(data)
        self._is_stopped = self._watch.is_stopped
        self._watch.check()
        self._hash.update(data)
        self._file.write(data)
        size = len(data)
        self._watch.progress.size_bytes += size
        return size

    def flush(self) -> None:
        if not self._is_stopped:
            self._file.flush()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()
