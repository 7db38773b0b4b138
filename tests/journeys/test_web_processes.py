"""The web processes as they run in production: busy, reloaded, killed and stopped."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psutil
import psycopg
import pytest
import requests
from psycopg import conninfo

from ingestion.linkedin_simulator.world import WorldSize
from tests.journeys.stack import OWNER_EMAIL, Stack, running_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# Of both processes, for pages and the API.
THREADS = 16
_TOKEN = f"""
from django.utils import timezone
from accounts.api_tokens import token_store
from accounts.models import User
user = User.objects.get(email="{OWNER_EMAIL}")
print(token_store.issue(user=user, name="web", scope="read", now=timezone.now())[1])
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    world = WorldSize(ad_accounts=1, campaigns_per_account=1, creatives_per_campaign=1)
    with running_stack(world, connected=False) as running:
        running.make_owner()
        yield running


@pytest.fixture
def web(stack: Stack) -> Iterator[subprocess.Popen[Any]]:
    process = stack.ready_web()
    yield process
    stack.kill(process)


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    shell = stack.start("token", sys.executable, "manage.py", "shell", "--no-imports", "--command", _TOKEN)
    assert shell.wait(timeout=60) == 0, stack.log("token")
    return stack.log("token").split()[-1]


@contextmanager
def waiting_requests(stack: Stack, token: str, count: int) -> Iterator[list[Future[requests.Response]]]:
    """Requests that PostgreSQL keeps waiting until this ends."""
    settings = stack.servers.database_settings()
    address = conninfo.make_conninfo(host=str(settings["HOST"]), user="postgres", dbname="postgres")
    with ThreadPoolExecutor(count) as threads, psycopg.connect(address) as lock:
        lock.execute("LOCK TABLE campaigns IN ACCESS EXCLUSIVE MODE")
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{stack.pages_url}/api/v1/campaigns"
        sent = [threads.submit(requests.get, url, headers=headers, timeout=60) for _ in range(count)]
        stack.wait_until(lambda: len(blocked(stack)) >= min(count, THREADS), 30, "the requests wait")
        yield sent


def blocked(stack: Stack) -> list[dict[str, Any]]:
    return stack.rows("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


def test_health_is_answered_at_once_while_every_thread_of_both_processes_waits(stack: Stack, web: Any, token: str):
    assert len(psutil.Process(web.pid).children()) == 2
    with waiting_requests(stack, token, 60) as sent:
        for _ in range(20):
            began = time.monotonic()
            assert requests.get(f"{stack.pages_url}/healthz", timeout=10).text == "ok\n"
            assert time.monotonic() - began < 1
        assert requests.get(f"{stack.pages_url}/readyz", timeout=10).status_code == 200
    assert {one.result().status_code for one in sent} == {200}


def test_sigterm_lets_current_requests_finish(stack: Stack, web: subprocess.Popen[Any], token: str):
    with waiting_requests(stack, token, 4) as sent:
        web.send_signal(signal.SIGTERM)
        time.sleep(2)
        assert web.poll() is None
    assert {one.result().status_code for one in sent} == {200}
    assert web.wait(timeout=10) == 0


def test_sigterm_does_not_wait_for_connections_without_a_request(stack: Stack, web: subprocess.Popen[Any]):
    """Browsers keep them open."""
    with requests.Session() as idle:
        assert idle.get(f"{stack.pages_url}/admin/login/", timeout=10).ok
        began = time.monotonic()
        web.send_signal(signal.SIGTERM)
        assert web.wait(timeout=20) == 0
        # Else until gunicorn ends its processes after 30 seconds.
        assert time.monotonic() - began < 15


def test_a_reload_refuses_nothing(stack: Stack, web: subprocess.Popen[Any]):
    done = threading.Event()
    before = {one.pid for one in psutil.Process(web.pid).children()}

    def ask() -> list[str]:
        failures = []
        while not done.is_set():
            try:
                if not requests.get(f"{stack.pages_url}/admin/login/", timeout=30).ok:
                    failures.append("not ok")
            except requests.RequestException as error:
                failures.append(repr(error))
        return failures

    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(ask) for _ in range(4)]
        try:
            os.kill(web.pid, signal.SIGHUP)
            stack.wait_until(
                lambda: len(now := {one.pid for one in psutil.Process(web.pid).children()}) == 2 and not now & before,
                60,
                "two new processes",
            )
        finally:
            done.set()
    assert [failure for one in asked for failure in one.result()] == []


def test_a_killed_process_is_replaced(stack: Stack, web: subprocess.Popen[Any]):
    [first, _] = psutil.Process(web.pid).children()
    first.kill()
    stack.wait_until(lambda: len(psutil.Process(web.pid).children()) == 2, 30, "another process")
    assert requests.get(f"{stack.pages_url}/healthz", timeout=10).text == "ok\n"


def test_a_certificate_is_not_taken_for_tls(stack: Stack):
    """gunicorn's own workers would use it."""
    files = ["--certfile", "requirements/base.in", "--keyfile", "requirements/base.in"]
    command = ["-m", "gunicorn", "--config", "config/gunicorn.py", "--bind", "127.0.0.1:0", *files]
    process = stack.start("tls", sys.executable, *command, "config.wsgi")
    assert process.wait(timeout=30) != 0
    assert "let a proxy terminate TLS" in stack.log("tls")
