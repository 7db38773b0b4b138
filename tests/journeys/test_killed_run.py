"""A run of the tests that is killed, wherever it is: nothing that it started is left, on disk or in memory."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.browser.chromium import require_chromium
from tests.guard import kill_processes_of, processes_of
from tests.throw_away_servers import SESSION_DIR

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
_OPTIONS = ("--config-file", "pytest.ini", "--rootdir", ".", "-p", "no:cacheprovider")
START_SECONDS, END_SECONDS = 120, 30
# Starts everything that tests start, leaves a file for each step, and would stay for minutes.
SESSION = """
import os
import time
from pathlib import Path
import pytest
from ingestion.linkedin_simulator.world import WorldSize
from tests.browser.chromium import running_chromium
from tests.journeys.stack import running_stack

def reach(point):
    (Path(__file__).parent / point).touch()
    if os.environ["STAY_AT"] == point:
        time.sleep(200)

@pytest.mark.django_db
def test_everything():
    reach("database")
    with running_stack(WorldSize(ad_accounts=1, campaigns_per_account=1, creatives_per_campaign=1)) as stack:
        reach("stack")
        stack.worker("worker", concurrency=2)
        stack.beat()
        stack.ready_web()
        reach("installation")
        with running_chromium() as browser:
            browser.new_page().goto(stack.pages_url)
            reach("browser")
"""


@dataclass
class Session:
    """A run of pytest in a folder of its own, which every process that it starts names or works in."""

    folder: Path
    stay_at: str
    options: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.temporary = self.folder / "t"
        self.temporary.mkdir()
        (self.folder / "test_everything.py").write_text(SESSION)
        own = {"TMPDIR": str(self.temporary), "STAY_AT": self.stay_at}
        # So that the guard of this run would end that one as well.
        inherited = {**os.environ, "STARTED_IN": os.environ[SESSION_DIR]}
        del inherited[SESSION_DIR]
        with (self.folder / "out").open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *_OPTIONS, *self.options, str(self.folder / "test_everything.py")],
                cwd=ROOT,
                env=inherited | own,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def has_reached(self, point: str) -> bool:
        assert self.process.poll() is None, (self.folder / "out").read_text()
        return (self.folder / point).exists()

    def processes(self) -> list[psutil.Process]:
        return processes_of(self.folder)

    @property
    def workers(self) -> list[psutil.Process]:
        """Of pytest-xdist."""
        children = psutil.Process(self.process.pid).children()
        return [one for one in children if "tests.guard" not in one.cmdline()]


@pytest.fixture
def begin() -> Iterator[Callable[..., Session]]:
    sessions: list[Session] = []

    def begin(stay_at: str, *options: str) -> Session:
        # Paths of Unix sockets are short: not within this run's own folder, nor one of pytest's.
        folder = tempfile.mkdtemp(prefix="k-", dir=os.environ["PYTEST_DEBUG_TEMPROOT"])
        sessions.append(Session(Path(folder), stay_at, list(options)))
        return sessions[-1]

    yield begin
    for session in sessions:
        session.process.kill()
        session.process.wait(timeout=30)
        kill_processes_of(session.folder)
        shutil.rmtree(session.folder)


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def assert_nothing_is_left(session: Session, started: list[psutil.Process]) -> None:
    """`started` are those that ran before, looked for by id as well, should they have left no trace."""
    session.process.wait(timeout=END_SECONDS)
    wait_until(lambda: not session.processes(), END_SECONDS, "processes of the run live on")
    _, alive = psutil.wait_procs(started, timeout=30)
    assert [(one.name(), one.cmdline()) for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
    assert [path.name for path in session.temporary.iterdir()] == []


@pytest.mark.parametrize("delay", [0.0, 0.2, 0.6, 1.2])
def test_killed_while_it_starts(begin: Callable[..., Session], delay: float) -> None:
    session = begin("database")
    time.sleep(delay)
    started = session.processes()
    session.process.kill()
    assert_nothing_is_left(session, started)


@pytest.mark.parametrize(
    ("point", "to_group"), [("database", True), ("stack", False), ("installation", True), ("browser", False)]
)
def test_killed_in_the_middle(begin: Callable[..., Session], point: str, to_group: bool) -> None:
    if point == "browser":
        require_chromium()
    session = begin(point)
    wait_until(lambda: session.has_reached(point), START_SECONDS, point)
    started = session.processes()
    assert {"postgres", "valkey-server"} <= {one.name() for one in started}, "no server escapes the search"
    os.killpg(session.process.pid, signal.SIGKILL) if to_group else session.process.kill()
    assert_nothing_is_left(session, started)


@pytest.mark.parametrize("victims", ["controller", "worker", "both"])
def test_killed_with_several_workers(begin: Callable[..., Session], victims: str) -> None:
    session = begin("stack", "-n", "1", "--max-worker-restart", "0")
    wait_until(lambda: session.has_reached("stack"), START_SECONDS, "a stack")
    started, workers = session.processes(), session.workers
    assert workers
    if victims != "controller":
        for worker in workers:
            worker.kill()
    if victims != "worker":
        session.process.kill()
    assert_nothing_is_left(session, started)
