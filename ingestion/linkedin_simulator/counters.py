"""What was called, how it ended, and how many requests were under way at once."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import TypedDict


class Counted(TypedDict):
    """Everything counted since the last clear; `statuses` by endpoint, peaks per token by its digest."""

    total: int
    calls: dict[str, int]
    statuses: dict[str, dict[str, int]]
    peak: int
    peak_per_token: dict[str, int]


class Counters:
    """Counts per endpoint and status, and peaks; tokens appear as short digests only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self._now_per_token: Counter[str] = Counter()
        self._clear()

    def _clear(self) -> None:
        self._calls: Counter[str] = Counter()
        self._statuses: dict[str, Counter[str]] = {}
        self._peak = 0
        self._peak_per_token: Counter[str] = Counter()

    def clear(self) -> None:
        """Start counting again from zero; requests under way stay so."""
        with self._lock:
            self._clear()

    @contextmanager
    def under_way(self, endpoint: str, authorization: str) -> Iterator[None]:
        """Count a request from its arrival to its answer."""
        token = sha256(authorization.encode()).hexdigest()[:12] if authorization else "none"
        with self._lock:
            self._calls[endpoint] += 1
            self._now += 1
            self._now_per_token[token] += 1
            self._peak = max(self._peak, self._now)
            self._peak_per_token[token] = max(self._peak_per_token[token], self._now_per_token[token])
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1
                self._now_per_token[token] -= 1

    def answered(self, endpoint: str, status: int) -> None:
        """Count an answer; 0 stands for a connection that was reset."""
        with self._lock:
            self._statuses.setdefault(endpoint, Counter())[str(status)] += 1

    def counted(self) -> Counted:
        """Give everything counted since the last clear."""
        with self._lock:
            return {
                "total": sum(self._calls.values()),
                "calls": dict(self._calls),
                "statuses": {endpoint: dict(counts) for endpoint, counts in self._statuses.items()},
                "peak": self._peak,
                "peak_per_token": dict(self._peak_per_token),
            }
