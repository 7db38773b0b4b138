"""Points the settings at throw-away databases before Django reads them.

Loaded by `pytest.ini` as a plugin. Everything that a run of the tests leaves on disk lies in one folder: it is the
`TMPDIR` of all its processes and holds the embedded servers' data, which the processes share. At the end of the run the
servers stop and the folder goes; where the run is killed, `tests/guard.py` sees to both. `DATABASE_URL` and `REDIS_URL`
of the caller are used where they are set, under keys of the tests' own; `.env` is not read.

The processes of the tests keep what they compile, also where the caller's would not: there are many, and each would
compile the whole project.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.guard import guard

SESSION_DIR: Final = "TEST_SESSION_DIR"


def _begin_session() -> subprocess.Popen[bytes] | None:
    """The guard, in the process that begins the run; the others join it."""
    os.environ["ENV_FILE"] = os.devnull
    if SESSION_DIR in os.environ:
        _set_key_prefix()
        return None
    # Files that pytest keeps for whoever looks into a failure stay where they always are.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    # Short, because the paths of Unix sockets begin with it.
    folder = Path(tempfile.mkdtemp(prefix="ads-tests-"))
    # Servers run as other users, who pass through.
    folder.chmod(0o711)
    guardian = guard(folder)
    os.environ[SESSION_DIR] = os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    os.environ["DATA_DIR"] = str(folder / "data")
    os.environ["EMBEDDED_THROW_AWAY"] = "true"
    os.environ["LOG_LEVEL"] = "WARNING"
    _set_key_prefix()
    return guardian


def _set_key_prefix() -> None:
    """The processes of one run share the server, and each empties what it filled."""
    run, worker = Path(os.environ[SESSION_DIR]).name, os.environ.get("PYTEST_XDIST_WORKER", "main")
    os.environ["REDIS_KEY_PREFIX"] = f"tests:{run}:{worker}:"


def _keep_what_is_compiled() -> None:
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


_guard = _begin_session()
_keep_what_is_compiled()


def pytest_unconfigure() -> None:
    """The process that began the run stops its servers and removes its folder."""
    if _guard:
        from django.conf import settings

        settings.EMBEDDED_SERVERS.release()
        _guard.communicate()
