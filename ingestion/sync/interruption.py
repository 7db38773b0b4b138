"""What ends a running sync before its work is done: a person who cancels it, or its worker that stops."""

from collections.abc import Callable
from time import monotonic

# How often a running sync checks whether a person cancelled it.
_CANCEL_CHECK_SECONDS = 0.5


class SyncCancelled(Exception):
    """A person cancelled this sync."""


class WorkerStopping(Exception):
    """This process is stopping; everything stored so far is whole, and the next run resumes from there."""


class Interruption:
    """Checks, between answers, whether a run has to end early."""

    def __init__(self, *, should_stop: Callable[[], bool], is_cancelled: Callable[[], bool]) -> None:
        self._should_stop = should_stop
        self._is_cancelled = is_cancelled
        self._checked_at = monotonic()

    def check(self) -> None:
        """Raises WorkerStopping, or SyncCancelled; the latter is looked up every few seconds only."""
        if self._should_stop():
            raise WorkerStopping("The worker was stopped; the next sync resumes from here.")
        if monotonic() - self._checked_at >= _CANCEL_CHECK_SECONDS:
            self._checked_at = monotonic()
            if self._is_cancelled():
                raise SyncCancelled
