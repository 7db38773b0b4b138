"""Requests side by side, answers one at a time.

Sources say what to request next; worker threads send it; the thread that called `run` gets every answer and is the
only one that writes. At most `concurrency` answers exist at once, requested or waiting to be written, so memory
does not grow with the number of requests.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Generic, Protocol, TypeVar

from ingestion.linkedin.errors import LinkedInError

A = TypeVar("A")


class Job(Generic[A]):
    """One request and what its answer is for: `ask` runs in a worker thread, the others in the caller's.

    `learn` gets the answer as soon as it is there, so that the next request can go out while `then` still writes.
    """

    def __init__(
        self,
        ask: Callable[[], A],
        then: Callable[[A], None],
        failed: Callable[[LinkedInError], None],
        learn: Callable[[A], None] | None = None,
    ) -> None:
        self._ask = ask
        self._then = then
        self._failed = failed
        self._learn = learn
        self._answer: list[A] = []

    def send(self) -> None:
        """Get the answer."""
        self._answer.append(self._ask())

    def learn(self) -> None:
        """Use what the answer says about further requests."""
        if self._learn:
            self._learn(self._answer[0])

    def finish(self) -> None:
        """Use the answer."""
        self._then(self._answer.pop())

    def fail(self, error: LinkedInError) -> None:
        """There will be no answer."""
        self._failed(error)


class AnyJob(Protocol):
    """A job, whatever its answer is."""

    def send(self) -> None: ...
    def learn(self) -> None: ...
    def finish(self) -> None: ...
    def fail(self, error: LinkedInError) -> None: ...


class JobSource(Protocol):
    """Something that knows what to request next."""

    def next_job(self) -> AnyJob | None:
        """What to request now; None when there is nothing now (called again after the next answer)."""

    def calls_left(self) -> int:
        """How many more jobs there will be, as far as is known; running ones not counted."""


class RequestPool:
    """Runs the jobs of sources; earlier sources go first."""

    def __init__(self, *, concurrency: int, while_waiting: Callable[[], None], wait_seconds: float) -> None:
        self._concurrency = concurrency
        self._while_waiting = while_waiting
        self._wait_seconds = wait_seconds
        self._sources: Sequence[JobSource] = ()
        self._running: dict[Future[None], AnyJob] = {}

    def calls_left(self) -> int:
        """How many answers are still to come, as far as is known."""
        return len(self._running) + sum(source.calls_left() for source in self._sources)

    def run(self, sources: Sequence[JobSource]) -> None:
        """Return when no source has anything left. Whatever `then` raises ends the run."""
        self._sources = sources
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="linkedin")
        try:
            self._start_jobs(pool)
            while self._running:
                done, _ = wait(self._running, self._wait_seconds, FIRST_COMPLETED)
                for future in done:
                    if future.exception() is None:
                        self._running[future].learn()
                self._start_jobs(pool)
                for future in done:
                    self._finish(future)
                    # The next request goes out before the next answer is written.
                    self._start_jobs(pool)
                self._while_waiting()
        finally:
            self._running.clear()
            pool.shutdown(wait=False, cancel_futures=True)

    def _start_jobs(self, pool: ThreadPoolExecutor) -> None:
        for source in self._sources:
            while len(self._running) < self._concurrency:
                job = source.next_job()
                if job is None:
                    break
                # The thread's log lines carry the ids of the run.
                self._running[pool.submit(copy_context().run, job.send)] = job

    def _finish(self, future: Future[None]) -> None:
        job = self._running.pop(future)
        error = future.exception()
        if error is None:
            job.finish()
        elif isinstance(error, LinkedInError):
            job.fail(error)
        else:
            raise error


class Jobs:
    """A source with a list of jobs."""

    def __init__(self, jobs: Sequence[AnyJob]) -> None:
        self._jobs = list(reversed(jobs))

    def next_job(self) -> AnyJob | None:
        return self._jobs.pop() if self._jobs else None

    def calls_left(self) -> int:
        return len(self._jobs)
