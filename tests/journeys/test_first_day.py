"""From nothing to synced data in one command, with real processes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import requests

from tests.guard import processes_of

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def data_dir():
    with tempfile.TemporaryDirectory(prefix="demo-") as path:
        yield Path(path)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def demo(data_dir: Path, *options: str) -> subprocess.Popen[str]:
    for name in ("DATABASE_URL", "REDIS_URL"):
        assert name not in os.environ, f"unset {name}: this test starts databases of its own"
    command = [sys.executable, "manage.py", "demo", "--port", str(free_port()), "--simulator-port", str(free_port())]
    env = {**os.environ, "DATA_DIR": str(data_dir), "LOG_LEVEL": "INFO"}
    return subprocess.Popen([*command, *options], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)


def row_counts(said: str) -> dict[str, int]:
    return {name: int(count.replace(",", "")) for name, count in re.findall(r"│ (\w+) +│ ([\d,]+) +│", said)}


def test_once_syncs_through_a_worker_prints_the_rows_and_leaves_nothing_running(data_dir):
    process = demo(data_dir, "--once")
    said, _ = process.communicate(timeout=180)
    assert process.returncode == 0, said
    counts = row_counts(said)
    assert len(counts) == 7
    assert all(counts.values()), counts
    log = (data_dir / "demo" / "demo.log").read_text()
    assert re.search(r"worker .* task_started .*task=ingestion\.tasks\.sync_ad_account", log), "a Celery worker ran it"
    assert processes_of(data_dir) == []
    tokens = re.compile(r"AQ[A-Za-z0-9_-]{60,}")
    assert not tokens.search(log), "no token or code in any log"
    assert not tokens.search(said)
    secrets = json.loads((data_dir / "demo" / "secrets.json").read_text()).values()
    # The simulated LinkedIn says how to configure an app of its own; nobody else may.
    ours = "\n".join(line for line in log.splitlines() if " linkedin | " not in line)
    assert not [secret for secret in (*secrets, "simulated-ads-secret") if secret in ours + said]


def test_it_serves_until_it_is_interrupted(data_dir):
    with demo(data_dir) as process:
        assert process.stdout
        said = ""
        while "Ctrl-C stops everything" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        url = re.search(r"Pages: +(\S+)", said)
        assert url
        browser = requests.Session()
        page = browser.get(f"{url[1]}admin/login/", timeout=30)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token
        browser.post(
            page.url,
            data={"csrfmiddlewaretoken": token[1], "username": "owner@example.com", "password": "demo"},
            headers={"Referer": page.url},
            timeout=30,
        )
        rows = browser.get(f"{url[1]}admin/ingestion/creativedailymetric/", timeout=30)
        assert rows.ok
        assert "creative metrics" in rows.text.lower()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    end = time.monotonic() + 30
    while processes_of(data_dir) and time.monotonic() < end:
        time.sleep(0.1)
    assert processes_of(data_dir) == []
