"""Measures what other people notice while hundreds of clients are deliberately slow.

`python -m benchmarks.hostile` fills a throw-away database with made-up figures, starts the web process as `Procfile`
has it, and lets clients send half a head, send a body at a byte a second, or read a download at 1 kB a second; each
kind alone and all of them together, for `--seconds` each, every client coming back as soon as it is cut off. Meanwhile
somebody else opens pages, a monitor asks /healthz, and PostgreSQL is asked how old its oldest statement and transaction
are. The bars: 99 of 100 health checks within a second and of 100 pages within three, nothing refused, and no statement
or transaction older than the API lets one become.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import psycopg
from honcho.environ import parse_procfile
from psycopg import conninfo

from benchmarks import figures
from benchmarks.figures import Figure, at_most, figure
from config.embedded import EmbeddedServers

# A download of less than 50,000 rows: larger ones are not made while somebody waits.
_AD_ACCOUNTS: Final = 5
_ROWS: Final = 200_000
_STATEMENT_SECONDS: Final = 30
_READ_BYTES_PER_SECOND: Final = 1000
_PAGES: Final = ("/admin/", "/report/", "/api/v1/campaigns")
_HALF_A_HEAD: Final = b"GET /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
_BODY_TO_COME: Final = (
    b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
)
_DOWNLOAD: Final = "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Site:
    """What is attacked, and what people need to use it."""

    port: int
    session: str
    download: str
    tokens: Sequence[str]


@dataclass
class Seen:
    """What was noticed during one attack: seconds of each request, refusals, and ages in seconds."""

    health: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    statements: list[float] = field(default_factory=list)
    transactions: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)


def main() -> None:
    parser = figures.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of each attack (default 60)")
    parser.add_argument("--clients", type=int, default=200, help="of each kind (default 200)")
    parser.add_argument("--only", choices=[*_ATTACKS, "all"], action="append", help="only these attacks")
    parser.add_argument("--web", default=_web_of_procfile(), metavar="COMMAND", help="another server, to compare")
    options = parser.parse_args()
    figures.report(_measure(options), json_file=options.json)


def _measure(options: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="linkedin-ads-bench-") as folder:
        data_dir = Path(folder)
        servers = EmbeddedServers(data_dir=data_dir, postgresql=True, valkey=True, throw_away=True)
        servers.hold()
        try:
            with _running_site(data_dir, options.web, tokens=options.clients) as (site, web):
                for name in options.only or [*_ATTACKS, "all"]:
                    kinds = list(_ATTACKS) if name == "all" else [name]
                    with _attack(kinds, site, options.clients):
                        seen = _watch(site, web, servers, options.seconds)
                    yield from _figures(name, seen)
        finally:
            servers.release()


def _figures(name: str, seen: Seen) -> Iterator[Figure]:
    title = _TITLES[name]
    for what, seconds, bar in (("/healthz", seen.health, 1000), ("pages", seen.pages, 3000)):
        yield figure(f"{title}: {what}, half of them within", _percentile(seconds, 50) * 1000, "ms")
        yield at_most(
            f"{title}: {what}, 99 of 100 within", _percentile(seconds, 99) * 1000, "ms", bar,
            note=f"{len(seconds)} requests",
        )  # fmt: skip
    yield at_most(f"{title}: refused", len(seen.refusals), "requests", 0, note="; ".join(sorted(set(seen.refusals))))
    yield at_most(f"{title}: oldest statement", max(seen.statements), "s", _STATEMENT_SECONDS)
    yield at_most(f"{title}: oldest transaction", max(seen.transactions), "s", _STATEMENT_SECONDS)
    yield figure(f"{title}: memory of the web processes", max(seen.memory) / 1e6, "MB")


def _percentile(values: list[float], percent: int) -> float:
    """Infinite where nothing was answered."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)] if values else float("inf")


# --- the site ---


