"""Requests side by side, results one at a time.

Sources say what to ask next; worker threads ask; the thread that called `run` gets every answer and is the
only one that writes. At most `concurrency` answers exist at once, asked or waiting to be written, so memory
does not grow with the number of requests.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Protocol

from ingestion.linkedin.errors import LinkedInError


@dataclass(frozen=True, slots=True)
class Job:
    """One request: `ask` runs in a worker thread, the others in the caller's.

    `learn` is told an answer as soon as it is there, so that the next request can go out while `then` still writes.
    """

    ask: Callable[[], Any]
    then: Callable[[Any], None]
    failed: Callable[[LinkedInError], None]
    learn: Callable[[Any], None] = lambda answer: None


class Source(Protocol):
    """Something that knows what to ask next."""

    def next_job(self) -> Job | None:
        """What to ask now; None when there is nothing now (asked again after the next answer)."""

    def calls_left(self) -> int:
        """How many more jobs there will be, as far as is known; those under way not counted."""


class SideBySide:
    """Runs the jobs of sources; earlier sources go first."""

    def __init__(self, *, concurrency: int, while_waiting: Callable[[], None], wait_seconds: float) -> None:
        self._concurrency = concurrency
        self._while_waiting = while_waiting
        self._wait_seconds = wait_seconds
        self._sources: Sequence[Source] = ()
        self._under_way: dict[Future[Any], Job] = {}

    def calls_left(self) -> int:
        """How many answers are still to come, as far as is known."""
        return len(self._under_way) + sum(source.calls_left() for source in self._sources)

    def run(self, sources: Sequence[Source]) -> None:
        """Return when no source has more to ask. Whatever `then` raises ends the run."""
        self._sources = sources
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="linkedin")
        try:
            self._start_jobs(pool)
            while self._under_way:
                done, _ = wait(self._under_way, self._wait_seconds, FIRST_COMPLETED)
                for future in done:
                    if future.exception() is None:
                        self._under_way[future].learn(future.result())
                self._start_jobs(pool)
                for future in done:
                    self._finish(future)
                    # The next request goes out before the next answer is written.
                    self._start_jobs(pool)
                self._while_waiting()
        finally:
            self._under_way.clear()
            pool.shutdown(wait=False, cancel_futures=True)

    def _start_jobs(self, pool: ThreadPoolExecutor) -> None:
        for source in self._sources:
            while len(self._under_way) < self._concurrency:
                job = source.next_job()
                if job is None:
                    break
                # Log lines of the thread say for which run it asks.
                self._under_way[pool.submit(copy_context().run, job.ask)] = job

    def _finish(self, future: Future[Any]) -> None:
        job = self._under_way.pop(future)
        error = future.exception()
        if error is None:
            job.then(future.result())
        elif isinstance(error, LinkedInError):
            job.failed(error)
        else:
            raise error


class Jobs:
    """A source with a list of jobs."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = list(reversed(jobs))

    def next_job(self) -> Job | None:
        return self._jobs.pop() if self._jobs else None

    def calls_left(self) -> int:
        return len(self._jobs)
