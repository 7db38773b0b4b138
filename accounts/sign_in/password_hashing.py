"""Hashes passwords, a few at once.

A hash takes a good part of a second of a processor on purpose. A dozen sign-ins at once would take all processors for
seconds, and with them every page. So only some are hashed at a time in a process, a few more wait for their turn, and
the others are sent away at once with the advice to try again.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from accounts.errors import TooBusy


class _Turns:
    """At most `at_once` threads within, at most `waiting` before it, none of them longer than `seconds`."""

    def __init__(self, *, at_once: int, waiting: int, seconds: float) -> None:
        self._inside = threading.BoundedSemaphore(at_once)
        self._places = threading.BoundedSemaphore(at_once + waiting)
        self._seconds = seconds
        self._thread = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A thread that has one needs no other. Raises TooBusy."""
        if getattr(self._thread, "has_turn", False):
            yield
            return
        if not self._places.acquire(blocking=False):
            raise TooBusy
        try:
            if not self._inside.acquire(timeout=self._seconds):
                raise TooBusy
            self._thread.has_turn = True
            try:
                yield
            finally:
                self._thread.has_turn = False
                self._inside.release()
        finally:
            self._places.release()


# One processor in two stays for pages. Whoever waits keeps a thread of the web process.
AT_ONCE: Final = max(1, (os.cpu_count() or 1) // 2)
WAITING: Final = 2
_turns = _Turns(at_once=AT_ONCE, waiting=WAITING, seconds=5)


@contextmanager
def turn() -> Iterator[None]:
    """Hash passwords within; around an attempt, so that no other one is counted while it waits. Raises TooBusy."""
    with _turns.turn():
        yield


class BoundedHasher(PBKDF2PasswordHasher):
    """Django's own hasher and its format; whatever checks or makes a password here goes through `encode`."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Raises TooBusy."""
        with turn():
            return super().encode(password, salt, iterations)
