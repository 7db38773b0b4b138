"""Another user of this machine, who tries to read and to reach what the service has there."""

import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

_NAME: Final = "nobody"
# Run by whatever Python the stranger may run; says what was possible.
_TRIES: Final = """
import json, os, socket, sys
asked = json.load(sys.stdin)
found = {"listed": [], "read": [], "written": [], "connected": [], "environments": []}
for path in asked["folders"]:
    try:
        os.listdir(path)
        found["listed"].append(path)
    except OSError:
        pass
    try:
        open(os.path.join(path, "planted"), "x")
        found["written"].append(path)
    except OSError:
        pass
for path in asked["files"]:
    for mode, into in (("rb", "read"), ("r+b", "written")):
        try:
            open(path, mode).close()
            found[into].append(path)
        except OSError:
            pass
for path in asked["sockets"]:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(path)
            found["connected"].append(path)
        except OSError:
            pass
for number in asked["processes"]:
    try:
        open(f"/proc/{number}/environ", "rb").read()
        found["environments"].append(number)
    except OSError:
        pass
json.dump(found, sys.stdout)
"""


def stranger() -> dict[str, Any]:
    """How `subprocess` becomes another user; skips where this one may not, but for CI, where somebody has to look."""
    if os.geteuid() == 0:
        return {"user": _NAME, "group": pwd.getpwnam(_NAME).pw_gid, "extra_groups": []}
    if "CI" in os.environ:
        pytest.fail("run these tests as root: they look at this machine as another user")
    pytest.skip("only root becomes another user")


def tried(folder: Path, *, processes: Iterable[int] = ()) -> dict[str, list[Any]]:
    """What a stranger could do with everything in the folder, whose names are known to them."""
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin") or "python3"
    everything = [folder, *(path for path in folder.rglob("*"))]
    asked: dict[str, list[Any]] = {"folders": [], "files": [], "sockets": [], "processes": list(processes)}
    for path in everything:
        mode = path.lstat().st_mode
        kind = "folders" if stat.S_ISDIR(mode) else "sockets" if stat.S_ISSOCK(mode) else "files"
        asked[kind].append(str(path))
    done = subprocess.run(
        [python, "-c", _TRIES],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd="/",
        check=True,
        **stranger(),
    )
    found: dict[str, list[Any]] = json.loads(done.stdout)
    return found


def open_to_others(folder: Path) -> Iterator[str]:
    """What others would be able to read or write if its parents were open: the files' own rights."""
    for path in (folder, *folder.rglob("*")):
        found = path.lstat()
        if not stat.S_ISLNK(found.st_mode) and found.st_mode & 0o067:
            yield f"{stat.filemode(found.st_mode)} {path}"


def listens_on(process: psutil.Process) -> list[int]:
    return [one.laddr.port for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]


def is_reachable(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
