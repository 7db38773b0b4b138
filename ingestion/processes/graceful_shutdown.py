"""When syncs of this worker are to stop: when it was asked to end, or the process that runs this one was.

Supervisors signal a worker's whole process group, its children included, and Celery's own way to end a child is the
same signal. A child that runs a sync takes the first one as a request to stop after the current LinkedIn request, so
that the run is closed and the task goes back into the queue; then it ends. A second one ends it at once.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from celery.signals import worker_process_init, worker_shutting_down

# Enough for the task's answer to reach the worker's main process.
_ENDS_AFTER_SECONDS: Final = 1.0

# Set in the worker's main process, read in its children, which were forked from it.
_worker_ends = multiprocessing.get_context("fork").Event()
# Of this process alone: a signal handler must not touch the event, whose lock the sync may hold.
_child = {"is_one": False, "is_asked_to_end": False}


def is_asked_for() -> bool:
    """Whether a sync should stop after its current request, for another process to continue it."""
    return _child["is_asked_to_end"] or _worker_ends.is_set()


@contextmanager
def after_the_current_request() -> Iterator[None]:
    """Within, SIGTERM to a child of the worker asks its sync to stop; afterwards it ends the child."""
    if not _child["is_one"] or threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.getsignal(signal.SIGTERM)

    def ask(number: int, frame: FrameType | None) -> None:
        if _child["is_asked_to_end"] and callable(usual):
            usual(number, frame)
        _child["is_asked_to_end"] = True

    signal.signal(signal.SIGTERM, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, usual)
        if _child["is_asked_to_end"]:
            end = threading.Timer(_ENDS_AFTER_SECONDS, os.kill, (os.getpid(), signal.SIGTERM))
            end.daemon = True
            end.start()


@worker_shutting_down.connect
def _note_the_end(**_: object) -> None:
    _worker_ends.set()


@worker_process_init.connect
def _note_that_this_is_a_child(**_: object) -> None:
    _child["is_one"] = True
