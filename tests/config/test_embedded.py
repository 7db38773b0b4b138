"""The embedded servers start with their first user and stop with the last, however users end."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import pytest

from config.embedded import EmbeddedServers

pytestmark = pytest.mark.installation

REPOSITORY = Path(__file__).resolve().parents[2]
# Holds the servers, says so, and waits for its standard input to end.
USER_OF_SERVERS = """
import importlib.util
import sys
from pathlib import Path
# By file: an interpreter of another patch version may lack what Celery imports.
spec = importlib.util.spec_from_file_location("embedded", "config/embedded.py")
embedded = sys.modules["embedded"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(embedded)
EmbeddedServers, EmbeddedServerError = embedded.EmbeddedServers, embedded.EmbeddedServerError
servers = EmbeddedServers(data_dir=Path(sys.argv[1]), postgresql=True, valkey=True, throw_away=True)
try:
    servers.hold()
except EmbeddedServerError as error:
    print(error, flush=True)
    sys.exit(1)
import psycopg
with psycopg.connect(host=servers.database_settings()["HOST"], user="postgres") as database:
    version = database.execute("show server_version").fetchone()[0]
assert servers._valkey_answers()
print("holding", version, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def data_dir():
    path = Path(tempfile.mkdtemp(prefix="embedded-"))
    yield path / "data"
    shutil.rmtree(path, ignore_errors=True)


class UserOfServers:
    """A process that holds the servers until it leaves; `said` is its first line."""

    def __init__(self, data_dir: Path, python: str = sys.executable, **options) -> None:
        command = [python, "-c", USER_OF_SERVERS, str(data_dir)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": REPOSITORY}
        self._process: subprocess.Popen[Any] = subprocess.Popen(command, **pipes, **options)

    @cached_property
    def said(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def leave(self) -> None:
        assert self.said
        self._process.communicate(timeout=30)

    def kill(self) -> None:
        assert self.said
        self._process.kill()
        self._process.communicate(timeout=10)


def servers_of(data_dir: Path) -> list[psutil.Process]:
    """Living servers whose command line names the folder; a zombie only waits for its parent."""
    return [
        process
        for process in psutil.process_iter(["name", "cmdline", "status"])
        if process.info["name"] in {"postgres", "valkey-server"}
        and str(data_dir) in " ".join(process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def test_servers_are_shared_and_stop_with_the_last_user(data_dir):
    first, second = UserOfServers(data_dir), UserOfServers(data_dir)
    assert first.said.startswith("holding 18")
    assert second.said.startswith("holding 18")
    first.leave()
    assert servers_of(data_dir)
    second.leave()
    assert not servers_of(data_dir)


def test_a_killed_user_counts_no_more(data_dir):
    UserOfServers(data_dir).kill()
    assert servers_of(data_dir), "nobody was left to stop them"
    UserOfServers(data_dir).leave()
    assert not servers_of(data_dir)


def test_a_killed_postgresql_recovers(data_dir):
    user = UserOfServers(data_dir)
    assert user.said.startswith("holding 18")
    postmaster = int((data_dir / "postgresql" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(postmaster, signal.SIGKILL)
    user.leave()
    again = UserOfServers(data_dir)
    assert again.said.startswith("holding 18")
    again.leave()
    assert not servers_of(data_dir)


def test_many_first_users_at_once_start_one_pair(data_dir):
    users = [UserOfServers(data_dir) for _ in range(4)]
    assert all(user.said.startswith("holding 18") for user in users)
    for user in users:
        user.leave()
    assert not servers_of(data_dir)


def python_for(person: dict[str, Any], environment: dict[str, str]) -> str | None:
    """An interpreter of our version that this person may run: ours may lie in root's home."""
    asks = "import sys, psycopg; print(sys.version_info[:2])"
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run([python, "-c", asks], env=environment, capture_output=True, text=True, **person)
        except OSError:
            continue
        if done.stdout.strip() == str(sys.version_info[:2]):
            return python
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="already an ordinary user")
def test_they_run_for_an_ordinary_user():
    nobody = pwd.getpwnam("nobody")
    home = Path(tempfile.mkdtemp(prefix="embedded-nobody-"))
    shutil.chown(home, nobody.pw_uid)
    person: dict[str, Any] = {"user": "nobody", "group": nobody.pw_gid, "extra_groups": []}
    packages = Path(psutil.__file__).parents[1]
    # Valkey's package needs this one on Python before 3.11.3, where ours may be newer than the system's.
    (home / "async_timeout.py").write_text("timeout = None\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": f"{home}:{packages}"}
    python = python_for(person, environment)
    if python is None and "CI" not in os.environ:
        pytest.skip("no Python here that other users may run")
    assert python, "install a Python that other users may run"
    user = UserOfServers(home / "data", python, env=environment, **person)
    assert user.said.startswith("holding 18")
    user.leave()
    assert not servers_of(home)
    shutil.rmtree(home)


@pytest.mark.parametrize("data_dir", ["/short", "/long" * 30])
@pytest.mark.parametrize("temporary", ["/var/short", "/var/long" * 20])
def test_sockets_have_short_paths(monkeypatch, data_dir, temporary):
    monkeypatch.setattr(tempfile, "tempdir", temporary)
    servers = EmbeddedServers(data_dir=Path(data_dir), postgresql=True, valkey=True)
    host = str(servers.database_settings()["HOST"])
    assert len(host) + len("/.s.PGSQL.5432") <= 100
    assert host.startswith(data_dir if data_dir == "/short" else ("/tmp/", "/var/short"))


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    user = UserOfServers(tmp_path / "file" / "data")
    assert "make it writable or set DATA_DIR" in user.said
    user.leave()


def test_a_broken_cluster_is_explained(data_dir):
    (data_dir / "postgresql").mkdir(parents=True)
    (data_dir / "postgresql" / "PG_VERSION").write_text("18\n")
    user = UserOfServers(data_dir)
    assert "pg_ctl failed" in user.said
    user.leave()
