"""What ends the processes of a killed run finds them, also those that hide where they came from."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from config.embedded import EmbeddedServers
from tests.guard import guard, kill_processes_of, processes_of


def test_a_server_is_found_whose_title_and_environment_do_not_name_the_folder(tmp_path: Path) -> None:
    """Valkey has left its parent and writes over its environment; a long path puts its socket elsewhere."""
    folder = tmp_path / ("long" * 25)
    servers = EmbeddedServers(data_dir=folder / "data", postgresql=False, valkey=True, throw_away=True)
    servers.hold()
    try:
        [server] = processes_of(folder)
        assert server.name() == "valkey-server"
        assert str(folder) not in " ".join(server.cmdline())
        assert server.ppid() != os.getpid()
        kill_processes_of(folder)
        assert not psutil.pid_exists(server.pid) or server.status() == psutil.STATUS_ZOMBIE
    finally:
        servers.release()


@pytest.mark.slow
@pytest.mark.installation
def test_the_guard_ends_what_names_the_folder_with_its_children_and_nothing_else(tmp_path: Path) -> None:
    waits = "import sys, subprocess, time; subprocess.Popen(['sleep', '60'], env={}, cwd='/'); time.sleep(60)"
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    guardian = guard(ours)
    started = [
        subprocess.Popen([sys.executable, "-c", waits], env={"TMPDIR": str(folder)}, cwd="/")
        for folder in (ours, theirs)
    ]
    try:
        first, second = (psutil.Process(one.pid) for one in started)
        while not (first.children() and second.children()):
            pass
        children = first.children()
        guardian.communicate(timeout=30)
        started[0].wait(timeout=30)
        _, alive = psutil.wait_procs(children, timeout=30)
        assert not alive
        assert second.is_running()
        assert second.children()
    finally:
        kill_processes_of(theirs)
        for process in started:
            process.kill()
            process.wait()
