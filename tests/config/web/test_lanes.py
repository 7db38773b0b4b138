"""Who waits for whom."""

import json
import time
from collections.abc import Iterator

import pytest

from config.rest import problem
from config.web.lanes import Lane, Lanes
from tests.config.web.serving import Served, everything, serving, wait_until


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(threads=2) as running:
        yield running


@pytest.mark.parametrize(
    "busy", ["/wait", "/wait.csv", "/admin/wait/export/csv/", "/api/v1/days?wait=1&format=csv", "/readyz?wait"]
)
def test_health_is_answered_while_everything_else_is_busy(served: Served, busy: str):
    served.begin(busy, 10)
    wait_until(lambda: served.application.began)
    began = time.monotonic()
    assert served.ask("/healthz").endswith(b"/healthz")
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("busy", ["/wait.csv", "/admin/wait/export/csv/", "/days?wait=1&format=xlsx", "/metrics?wait"])
def test_pages_do_not_wait_for_downloads_and_monitoring(served: Served, busy: str):
    served.begin(busy, 10)
    wait_until(lambda: served.application.began)
    assert served.ask("/page").endswith(b"/page")


def test_pages_and_monitoring_do_not_delay_downloads_and_each_other(served: Served):
    served.begin("/wait", 10)
    wait_until(lambda: len(served.application.began) == 2)
    assert served.ask("/readyz").endswith(b"/readyz")
    assert served.ask("/days?format=ndjson").endswith(b"/days")


def test_what_does_not_fit_into_the_queue_is_refused_at_once(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Lane, "is_full", property(lambda lane: len(lane.queue) >= 3))
    clients = served.begin("/wait", 2)
    wait_until(lambda: len(served.application.began) == 2)
    clients += served.begin("/wait", 3)
    time.sleep(0.1)
    for path, content_type in (("/page", b"text/plain; charset=utf-8"), ("/api/v1", b"application/problem+json")):
        head, _, body = served.ask(path).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 Service Unavailable")
        assert b"Retry-After: 5" in head
        assert b"Content-Type: " + content_type in head
    remedy = "Try again in 5 s."
    expected = problem(status=503, detail="Too many requests are waiting.", instance="/api/v1", remedy=remedy)
    assert json.loads(body) == expected
    assert served.ask("/healthz").endswith(b"/healthz")
    served.application.gate.set()
    assert all(everything(one).endswith(b"/wait") for one in clients)


def test_every_lane_has_a_bound():
    lanes = Lanes(threads=1, max_connections=5)
    try:
        for lane in lanes.all:
            lane.shutdown()
            for _ in range(1000):
                lane.queue.append(None)
            assert lane.is_full
    finally:
        for lane in lanes.all:
            lane.queue.clear()
