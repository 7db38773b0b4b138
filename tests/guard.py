"""`python -m tests.guard FOLDER`: ends what a test process started once that process is gone, and removes the folder.

Its standard input is a pipe from the test process, which the kernel closes however that process dies, SIGKILL included.
What belongs to the folder has it in its command or its environment, as every process has that `TMPDIR` or `DATA_DIR`
was handed down to, or works in it; no list of process ids can go stale. The guard leads a session of its own: a signal
to the group of the test process does not reach it.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

_ROOT: Final = Path(__file__).resolve().parents[1]
_END_SECONDS: Final = 30


def guard(folder: Path) -> subprocess.Popen[bytes]:
    """A guard of everything that names this folder; `communicate` has it clear up and waits for that."""
    command = [sys.executable, "-m", "tests.guard", str(folder)]
    return subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, start_new_session=True)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Living processes that name the folder in their command or environment or work in it, and their children.

    Valkey and Chromium write their title over the environment that they were given, and Valkey has left its parent:
    what nobody can write over is where a process works. This process is not among them.
    """
    living = {
        process.pid: process
        for process in psutil.process_iter(["ppid", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
    }
    found = {pid for pid, process in living.items() if _names(process, str(folder))}
    while children := {pid for pid, one in living.items() if one.info["ppid"] in found} - found:
        found |= children
    return [living[pid] for pid in found - {psutil.Process().pid}]


def _names(process: psutil.Process, folder: str) -> bool:
    return any(folder in word for word in _words(process))


def _words(process: psutil.Process) -> Iterator[str]:
    with suppress(psutil.Error):
        yield from process.cmdline()
    with suppress(psutil.Error):
        yield from process.environ().values()
    with suppress(psutil.Error):
        yield process.cwd()


def kill_processes_of(folder: Path) -> None:
    """Until none is left: one that was just starting another may have been faster."""
    end = time.monotonic() + _END_SECONDS
    while (found := processes_of(folder)) and time.monotonic() < end:
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.1)


if __name__ == "__main__":
    guarded = Path(sys.argv[1])
    sys.stdin.read()
    kill_processes_of(guarded)
    shutil.rmtree(guarded, ignore_errors=True)