@contextmanager
def _running_site(data_dir: Path, command_of_web: str, *, tokens: int) -> Iterator[tuple[Site, psutil.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {
        **os.environ,
        "ENV_FILE": os.devnull,
        "DATA_DIR": str(data_dir),
        "EMBEDDED_THROW_AWAY": "1",
        "LOG_LEVEL": "WARNING",
        "PORT": str(port),
        "SITE_URL": f"http://127.0.0.1:{port}",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]),
    }
    load = ["load_test_figures", "--metric-rows", str(_ROWS), "--accounts", str(_AD_ACCOUNTS)]
    for command in (["migrate", "--verbosity", "0"], load):
        filled = [sys.executable, "manage.py", *command]
        subprocess.run(filled, env=env, stdout=subprocess.DEVNULL, check=True)
    people = [sys.executable, "-c", _PEOPLE, str(tokens)]
    made = json.loads(subprocess.run(people, env=env, stdout=subprocess.PIPE, check=True).stdout)
    site = Site(port=port, **made)
    web = subprocess.Popen(f"exec {command_of_web}", shell=True, env=env)  # noqa: S602 (as honcho runs it)
    try:
        _wait_for(site)
        yield site, psutil.Process(web.pid)
    finally:
        web.send_signal(signal.SIGTERM)
        web.wait(timeout=60)


def _web_of_procfile() -> str:
    return str(parse_procfile(Path("Procfile").read_text()).processes["web"])


# An owner with a session, people with as many tokens as there are clients, and a download of one ad account.
_PEOPLE: Final = """
import json, os, sys
from datetime import UTC, datetime
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from django.test import Client
from accounts.api_tokens import token_store
from accounts.models import AdAccount, ApiToken, User
browser = Client(SERVER_NAME="127.0.0.1")
owner = User.objects.create_user(email="owner@hostile.invalid", role="owner", is_staff=True)
browser.force_login(owner, backend="accounts.sign_in.password_backend.PasswordBackend")
tokens = []
for number in range(int(sys.argv[1])):
    if number % 10 == 0:
        person = User.objects.create_user(email=f"person-{number}@hostile.invalid", role="owner", is_staff=True)
    _, plain = token_store.issue(
        user=person, name=str(number), scope=ApiToken.Scope.READ, now=datetime.now(UTC)
    )
    tokens.append(plain)
ad_account = AdAccount.objects.order_by("pk").first()
print(json.dumps({
    "session": browser.cookies["sessionid"].value,
    "download": f"/api/v1/campaign-metrics?format=csv&ad_account_id={ad_account.pk}",
    "tokens": tokens,
}))
"""


def _wait_for(site: Site) -> None:
    for _ in range(600):
        with suppress(OSError, http.client.HTTPException):
            if _status(site, "/healthz") == 200:
                return
        time.sleep(0.1)
    raise SystemExit("The web process does not answer.")


# --- other people ---


def _watch(site: Site, web: psutil.Process, servers: EmbeddedServers, seconds: float) -> Seen:
    """In this process, which does nothing else."""
    seen, done = Seen(), threading.Event()
    watchers = [
        threading.Thread(target=_repeat, args=(done, 0.2, lambda: _ask(site, "/healthz", seen.health, seen))),
        threading.Thread(target=_repeat, args=(done, 0.2, _look_at_pages(site, seen))),
        threading.Thread(target=_look_at_postgresql, args=(done, servers, seen)),
        threading.Thread(target=_repeat, args=(done, 0.5, lambda: seen.memory.append(_memory_of(web)))),
    ]
    for one in watchers:
        one.start()
    time.sleep(seconds)
    done.set()
    for one in watchers:
        one.join()
    return seen


def _repeat(done: threading.Event, pause: float, work: Callable[[], None]) -> None:
    while not done.wait(pause):
        work()


def _look_at_pages(site: Site, seen: Seen) -> Callable[[], None]:
    """One page after the other, over and over."""
    number = -1

    def look() -> None:
        nonlocal number
        number += 1
        _ask(site, _PAGES[number % len(_PAGES)], seen.pages, seen)

    return look


def _ask(site: Site, path: str, times: list[float], seen: Seen) -> None:
    started = time.monotonic()
    try:
        status = _status(site, path)
    except (OSError, http.client.HTTPException) as error:
        seen.refusals.append(f"{path}: {type(error).__name__}")
        return
    times.append(time.monotonic() - started)
    if status != 200:
        seen.refusals.append(f"{path}: {status}")


