"""Two installations with one Valkey: real workers of both, and neither notices the other."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import pytest
import redis
from cryptography.fernet import Fernet
from django.conf import settings

ROOT: Final = Path(__file__).resolve().parents[2]
SECONDS: Final = 60
# One of Celery's own, which needs no database.
TASK: Final = "celery.accumulate"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Installation:
    """Known by its database, which nothing here opens."""

    name: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "DATABASE_URL": f"postgresql://ads@127.0.0.1:1/{self.name}",
            "REDIS_URL": settings.REDIS_URL,
            "SECRET_KEY": self.name,
            "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "DATA_DIR": str(self.folder / self.name),
            "ENV_FILE": os.devnull,
            "LOG_LEVEL": "INFO",
            "LOG_FORMAT": "text",
        }
        return {name: value for name, value in os.environ.items() if name != "REDIS_KEY_PREFIX"} | own

    @property
    def log(self) -> str:
        return (self.folder / f"{self.name}.log").read_text()

    def run(self, code: str) -> str:
        """What a process of this installation prints."""
        started = f"from config import celery_app as app\n{code}"
        command = [sys.executable, "-c", started]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def wait_for(self, pattern: str) -> None:
        end = time.monotonic() + SECONDS
        while not re.search(pattern, self.log):
            assert time.monotonic() < end, f"not in the log of {self.name}: {pattern}\n{self.log}"
            time.sleep(0.05)

    def send(self, task_id: str) -> None:
        self.run(f"app.send_task({TASK!r}, task_id={task_id!r})")

    def workers(self) -> set[str]:
        """Those that answer a broadcast."""
        return set(json.loads(self.run("import json; print(json.dumps(app.control.inspect(timeout=3).ping()))")))

    @contextmanager
    def worker(self) -> Iterator[None]:
        command = [sys.executable, "-m", "celery", "--app", "config", "worker", "--concurrency", "1"]
        command += ["--loglevel", "INFO", "--hostname", self.name]
        with (self.folder / f"{self.name}.log").open("w") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        try:
            self.wait_for(r"ready\.")
            yield
        finally:
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.terminate()
            process.wait(timeout=SECONDS)
            psutil.wait_procs(children, timeout=5)


@pytest.fixture
def installations(tmp_path: Path) -> Iterator[list[Installation]]:
    names = [f"{name}_{os.getpid()}" for name in ("staging", "production")]
    found = [Installation(name, tmp_path) for name in names]
    settings.EMBEDDED_SERVERS.hold()
    yield found
    with redis.Redis.from_url(settings.REDIS_URL) as valkey:
        for installation in found:
            for key in valkey.scan_iter(f"{prefix_of(installation)}*"):
                valkey.delete(key)


def prefix_of(installation: Installation) -> str:
    return installation.run("print(app.conf.broker_transport_options['global_keyprefix'], end='')")


def test_a_task_is_never_taken_by_the_workers_of_another_installation(installations):
    staging, production = installations
    prefixes = [prefix_of(installation) for installation in installations]
    assert len(set(prefixes)) == 2
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as valkey, ExitStack() as workers:
        before = set(valkey.keys())
        workers.enter_context(staging.worker())
        production.send("for-production")
        staging.send("for-staging")
        staging.wait_for("task_succeeded .*=for-staging")
        # Its worker, busy and idle, has left the other's task where it was.
        assert "for-production" not in staging.log
        assert valkey.llen(f"{prefixes[1]}celery") == 1

        workers.enter_context(production.worker())
        production.wait_for("task_succeeded .*=for-production")
        assert (staging.workers(), production.workers()) == ({f"celery@{staging.name}"}, {f"celery@{production.name}"})
        assert valkey.llen(f"{prefixes[0]}celery") == valkey.llen(f"{prefixes[1]}celery") == 0
        strangers = {key for key in set(valkey.keys()) - before if not key.startswith(tuple(prefixes))}
        assert strangers == set()
    assert "for-staging" not in production.log
