import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from ingestion.linkedin.errors import AccessDenied, Unavailable
from ingestion.sync.request_pool import Job, Jobs, RequestPool


def nothing(*_: object) -> None:
    """For what a test does not look at."""


def request_pool(concurrency: int = 4, while_waiting: Callable[[], None] = nothing) -> RequestPool:
    return RequestPool(concurrency=concurrency, while_waiting=while_waiting, wait_seconds=0.02)


def worker_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("linkedin_")]


def no_worker_thread_within(seconds: float) -> bool:
    end = time.monotonic() + seconds
    while worker_threads() and time.monotonic() < end:
        time.sleep(0.01)
    return not worker_threads()


class Answers:
    """Answers that exist at once: asked for, or not yet handled."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.peak = self.handled = 0

    def ask(self) -> int:
        with self._lock:
            self.now += 1
            self.peak = max(self.peak, self.now)
        time.sleep(0.002)
        return self.now

    def handle(self, _: int) -> None:
        time.sleep(0.004)  # slower than asking, so that answers would pile up if they could
        with self._lock:
            self.now -= 1
            self.handled += 1


@pytest.mark.parametrize("concurrency", [1, 3])
def test_never_more_answers_exist_at_once_than_allowed(concurrency):
    """An answer that waits to be written counts like a request under way: memory stays bounded."""
    answers = Answers()
    sources = [Jobs([Job(answers.ask, answers.handle, nothing) for _ in range(20)]) for _ in range(2)]
    request_pool(concurrency).run(sources)
    assert (answers.handled, answers.now) == (40, 0)
    assert answers.peak == concurrency


def test_requests_really_run_side_by_side():
    """Each waits for the three others: one after the other, none would ever return."""
    barrier = threading.Barrier(4, timeout=5)
    handled: list[int] = []
    request_pool(4).run([Jobs([Job(barrier.wait, handled.append, nothing) for _ in range(4)])])
    assert sorted(handled) == [0, 1, 2, 3]


def test_earlier_sources_go_first_and_jobs_in_their_order():
    order: list[str] = []
    sources = [Jobs([Job(partial(str, name), order.append, nothing) for name in names]) for names in ("abc", "de")]
    request_pool(1).run(sources)
    assert order == ["a", "b", "c", "d", "e"]


def test_a_source_with_nothing_to_ask_now_is_asked_again_after_an_answer():
    """As the pages of a listing: the next can be asked only once the one before has come."""

    class Pages:
        def __init__(self) -> None:
            self.left, self.under_way = 3, False

        def calls_left(self) -> int:
            return self.left

        def next_job(self) -> Job[int] | None:
            if self.under_way or not self.left:
                return None
            self.under_way, self.left = True, self.left - 1
            return Job(lambda: self.left, self.answered, nothing)

        def answered(self, page: int) -> None:
            self.under_way = False
            seen.append(page)

    seen: list[int] = []
    request_pool(4).run([Pages()])
    assert seen == [2, 1, 0]


def test_answers_are_handled_in_the_thread_that_called():
    asked, handled = set(), set()

    def ask() -> None:
        asked.add(threading.current_thread())

    def handle(_: None) -> None:
        handled.add(threading.current_thread())

    request_pool(2).run([Jobs([Job(ask, handle, nothing) for _ in range(6)])])
    assert handled == {threading.current_thread()}
    assert threading.current_thread() not in asked


def test_a_refusal_goes_to_failed_and_the_others_go_on():
    refusal = AccessDenied("LinkedIn refuses.")
    refused, answered = [], []

    def refuse() -> None:
        raise refusal

    jobs = [Job(refuse, answered.append, refused.append), Job(lambda: "whole", answered.append, refused.append)]
    request_pool(1).run([Jobs(jobs)])
    assert (refused, answered) == ([refusal], ["whole"])


def test_what_failed_raises_ends_the_run():
    """So that nothing more is asked once LinkedIn takes the token no longer."""
    asked: list[int] = []

    def refuse() -> None:
        asked.append(1)
        raise Unavailable("LinkedIn does not answer.")

    def give_up(error: Exception) -> None:
        raise error

    with pytest.raises(Unavailable):
        request_pool(1).run([Jobs([Job(refuse, nothing, give_up) for _ in range(50)])])
    assert no_worker_thread_within(2)
    assert len(asked) <= 2


def test_an_error_of_ours_in_a_request_is_raised_and_not_handed_to_failed():
    refused: list[Exception] = []

    def ask() -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        request_pool(1).run([Jobs([Job(ask, nothing, refused.append)])])
    assert refused == []


def test_an_error_while_an_answer_is_handled_ends_the_run():
    asked: list[int] = []

    def handle(_: None) -> None:
        raise ValueError("cannot be stored")

    runner = request_pool(2)
    with pytest.raises(ValueError, match="cannot be stored"):
        runner.run([Jobs([Job(lambda: asked.append(1), handle, nothing) for _ in range(50)])])
    assert no_worker_thread_within(2)
    assert len(asked) <= 3


def test_worker_threads_are_gone_afterwards():
    request_pool(4).run([Jobs([Job(lambda: time.sleep(0.01), nothing, nothing) for _ in range(8)])])
    assert no_worker_thread_within(2)


def test_while_waiting_is_called_although_nothing_comes():
    """The heartbeat of a run whose only request takes long."""
    beats: list[float] = []

    def ask() -> None:
        end = time.monotonic() + 5
        while len(beats) < 3 and time.monotonic() < end:
            time.sleep(0.005)

    request_pool(1, while_waiting=lambda: beats.append(time.monotonic())).run([Jobs([Job(ask, nothing, nothing)])])
    assert len(beats) >= 3


def test_calls_left_counts_what_is_under_way_and_what_is_to_come():
    left: list[int] = []
    runner = request_pool(1)
    runner.run([Jobs([Job(nothing, lambda _: left.append(runner.calls_left()), nothing) for _ in range(3)])])
    assert left == [2, 1, 0]
    assert runner.calls_left() == 0