def _status(site: Site, path: str) -> int:
    """Over a connection of its own, as somebody new has; the whole response is read."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    try:
        connection.request("GET", path, headers={"Cookie": f"sessionid={site.session}", "Accept-Encoding": "gzip"})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def _look_at_postgresql(done: threading.Event, servers: EmbeddedServers, seen: Seen) -> None:
    settings = servers.database_settings()
    address = conninfo.make_conninfo(host=str(settings["HOST"]), user="postgres", dbname="postgres")
    ages = """
        SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start)) FILTER (WHERE state = 'active'), 0),
               coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)
        FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    """
    with psycopg.connect(address, autocommit=True) as connection:
        while not done.wait(0.2):
            for found in connection.execute(ages).fetchall():
                seen.statements.append(float(found[0]))
                seen.transactions.append(float(found[1]))


def _memory_of(web: psutil.Process) -> int:
    """Of all its processes; what they share counts for each."""
    processes = [web, *web.children(recursive=True)]
    return sum(process.memory_info().rss for process in processes)


# --- hostile clients ---


class _Client:
    """One connection after the other; `act` is called every second, and whenever there is something to read."""

    receive_buffer: int | None = None

    def __init__(self, site: Site, number: int) -> None:
        self._site, self._number = site, number
        self.connection: socket.socket | None = None

    def connect(self) -> socket.socket:
        connection = socket.socket()
        if self.receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        connection.connect(("127.0.0.1", self._site.port))
        connection.setblocking(False)
        connection.sendall(self.opening())
        self.connection = connection
        return connection

    def opening(self) -> bytes:
        raise NotImplementedError

    def each_second(self, connection: socket.socket) -> None:
        """Raises OSError where the connection has ended."""
        connection.sendall(b"x")
        with suppress(BlockingIOError):
            if not connection.recv(65_536):
                raise ConnectionResetError


class _HalfAHead(_Client):
    def opening(self) -> bytes:
        return _HALF_A_HEAD


class _SlowBody(_Client):
    def opening(self) -> bytes:
        return _BODY_TO_COME


class _SlowReader(_Client):
    receive_buffer = 4096

    def opening(self) -> bytes:
        token = self._site.tokens[self._number % len(self._site.tokens)]
        return _DOWNLOAD.format(path=self._site.download, token=token).encode()

    def each_second(self, connection: socket.socket) -> None:
        with suppress(BlockingIOError):
            if not connection.recv(_READ_BYTES_PER_SECOND):
                raise ConnectionResetError


_ATTACKS: Final[dict[str, type[_Client]]] = {"head": _HalfAHead, "body": _SlowBody, "reading": _SlowReader}
_TITLES: Final = {
    "head": "half a head",
    "body": "a body at a byte a second",
    "reading": "downloads read at 1 kB/s",
    "all": "all of them",
}


@contextmanager
def _attack(kinds: Sequence[str], site: Site, clients: int) -> Iterator[None]:
    """From a process of its own for each kind."""
    context = multiprocessing.get_context("spawn")
    attackers = [context.Process(target=_keep_attacking, args=(kind, site, clients), daemon=True) for kind in kinds]
    for one in attackers:
        one.start()
    try:
        yield
    finally:
        for one in attackers:
            one.terminate()
            one.join()


def _keep_attacking(kind: str, site: Site, count: int) -> None:
    """Each client acts once a second, spread evenly over it."""
    clients = [_ATTACKS[kind](site, number) for number in range(count)]
    while True:
        started = time.monotonic()
        for number, client in enumerate(clients):
            time.sleep(max(0.0, started + number / count - time.monotonic()))
            try:
                if client.connection:
                    client.each_second(client.connection)
                else:
                    client.connect()
            except OSError:
                if client.connection:
                    client.connection.close()
                client.connection = None
        time.sleep(max(0.0, started + 1 - time.monotonic()))


if __name__ == "__main__":
    main()
