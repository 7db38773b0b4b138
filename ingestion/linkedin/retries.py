"""How long to wait before a call is retried, and when to give up; independent of HTTP."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from ingestion.linkedin.answers import FailedCall, Retry
from ingestion.linkedin.errors import RateLimited

MAX_WAIT_SECONDS: Final = 60.0
_TRIES: Final = {Retry.TWICE: 3, Retry.FEW: 5}


class RetryPolicy:
    """The retries of one call; its waits end before its deadline, seconds from now."""

    def __init__(self, *, deadline_seconds: float, monotonic: Callable[[], float], random: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._random = random
        self._ends = monotonic() + deadline_seconds
        self._failures: Counter[Retry] = Counter()
        self._server_errors = 0

    def seconds_left(self) -> float:
        return self._ends - self._monotonic()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time spent inside does not count."""
        since = self._monotonic()
        try:
            yield
        finally:
            self._ends += self._monotonic() - since

    def wait_after(self, failure: FailedCall, *, max_server_errors: int | None = None) -> float:
        """Seconds until the next try. Raises the failure's error when there is to be none."""
        self._failures[failure.retry] += 1
        self._server_errors += (failure.error.status or 0) >= 500
        tried = self._failures[failure.retry]
        if failure.retry is Retry.NEVER or tried >= _TRIES.get(failure.retry, math.inf):
            raise failure.error
        if max_server_errors is not None and self._server_errors >= max_server_errors:
            raise failure.error
        wait = self._wait(failure, tried - 1)
        if wait >= self.seconds_left():
            if isinstance(failure.error, RateLimited):
                failure.error.retry_after_seconds = wait
            raise failure.error
        return wait

    def _wait(self, failure: FailedCall, retries: int) -> float:
        if failure.retry is Retry.THROTTLE:
            if failure.wait_seconds is not None:
                return failure.wait_seconds
            # Half of it is certain: a throttle never clears at once, and side-by-side calls must not line up.
            return _growing(5.0, retries) * (0.5 + self._random() / 2)
        # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        return max(_growing(1.0, retries) * self._random(), failure.wait_seconds or 0.0)


def _growing(first: float, retries: int) -> float:
    return min(MAX_WAIT_SECONDS, first * 2.0 ** min(retries, 10))
