"""`python -m tests.journeys.guard DATA_DIR`: clears up after a test process that was itself killed.

It waits until its standard input ends, which happens however the process at the other end dies.
"""

import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Living processes that belong to a data directory, by their environment or their command; not this one."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or [])
        try:
            home = process.environ().get("DATA_DIR", "")
        except psutil.Error:
            home = ""
        is_alive = process.info["status"] != psutil.STATUS_ZOMBIE and process.pid != psutil.Process().pid
        if is_alive and (str(data_dir) in words or home == str(data_dir)):
            found.append(process)
    return found


def kill_processes_of(data_dir: Path) -> None:
    """Until none is left: one that was just starting another may have been faster."""
    end = time.monotonic() + 30
    while (found := processes_of(data_dir)) and time.monotonic() < end:
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(0.1)


if __name__ == "__main__":
    guarded = Path(sys.argv[1])
    sys.stdin.read()
    kill_processes_of(guarded)
    shutil.rmtree(guarded, ignore_errors=True)
