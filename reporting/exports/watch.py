"""Accompanies an export that is being written: reports its progress, and ends it when nobody wants it any more.

The export itself may be inside a statement that takes minutes, so this is a thread with a connection of its own: it
cancels the statement of the other one.
"""

import enum
import logging
import threading
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Self, TypeVar

import psycopg
from django.db import DatabaseError, connection
from django.utils import timezone

from ingestion.processes import graceful_shutdown
from reporting.exports import export_store
from reporting.models import Export

log = logging.getLogger(__name__)

Item = TypeVar("Item")
_EVERY_SECONDS: Final = 1.0
_ROWS_BETWEEN_CHECKS: Final = 500


class Reason(enum.Enum):
    """Why an export stops before its end."""

    LOST = "cancelled, removed, or given to another worker"
    ENDING = "its worker ends"


class Stopped(Exception):
    """This export is not to be continued here."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(slots=True)
class Progress:
    """How far an export is, written by one thread and read by the other."""

    rows: int = 0
    rows_expected: int | None = None
    size_bytes: int = 0


class Watch:
    """While it is entered, the export of this thread is watched."""

    def __init__(self, export: Export) -> None:
        self.progress = Progress()
        self._export = export
        self._stopped_by: Reason | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"export {export.pk}", daemon=True)

    def __enter__(self) -> Self:
        connection.ensure_connection()
        self._statements: psycopg.Connection[object] = connection.connection
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Afterwards nothing of this connection is cancelled any more."""
        self._done.set()
        self._thread.join()

    @property
    def is_stopped(self) -> bool:
        return self._stopped_by is not None

    def check(self) -> None:
        """Raises Stopped."""
        if self._stopped_by:
            raise Stopped(self._stopped_by)

    def count(self, rows: Iterable[Item]) -> Generator[Item, None, None]:
        """The rows, counted, and closed where it ends early. Raises Stopped."""
        progress = self.progress
        with closing(_closable(rows)) as found:
            for row in found:
                progress.rows += 1
                if progress.rows % _ROWS_BETWEEN_CHECKS == 0:
                    self.check()
                yield row

    def _run(self) -> None:
        try:
            while not self._done.wait(_EVERY_SECONDS):
                self._look()
        finally:
            connection.close()

    def _look(self) -> None:
        try:
            self._stopped_by = self._stopped_by or self._reason()
            if self._stopped_by:
                # Once a second until it has ended: between two statements there is nothing to cancel.
                self._statements.cancel_safe(timeout=5)
        except (DatabaseError, psycopg.Error) as error:
            log.warning("Export %s could not be watched for a second: %s", self._export.pk, error)

    def _reason(self) -> Reason | None:
        if graceful_shutdown.is_asked_for():
            return Reason.ENDING
        progress = self.progress
        is_own = export_store.report_progress(
            self._export,
            rows=progress.rows,
            rows_expected=progress.rows_expected,
            size_bytes=progress.size_bytes,
            now=timezone.now(),
        )
        return None if is_own else Reason.LOST


def _closable(rows: Iterable[Item]) -> Generator[Item, None, None]:
    """Closing it closes what reads the rows, such as a cursor."""
    yield from rows
