"""Real web, worker and beat processes as monitoring sees them: while they live, when they die, when Valkey was away."""

import json
import signal
import socket
import sys
from typing import Any

import pytest
import requests

from tests.journeys.stack import Stack, busy_world, running_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def stack():
    with running_stack(busy_world(ad_accounts=1, creatives=10, days=3), LOG_FORMAT="json") as running:
        yield running


def started_web(stack: Stack) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = ["-m", "gunicorn", "--config", "config/gunicorn.py", "--bind", address, "config.wsgi"]
    stack.start("web", sys.executable, *command)
    url = f"http://{address}"
    stack.wait_until(lambda: is_alive(url), 60, "the web process")
    return url


def is_alive(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).text == "ok\n"
    except requests.RequestException:
        return False


def states(url: str) -> dict[str, str]:
    checks = requests.get(f"{url}/readyz", timeout=30).json()["checks"]
    return {check["name"]: check["state"] for check in checks}


def metric(url: str, name: str) -> float | None:
    lines = requests.get(f"{url}/metrics", timeout=30).text.splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(f"linkedin_ads_{name} ")), None)


def log_lines(stack: Stack, name: str) -> list[dict[str, Any]]:
    """Lines that are ours; a banner is not."""
    return [json.loads(line) for line in stack.log(name).splitlines() if line.startswith("{")]


def test_monitoring_sees_processes_live_and_die(stack: Stack):
    url = started_web(stack)
    alone = {"database": "ok", "migrations": "ok", "broker": "ok", "worker": "degraded", "beat": "degraded"}
    stack.wait_until(lambda: states(url) == alone, 30, "the web process alone")
    stack.beat()
    worker = stack.ready_worker("one", concurrency=2)
    stack.wait_until(lambda: requests.get(f"{url}/readyz?strict", timeout=30).ok, 60, "all is well")
    assert (metric(url, "workers"), metric(url, "worker_processes")) == (1, 2)

    # Losing the broker clears the worker's timers: it must sign again afterwards, long after its last sign.
    stack.kill_valkey()
    stack.wait_until(lambda: states(url)["broker"] == "degraded", 30, "the broker is missed")
    assert requests.get(f"{url}/readyz", timeout=30).status_code == 200
    stack.start_servers_again()
    with stack.valkey() as valkey:
        valkey.flushall()
    stack.wait_until(lambda: set(states(url).values()) == {"ok"}, 60, "worker and beat sign again")

    stack.kill(worker)
    stack.wait_until(lambda: states(url)["worker"] == "degraded", 60, "the dead worker is missed")
    other = stack.ready_worker("other")
    stack.wait_until(lambda: metric(url, "workers") == 1, 30, "the other worker")
    other.send_signal(signal.SIGTERM)
    other.wait(timeout=60)
    assert metric(url, "workers") == 0


def test_a_sync_is_followed_through_log_and_metrics(stack: Stack):
    url = started_web(stack)
    stack.ready_worker("one")
    stack.fault("throttle_minute", count=1, retry_after=1)
    stack.ask_as_beat()
    stack.wait_until_synced(120)
    (run,) = stack.runs()
    assert run["api_calls_throttled"] == 1
    assert metric(url, "api_calls_throttled_24h") == 1
    (stored,) = stack.rows("SELECT sum(rows_stored) FROM sync_log")
    assert metric(url, "rows_stored_24h") == stored["sum"] > run["rows_stored"] > 0

    lines = [line for line in log_lines(stack, "one") if "trying again" in line["event"]]
    assert lines
    assert {(line["run_id"], line["ad_account_id"]) for line in lines} == {(run["id"], stack.ad_account_ids[0])}
    assert all(line["task_id"] for line in lines)
    requests.get(f"{url}/admin/login/?next=/secret/", headers={"X-Request-ID": "journey-0001"}, timeout=10)
    asked = [line for line in log_lines(stack, "web") if line.get("request_id") == "journey-0001"]
    assert [line["request"] for line in asked] == ["GET /admin/login/"]
    assert "secret" not in stack.log("web")
