"""Requests of people for exports, and their downloads: allowed, queued, recorded."""

from datetime import datetime, timedelta
from typing import Final

from django.core.files import File
from django.db import transaction
from django.utils import timezone

from accounts import access, audit_trail
from accounts.models import AuditEvent, User
from ingestion.processes.work_requests import message_of
from reporting.exports import contents, export_store, tasks
from reporting.exports.contents import Parameters, Unavailable
from reporting.models import Export

# Of all parameters: they are kept with the export and in the audit trail.
_MAX_PARAMETERS_LENGTH: Final = 8192
# For so long a download that is continued is the one on record.
_CONTINUED_WITHIN: Final = timedelta(hours=1)
_FORMAT_UNAVAILABLE: Final = "This list is not available as {}; choose one of {}."


_State = Export.State
_WHY_NO_FILE: Final = {
    _State.QUEUED: "This export waits for others to end; try again in a moment.",
    _State.WRITING: "This export is still being written; try again in a moment.",
    _State.FAILED: "This export could not be written. {trouble}",
    _State.CANCELLED: "This export was cancelled. Export it again.",
    _State.EXPIRED: "This file is no longer kept. Export it again.",
}


class NoFile(Exception):
    """There is nothing to download; the message says why and what to do."""


class AlreadyEnded(Exception):
    """There is nothing to cancel."""


def ask(person: User, *, of: str, parameters: Parameters, file_format: str, dialect: str = "", now: datetime) -> Export:
    """Have a worker write a file. Raises Unavailable, TooManyWaiting, and ValidationError for wrong parameters."""
    if file_format not in contents.formats_of(of):
        formats = ", ".join(contents.formats_of(of))
        raise Unavailable(_FORMAT_UNAVAILABLE.format(file_format, formats), field="format")
    length = sum(len(name) + sum(map(len, values)) for name, values in parameters.items())
    if length > _MAX_PARAMETERS_LENGTH:
        raise Unavailable(
            f"The parameters have {length:,} characters; {_MAX_PARAMETERS_LENGTH:,} are possible.", field="parameters"
        )
    if any("\0" in text for values in parameters.values() for text in values):
        raise Unavailable("Null characters are not allowed.", field="parameters")
    if dialect and not file_format.startswith(Export.Format.CSV):
        raise Unavailable("Only CSV has a dialect.", field="dialect")
    found = contents.read(person, of, parameters, file_format=file_format)
    with transaction.atomic():
        export = export_store.queue(
            asked_by=person,
            of=of,
            parameters=parameters,
            file_format=file_format,
            dialect=dialect,
            ad_account_ids=found.ad_account_ids,
            now=now,
        )
        audit_trail.record(
            "export_requested",
            actor=person,
            export_id=export.pk,
            what=_described(export),
            filters={name: list(values) for name, values in parameters.items()},
        )
        if export.state == Export.State.QUEUED:
            message = message_of(export)
            # robust: if the broker is down, the row stays and `tasks.requeue_lost_exports` sends it.
            transaction.on_commit(lambda: tasks.write_export.delay(*message), robust=True)
    return export


def cancel(export: Export, *, now: datetime) -> None:
    """Its worker stops within seconds, and the next one begins. Raises AlreadyEnded."""
    with transaction.atomic():
        if not export_store.cancel(export, now=now):
            raise AlreadyEnded
        transaction.on_commit(tasks.send_next, robust=True)


def check_readable(export: Export, *, by: User) -> None:
    """Raises NoFile: not written, no longer kept, or no longer theirs to see.

    `by` is the person as they ask now: through a token they may see less.
    """
    if export.state in _WHY_NO_FILE:
        raise NoFile(_WHY_NO_FILE[Export.State(export.state)].format(trouble=export.trouble))
    is_hidden = export.shows_colleagues and not access.sees_colleagues(by)
    if is_hidden or not contents.may_read(by, export.of, export.ad_account_ids):
        raise NoFile("You may no longer see everything that this file holds. Export what you may see now.")


def open_file(export: Export, *, by: User, is_continued: bool = False) -> "File[bytes]":
    """The file of a readable export; on record once, also if it is continued. Raises NoFile."""
    try:
        file = export.document.open("rb")
    except FileNotFoundError:
        raise NoFile(
            "The file of this export is missing. Export it again; if others are missing too, check that"
            " DATA_DIR/exports is a folder that web and workers share."
        ) from None
    what = f"{_described(export)} (export {export.pk})"
    if not (is_continued and _is_on_record(what, by)):
        audit_trail.record("exported", actor=by, what=what, rows=export.rows)
    return file


def _is_on_record(what: str, by: User) -> bool:
    recent = AuditEvent.objects.filter(kind="exported", happened_at__gt=timezone.now() - _CONTINUED_WITHIN)
    return recent.filter(actor_id=by.pk, detail__what=what).exists()


def _described(export: Export) -> str:
    return f"{contents.name_of(export.of)} as {export.get_file_format_display()}"
