"""No statement of a request keeps PostgreSQL busy for longer than its limit.

This process cancels it. The server's own statement_timeout would have to be set in each transaction, since a pooler
shares its sessions with the workers, whose statements may take longer; and pages mostly read outside of transactions.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

import psycopg
from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_TICK_SECONDS: Final = 0.2
_CANCEL_SECONDS: Final = 5

_running: Final[set["_Statement"]] = set()
_changed: Final = threading.Condition()
_watcher: threading.Thread | None = None


def limit_statements(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: statements of a page or of the API end with OperationalError where they take too long.

    A file that is streamed is read afterwards, and takes as long as its reader does.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        with connection.execute_wrapper(_execute_within_limit):
            return get_response(request)

    return answer


def _execute_within_limit(
    execute: Callable[..., object], sql: str, params: object, many: bool, context: dict[str, Any]
) -> object:
    with _Statement(context["connection"].connection, seconds=settings.API_STATEMENT_SECONDS):
        return execute(sql, params, many, context)


class _Statement:
    """One that runs; `cancel` never reaches the next one of its connection, which waits for the lock."""

    def __init__(self, at: psycopg.Connection[tuple[object, ...]], *, seconds: float) -> None:
        self._at = at
        self.due = time.monotonic() + seconds
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        _watch()
        with _changed:
            _running.add(self)
            _changed.notify()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock, _changed:
            _running.discard(self)

    def cancel(self) -> None:
        with self._lock:
            if self in _running:
                with contextlib.suppress(psycopg.Error):
                    self._at.cancel_safe(timeout=_CANCEL_SECONDS)


def _watch() -> None:
    """One thread for all statements of this process; a forked process has none yet."""
    global _watcher
    if _watcher is None or not _watcher.is_alive():
        with _changed:
            if _watcher is None or not _watcher.is_alive():
                _watcher = threading.Thread(target=_cancel_what_is_due, name="statement-limit", daemon=True)
                _watcher.start()


def _cancel_what_is_due() -> None:
    while True:
        with _changed:
            _changed.wait_for(lambda: _running)
            due = [one for one in _running if one.due <= time.monotonic()]
        for one in due:
            one.cancel()
        time.sleep(_TICK_SECONDS)
