"""The whole service as real processes, in a data directory of its own, to be killed and looked at from outside.

Embedded PostgreSQL and Valkey, a simulated LinkedIn, web, Celery workers and beat. Whatever `Stack` started is gone
when its `with` ends, or when the process that started it dies. Nothing here goes through Django: tables are read
with psycopg, the queue with redis-py.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg
import redis
import requests
from celery import Celery
from psycopg.rows import dict_row

from config.embedded import EmbeddedServers
from ingestion.linkedin_simulator.simulator import Options, Simulator
from ingestion.linkedin_simulator.truth import truth
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.sync.months import whole_months
from tests.guard import guard, processes_of
from tests.migrated import copy_migrated_cluster, fresh_environment

ROOT = Path(__file__).resolve().parents[2]
OWNER_EMAIL, OWNER_PASSWORD = "alice@example.com", "of these tests alone"
LEASE_SECONDS = 2
KEY_PREFIX = "journey:"
SYNC = "ingestion.tasks.sync_ad_account"
CLOSE_DEAD_RUNS = "ingestion.tasks.close_dead_runs"

# Of a busy machine.
_START_SECONDS = 120
_NEAR_MIDNIGHT_SECONDS = 90
_OF_AN_AD_ACCOUNT = {
    "ad_accounts": "id = %s",
    "campaigns": "account_id = %s",
    "creatives": "account_id = %s",
    "campaign_daily_metrics": "campaign_id IN (SELECT id FROM campaigns WHERE account_id = %s)",
    "creative_daily_metrics": "creative_id IN (SELECT id FROM creatives WHERE account_id = %s)",
    "audience_demographics": "account_id = %s",
}


@dataclass
class Stack:
    """One installation; `world` is its LinkedIn, `environment` what differs from the usual settings.

    `connected` is whether LinkedIn's consent is given already, without a page that asks; else somebody gives it.
    """

    world: WorldSize
    environment: dict[str, str] = field(default_factory=dict)
    connected: bool = True

    def __enter__(self) -> Self:
        self._started: list[subprocess.Popen[Any]] = []
        self.data_dir = Path(tempfile.mkdtemp(prefix="journey-"))
        self._guard = guard(self.data_dir)
        self.servers = EmbeddedServers(data_dir=self.data_dir, postgresql=True, valkey=True, throw_away=True)
        # Listens from the start and is handed to the web process: nobody else can take its port.
        self._door = socket.create_server(("127.0.0.1", 0))
        self.pages_url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        _wait_for_midnight_to_pass()
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.url = ""
        self.ad_account_ids: list[int] = []
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            self.kill(process)
        self._started.clear()
        self._door.close()
        # Where a test killed a server and failed: only one that runs can be stopped in order.
        with suppress(Exception):
            self.servers.hold()
        with suppress(Exception):
            self.servers.release()
        self._guard.communicate(timeout=60)
        shutil.rmtree(self.data_dir, ignore_errors=True)

    # --- Starting ---

    def _start(self) -> None:
        copy_migrated_cluster(self.data_dir)
        self.servers.hold()
        self._start_simulator()
        if self.connected:
            self._connect_linkedin()
            self.forget_calls()

    @property
    def env(self) -> dict[str, str]:
        return {
            **fresh_environment(self.data_dir),
            "REDIS_KEY_PREFIX": KEY_PREFIX,
            "SYNC_LEASE_SECONDS": str(LEASE_SECONDS),
            "LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
            # As `Procfile` runs the worker.
            "MALLOC_ARENA_MAX": "1",
            "LINKEDIN_API_BASE_URL": self.url or "http://127.0.0.1:1",
            "LINKEDIN_AUTH_BASE_URL": self.url or "http://127.0.0.1:1",
            "LINKEDIN_CLIENT_ID": "simulated-ads-app",
            "LINKEDIN_CLIENT_SECRET": "simulated-ads-secret",
            "SITE_URL": self.pages_url,
            "LINKEDIN_REDIRECT_URI": f"{self.pages_url}/linkedin/callback/",
            "LINKEDIN_LOGIN_CLIENT_ID": "simulated-login-app",
            "LINKEDIN_LOGIN_CLIENT_SECRET": "simulated-login-secret",
            "DJANGO_SUPERUSER_EMAIL": OWNER_EMAIL,
            "DJANGO_SUPERUSER_PASSWORD": OWNER_PASSWORD,
            **self.environment,
        }

    def _start_simulator(self) -> None:
        world = self.world
        command = [
            *("--port", "0", "--now", self.now.isoformat(), "--seed", str(world.seed)),
            *("--ad-accounts", str(world.ad_accounts), "--campaigns", str(world.campaigns_per_account)),
            *("--creatives", str(world.creatives_per_campaign), "--activity", str(world.activity)),
            *("--segments", str(world.segments_per_pivot), "--members", str(world.members)),
            *(("--first-day", world.first_day.isoformat()) if world.first_day else ()),
            *(("--dense",) if world.dense else ()),
            *(("--auto-consent",) if self.connected else ()),
        ]
        self.start("simulator", sys.executable, "manage.py", "linkedin_simulator", *command)
        self.wait_until(lambda: "Ctrl-C" in self.log("simulator"), _START_SECONDS, "the simulator")
        self.url = self.log("simulator").splitlines()[0].split()[-1]
        # Figures of today would go on growing otherwise.
        self._control("PUT", "clock", now=self.now.isoformat(), frozen=True)

    def _connect_linkedin(self) -> None:
        """As somebody does in a terminal: open the consent page, paste the address it leads to."""
        with self._process("auth", sys.executable, "manage.py", "auth", stdin=subprocess.PIPE) as auth:
            assert auth.stdin
            self.wait_until(lambda: "/oauth/v2/authorization" in self.log("auth"), _START_SECONDS, "the consent page")
            address = next(line for line in self.log("auth").splitlines() if line.startswith("http"))
            page = requests.get(address, allow_redirects=False, timeout=30)
            auth.stdin.write(f"{page.headers['Location']}\n".encode())
            auth.stdin.close()
            assert auth.wait(timeout=120) == 0, self.log("auth")
        self.ad_account_ids = [row["id"] for row in self.rows("SELECT id FROM ad_accounts ORDER BY id")]
        assert len(self.ad_account_ids) == self.world.ad_accounts

    @contextmanager
    def _process(self, name: str, *command: str, **options: Any) -> Iterator[subprocess.Popen[Any]]:
        process = self.start(name, *command, **options)
        try:
            yield process
        finally:
            self.kill(process)

    def _manage(self, *command: str) -> None:
        with self._process(command[0], sys.executable, "manage.py", *command) as process:
            assert process.wait(timeout=120) == 0, self.log(command[0])

    def start(self, name: str, *command: str, **options: Any) -> subprocess.Popen[Any]:
        """A process in a group of its own, whose output `log(name)` gives."""
        with (self.data_dir / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True, **options
            )
        self._started.append(process)
        return process

    def worker(self, name: str, *, concurrency: int = 1) -> subprocess.Popen[Any]:
        """A Celery worker that takes tasks as soon as it is up."""
        command = ["-m", "celery", "--app", "config", "worker", "--pool", "prefork", "--loglevel", "INFO"]
        return self.start(name, sys.executable, *command, "--concurrency", str(concurrency), "--hostname", f"{name}@%h")

    def ready_worker(self, name: str, *, concurrency: int = 1) -> subprocess.Popen[Any]:
        """A worker that is up and waits for tasks."""
        process = self.worker(name, concurrency=concurrency)
        self.wait_until(lambda: "ready." in self.log(name), _START_SECONDS, name)
        return process

    def make_owner(self) -> None:
        """Who signs in with `OWNER_EMAIL` and `OWNER_PASSWORD`."""
        self._manage("createsuperuser", "--noinput")

    def ready_web(self, name: str = "web") -> subprocess.Popen[Any]:
        """The pages at `pages_url`, as `Procfile` serves them, once they answer."""
        door = self._door.fileno()
        command = ["-m", "gunicorn", "--config", "config/gunicorn.py", "--bind", f"fd://{door}", "config.wsgi"]
        process = self.start(name, sys.executable, *command, pass_fds=[door])
        self.wait_until(self._pages_answer, _START_SECONDS, name)
        return process

    def _pages_answer(self) -> bool:
        try:
            return requests.get(f"{self.pages_url}/admin/login/", timeout=5).ok
        except requests.RequestException:
            return False

    def beat(self, name: str = "beat") -> subprocess.Popen[Any]:
        return self.start(name, sys.executable, "-m", "celery", "--app", "config", "beat", "--loglevel", "INFO")

    # --- Killing ---

    def kill(self, process: subprocess.Popen[Any]) -> None:
        """The whole process group, at once; it may be gone already."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)

    def kill_postgresql(self, number: signal.Signals) -> None:
        """Stop the server as a crash does, and wait until nothing of it is left."""
        postmaster = psutil.Process(int((self.data_dir / "postgresql" / "postmaster.pid").read_text().split()[0]))
        processes = [postmaster, *postmaster.children(recursive=True)]
        postmaster.send_signal(number)
        _, alive = psutil.wait_procs(processes, timeout=30)
        assert not alive

    def kill_valkey(self) -> None:
        server = psutil.Process(int(self.valkey().info("server")["process_id"]))
        server.kill()
        psutil.wait_procs([server], timeout=30)

    def start_servers_again(self) -> None:
        """As the next process to come does; workers and beat still hold them, so none is stopped here."""
        self.servers.release()
        self.servers.hold()

    # --- Asking ---

    def ask(self, task: str, *arguments: Any, **options: Any) -> None:
        """Put a task into the queue, as beat does."""
        with Celery(
            broker=self.servers.redis_url().replace("unix://", "redis+socket://", 1), set_as_current=False
        ) as app:
            app.conf.broker_transport_options = {"visibility_timeout": 7 * 3600, "global_keyprefix": KEY_PREFIX}
            app.send_task(task, args=arguments, ignore_result=True, **options)

    def ask_as_beat(self, ad_account_ids: Sequence[int] | None = None) -> None:
        """What a minute of the timetable may bring: close what died, sync what is due."""
        self.ask(CLOSE_DEAD_RUNS)
        for ad_account_id in self.ad_account_ids if ad_account_ids is None else ad_account_ids:
            self.ask(SYNC, ad_account_id)

    def fault(self, name: str, **options: Any) -> None:
        self._control("POST", "faults", name=name, **options)

    def no_faults(self) -> None:
        self._control("DELETE", "faults")

    def calls(self) -> Any:
        """What was asked of LinkedIn since `forget_calls`."""
        return self._control("GET", "calls")

    def forget_calls(self) -> None:
        self._control("DELETE", "calls")

    def _control(self, method: str, what: str, **body: Any) -> Any:
        answer = requests.request(method, f"{self.url}/simulator/{what}", data=json.dumps(body), timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    # --- Looking ---

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        settings = self.servers.database_settings()
        with psycopg.connect(
            host=str(settings["HOST"]), user=str(settings["USER"]), dbname=str(settings["NAME"]), row_factory=dict_row
        ) as connection:
            return connection.execute(query, values).fetchall()

    def valkey(self) -> Any:
        return redis.Redis(unix_socket_path=self.servers.redis_url().removeprefix("unix://"))

    def queued(self, task: str | None = None) -> int:
        """Tasks that wait for a worker, or those of one name."""
        with self.valkey() as valkey:
            messages = [json.loads(message) for message in valkey.lrange(f"{KEY_PREFIX}celery", 0, -1)]
        return sum(task in {None, message["headers"]["task"]} for message in messages)

    def in_hand(self) -> int:
        """Tasks that some worker took and did not acknowledge, living or dead."""
        with self.valkey() as valkey:
            return int(valkey.hlen(f"{KEY_PREFIX}unacked"))

    def log(self, name: str) -> str:
        return (self.data_dir / f"{name}.log").read_text(errors="replace")

    def runs(self, ad_account_id: int | None = None) -> list[dict[str, Any]]:
        """Rows of `sync_log`, oldest first, without those of discoveries."""
        return self.rows(
            "SELECT * FROM sync_log WHERE account_id IS NOT NULL AND account_id = COALESCE(%s, account_id) ORDER BY id",
            ad_account_id,
        )

    def is_running(self) -> bool:
        return any(run["status"] == "running" for run in self.runs())

    def synced(self) -> set[int]:
        """Ad accounts with a success."""
        return {run["account_id"] for run in self.runs() if run["status"] == "success"}

    def wait_until(self, condition: Callable[[], Any], seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not within {seconds} s\n{self._tails()}")
            time.sleep(0.05)

    def _tails(self) -> str:
        tails = [f"--- {log.stem}\n{self.log(log.stem)[-2000:]}" for log in sorted(self.data_dir.glob("*.log"))]
        return "\n".join(tails)

    # --- Judging ---

    def wait_until_synced(self, seconds: float, ad_account_ids: Sequence[int] | None = None) -> None:
        """These ad accounts, else all, have a success; no run is left running, and no task waits."""
        wanted = set(self.ad_account_ids if ad_account_ids is None else ad_account_ids)
        self.wait_until(
            lambda: self.synced() >= wanted and not self.is_running() and not self.queued(), seconds, "all synced"
        )

    def assert_equals_truth(self) -> None:
        """Every table of every ad account holds what LinkedIn's own world holds, value for value."""
        # Only here, because it needs Django, and benchmarks use a stack without.
        from tests.ingestion.simulated import assert_same_rows

        twin = Simulator(Options(size=self.world, now=self.now, frozen=True))
        last_day = self.now.date()
        first_day = last_day - timedelta(days=int(self.env.get("BACKFILL_DAYS", "90")))
        first_month, last_of_months = whole_months(first_day=first_day, last_day=last_day, today=last_day)
        for ad_account_id in self.ad_account_ids:
            expected = truth(twin, ad_account_id, first_day, last_day)
            months = truth(twin, ad_account_id, first_month, last_of_months)
            expected["audience_demographics"] = months["audience_demographics"]
            for table, where in _OF_AN_AD_ACCOUNT.items():
                stored = self.rows(f"SELECT * FROM {table} WHERE {where}", ad_account_id)
                assert expected[table], (table, ad_account_id)
                assert_same_rows(table, stored, expected[table])


def _wait_for_midnight_to_pass() -> None:
    """Where it is near: LinkedIn's clock stands still, while ours would go on to days that it does not have yet."""
    now = datetime.now(UTC)
    soon = now + timedelta(seconds=_NEAR_MIDNIGHT_SECONDS)
    if soon.date() > now.date():
        time.sleep(_NEAR_MIDNIGHT_SECONDS)


@contextmanager
def running_stack(world: WorldSize, *, connected: bool = True, **environment: str) -> Iterator[Stack]:
    """A stack, of which nothing is left afterwards."""
    with Stack(world, environment, connected) as stack:
        yield stack
    assert [process.name() for process in processes_of(stack.data_dir)] == []


def busy_world(*, ad_accounts: int, creatives: int, days: int) -> WorldSize:
    """Every creative has figures on every day, so the number of rows is known: 10 creatives per campaign."""
    return WorldSize(
        ad_accounts=ad_accounts,
        campaigns_per_account=creatives // 10,
        creatives_per_campaign=10,
        activity=1.0,
        dense=True,
        first_day=datetime.now(UTC).date() - timedelta(days=days),
    )
