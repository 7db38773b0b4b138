"""The embedded servers start with their first user and stop with the last, however users end."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import pytest

from config import embedded
from config.embedded import EmbeddedServerError, EmbeddedServers

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


@pytest.mark.slow
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


# Says so when it is sent a signal, and at its end.
BYSTANDER = "trap 'echo signalled' TERM INT QUIT HUP; echo ready; read line; echo undisturbed"


@contextmanager
def bystander() -> Iterator[int]:
    """The process of another program, of the server's own user: PostgreSQL could signal it, and must not."""
    person: dict[str, Any] = {"user": embedded._server_user()} if os.geteuid() == 0 else {}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(["/bin/sh", "-c", BYSTANDER], cwd="/", **pipes, **person) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process.pid
        said, _ = process.communicate("\n", timeout=10)
        assert said == "undisturbed\n"


def name_in_locks(data_dir: Path, pid: int) -> None:
    """What a crash of the machine leaves, and a number that was given again."""
    (data_dir / "postgresql/postmaster.pid").write_text(
        f"{pid}\n{data_dir}/postgresql\n1764000000\n5432\n{data_dir}/sockets\n\n  1234567         0\nready   \n"
    )
    (data_dir / "sockets/.s.PGSQL.5432.lock").write_text(f"{pid}\n{data_dir}/postgresql\n1764000000\n5432\n")


@pytest.mark.slow
def test_a_stale_lock_that_names_another_program_is_no_obstacle(data_dir):
    UserOfServers(data_dir).leave()
    with bystander() as pid:
        name_in_locks(data_dir, pid)
        user = UserOfServers(data_dir)
        assert user.said.startswith("holding 18")
        user.leave()
    assert not servers_of(data_dir)


def test_another_program_is_not_stopped_in_the_server_s_place(data_dir):
    user = UserOfServers(data_dir)
    assert user.said.startswith("holding 18")
    [postmaster] = {int((data_dir / "postgresql" / "postmaster.pid").read_text().splitlines()[0])}
    os.kill(postmaster, signal.SIGKILL)
    with bystander() as pid:
        name_in_locks(data_dir, pid)
        user.leave()
    assert not [one for one in servers_of(data_dir) if one.info["name"] == "valkey-server"]


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="already an ordinary user")
def test_they_run_for_an_ordinary_user():
    nobody = pwd.getpwnam("nobody")
    home = Path(tempfile.mkdtemp(prefix="embedded-nobody-"))
    shutil.chown(home, nobody.pw_uid)
    person: dict[str, Any] = {"user": "nobody", "group": nobody.pw_gid, "extra_groups": []}
    packages = Path(psutil.__file__).parents[1]
    # Valkey's package needs this one on Python before 3.11.3, where ours may be newer than the system's.
    (home / "async_timeout.py").write_text("timeout = None\n")
    # The settings of this process leave nothing to others.
    shutil.chown(home / "async_timeout.py", nobody.pw_uid)
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


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["with a space", "a#b", "50%25", "Müller’s", "a;b", "a,b", "a:b@c?d=e&f", "it's", "x" * 200]
)
def test_they_run_in_a_folder_of_any_name(data_dir, name):
    """Django, redis-py and Celery reach them by their addresses."""
    data_dir = data_dir.parent / name
    code = """
import django
django.setup()
from django.core.cache import cache
from django.db import connection
from config import celery_app
with connection.cursor() as cursor, celery_app.connection() as broker:
    cache.set("key", "value")
    cursor.execute("SELECT %s", [cache.get("key")])
    print(cursor.fetchone()[0], broker.default_channel.client.ping())
"""
    environment = {
        **os.environ, "DATA_DIR": str(data_dir), "ENV_FILE": os.devnull, "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": "", "REDIS_URL": "",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("value True\n", "")
    assert not servers_of(data_dir)


@pytest.mark.parametrize("name", ["a$HOME", 'a"b', "a`b", "a\\b"])
def test_a_folder_that_postgresql_does_not_take_is_named(data_dir, name):
    user = UserOfServers(data_dir.parent / name)
    assert f"contains {name[1]!r}, which PostgreSQL's programs do not take in a path; set DATA_DIR" in user.said
    user.leave()


def test_a_folder_too_long_for_sockets_with_no_place_for_them_elsewhere_is_named(monkeypatch, data_dir):
    monkeypatch.setattr(tempfile, "tempdir", str(data_dir.parent / "file"))
    (data_dir.parent / "file").touch()
    servers = EmbeddedServers(data_dir=data_dir / ("x" * 100), postgresql=True, valkey=True)
    with pytest.raises(
        EmbeddedServerError, match=r"is too long for the sockets.*cannot be used \(Not a .*shorter path"
    ):
        servers.hold()


def test_a_folder_for_sockets_of_another_user_is_not_used(monkeypatch, data_dir):
    """Whoever owns it could put a socket of their own there."""
    monkeypatch.setattr(tempfile, "tempdir", str(data_dir.parent))
    monkeypatch.setattr(embedded, "_our_uids", lambda: {12_345})
    servers = EmbeddedServers(data_dir=data_dir / ("x" * 100), postgresql=True, valkey=True)
    with pytest.raises(EmbeddedServerError, match="belongs to another user; set DATA_DIR to a shorter path"):
        servers.hold()


@pytest.mark.parametrize("name", ["short", "/".join(["long"] * 30), "/".join(["ü"] * 50)])
@pytest.mark.parametrize("temporary", ["/var/short", "/var/long" * 20])
def test_sockets_have_short_paths(monkeypatch, data_dir, name, temporary):
    monkeypatch.setattr(tempfile, "tempdir", temporary)
    servers = EmbeddedServers(data_dir=data_dir.parent / name, postgresql=True, valkey=True)
    host = str(servers.database_settings()["HOST"])
    assert len(f"{host}/.s.PGSQL.5432".encode()) <= 100
    assert host.startswith(str(servers.data_dir) if name == "short" else ("/tmp/linkedin-ads", "/var/short"))


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
