"""Points the settings at throw-away databases before Django reads them.

Loaded by `pytest.ini` as a plugin. The embedded servers of the tests live in a folder of their own, shared
by all test processes of one run, and go with it. `DATABASE_URL` and `REDIS_URL` of the caller are used
where they are set, under keys of the tests' own; `.env` is not read.

The processes of the tests keep what they compile, also where the caller's would not: there are many, and each would
compile the whole project.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

_OWNER = "TEST_DATA_DIR_OWNER"


def _point_settings_at_throw_away_servers() -> None:
    os.environ["ENV_FILE"] = os.devnull
    if _OWNER not in os.environ:
        os.environ[_OWNER] = str(os.getpid())
        os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="linkedin-ads-tests-")
        os.environ["EMBEDDED_THROW_AWAY"] = "true"
        os.environ["LOG_LEVEL"] = "WARNING"
    # The processes of one run share the server, and each empties what it filled.
    os.environ["REDIS_KEY_PREFIX"] = f"tests:{os.environ[_OWNER]}:{os.environ.get('PYTEST_XDIST_WORKER', 'main')}:"


def _keep_what_is_compiled() -> None:
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


_point_settings_at_throw_away_servers()
_keep_what_is_compiled()


def pytest_unconfigure() -> None:
    """The process that made the folder stops its servers and removes it."""
    if os.environ.get(_OWNER) == str(os.getpid()):
        from django.conf import settings

        settings.EMBEDDED_SERVERS.release()
        shutil.rmtree(Path(os.environ["DATA_DIR"]), ignore_errors=True)
