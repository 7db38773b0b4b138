"""The simulator's own time: it runs, can be moved, and can be held still."""

import threading
import time
from datetime import UTC, date, datetime, timedelta


class Clock:
    """UTC time that a test may set; `frozen` holds it still until it is set or advanced again."""

    def __init__(self, now: datetime | None = None, *, frozen: bool = False) -> None:
        self._lock = threading.Lock()
        self._frozen = frozen
        self._set(now or datetime.now(UTC))

    def _set(self, now: datetime) -> None:
        self._base = now.astimezone(UTC)
        self._started = time.monotonic()

    def now(self) -> datetime:
        """Give the present instant of the simulated LinkedIn."""
        with self._lock:
            if self._frozen:
                return self._base
            return self._base + timedelta(seconds=time.monotonic() - self._started)

    def today(self) -> date:
        """Give the present UTC day."""
        return self.now().date()

    def seconds(self) -> float:
        """Give the present instant as seconds since 1970."""
        return self.now().timestamp()

    @property
    def frozen(self) -> bool:
        """Whether time stands still."""
        return self._frozen

    def set(self, now: datetime, *, frozen: bool | None = None) -> None:
        """Move to another instant, forwards or backwards."""
        with self._lock:
            self._set(now)
            if frozen is not None:
                self._frozen = frozen

    def advance(self, *, days: float = 0, seconds: float = 0) -> None:
        """Let time pass at once; also what a test hands to a client as its sleep function."""
        now = self.now() + timedelta(days=days, seconds=seconds)
        with self._lock:
            self._set(now)
