"""What a person did wrong, or a full disk, ends a command with one sentence and its remedy, not a traceback."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection

from accounts.errors import NoUsableConnection
from config.embedded import EmbeddedServerError
from ingestion.linkedin.errors import VersionSunset
from ingestion.linkedin_simulator.server import running_server
from ingestion.linkedin_simulator.simulator import Options, Simulator
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.sync.failures import explain

pytestmark = pytest.mark.installation

REPOSITORY = Path(__file__).resolve().parents[2]


def manage(*words: str, said: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
    """`manage.py` as a process that knows nothing but these variables."""
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull, "LOG_LEVEL": "ERROR"}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        input=said, cwd=REPOSITORY, env=environment | changes, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize("command", ["status", "migrate"])
def test_a_database_that_does_not_answer_names_database_url(tmp_path, command):
    port = free_port()
    done = manage(
        command, "--skip-checks", DATA_DIR=str(tmp_path), DEBUG="true", REDIS_URL="redis://127.0.0.1:1",
        DATABASE_URL=f"postgresql://ads:geheim@127.0.0.1:{port}/ads",
    )  # fmt: skip
    assert done.returncode == 1
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith("PostgreSQL does not answer (")
    assert "Connection refused" in sentence
    assert sentence.endswith("Start it, or correct DATABASE_URL, then try again.")
    assert "geheim" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"DATABASE_URL": "mysql://ads@db/ads"}, "DATABASE_URL must look like postgresql://"),
        (
            {"BACKFILL_DAYS": "ninety"},
            "BACKFILL_DAYS is 'ninety'; it should be a valid integer, unable to parse",
        ),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL is 'loud'; it should be 'debug', 'info', 'warning' or 'error'."),
    ],
    ids=["another database", "no number", "no such word"],
)
@pytest.mark.parametrize("command", ["status", "migrate"])
def test_a_wrong_setting_names_its_variable(tmp_path, command, changes, said):
    """A command of ours and one of Django's, which meets the settings later."""
    done = manage(command, DATA_DIR=str(tmp_path), DEBUG="true", **changes)
    assert done.returncode == 1
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith(said)


@pytest.mark.parametrize("secrets", [{}, {"SECRET_KEY": "x", "FIELD_ENCRYPTION_KEYS": "x"}], ids=["first", "later"])
def test_a_data_folder_that_cannot_be_written_names_data_dir(tmp_path, secrets):
    """Met by the secrets first, else by the embedded databases."""
    (tmp_path / "file").touch()
    done = manage("status", "--skip-checks", DATA_DIR=str(tmp_path / "file" / "data"), **secrets)
    assert done.returncode == 1
    [sentence] = done.stderr.splitlines()
    assert "(Not a directory)" in sentence
    assert "DATA_DIR" in sentence


# --- explain ---


def raised_by_django(error: type[Exception], cause: Exception) -> Exception:
    """As Django raises what psycopg raised."""
    wrapped = error(str(cause))
    wrapped.__cause__ = cause
    return wrapped


DISK_FULL = psycopg.errors.DiskFull('could not extend file "base/5/16400": No space left on device\nHINT: Check.')


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (raised_by_django(OperationalError, DISK_FULL), "PostgreSQL's disk is full"),
        (DISK_FULL, "PostgreSQL's disk is full"),
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full. Free some space"),
        (OSError(errno.EADDRINUSE, "Address already in use"), "The port is already in use. "),
        (
            raised_by_django(ProgrammingError, psycopg.errors.UndefinedTable("no table")),
            "The database is older than the program. Run `manage.py migrate`.",
        ),
        (
            raised_by_django(ProgrammingError, psycopg.errors.UndefinedColumn("no column")),
            "The database is older than the program. Run `manage.py migrate`.",
        ),
        (
            raised_by_django(OperationalError, psycopg.errors.DeadlockDetected("deadlock detected\nDETAIL: …")),
            "PostgreSQL cancelled a statement (deadlock detected). Try again.",
        ),
        (OperationalError("server closed the connection\n\tThis means"), "PostgreSQL does not answer (server closed"),
        (InterfaceError("connection already closed"), "PostgreSQL does not answer (connection already closed)."),
        (psycopg.OperationalError("consuming input failed\nmore"), "PostgreSQL does not answer (consuming input f"),
        (OperationalError(""), "PostgreSQL does not answer (no reason given)."),
        (ImproperlyConfigured("X is wrong; do Y."), "X is wrong; do Y."),
        (EmbeddedServerError("It does not start; see Z."), "It does not start; see Z."),
        (NoUsableConnection("Connect LinkedIn again."), "Connect LinkedIn again."),
        (VersionSunset("Version 202601 is gone."), "Version 202601 is gone. Set LINKEDIN_API_VERSION"),
    ],
)
def test_explain_gives_one_line_with_a_remedy(error, said):
    failure = explain(error)
    assert failure
    assert str(failure).startswith(said)
    assert "\n" not in str(failure)


@pytest.mark.parametrize(
    "error",
    [
        KeyError("ours"),
        IntegrityError("duplicate key"),
        raised_by_django(DataError, psycopg.errors.NumericValueOutOfRange("too large")),
        psycopg.errors.NumericValueOutOfRange("too large"),
        FileNotFoundError(errno.ENOENT, "No such file"),
    ],
)
def test_explain_leaves_a_bug_its_traceback(error):
    assert explain(error) is None


@pytest.mark.django_db(transaction=True)
def test_a_connection_lost_in_the_middle_of_a_copy_is_explained():
    """Django does not wrap what psycopg raises there."""
    with pytest.raises(Exception, match="terminating connection") as lost:
        _copy_until_somebody_ends_the_connection()
    connection.close()
    failure = explain(lost.value)
    assert failure
    assert failure.sentence.startswith("PostgreSQL does not answer (")


def _copy_until_somebody_ends_the_connection() -> None:
    with psycopg.connect(**_connection_parameters(), autocommit=True) as another, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE incoming (n int)")
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
        with cursor.copy("COPY incoming FROM STDIN") as copy:
            another.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
            copy.write_row((1,))


def _connection_parameters() -> dict[str, Any]:
    given = connection.get_connection_params()
    return {name: given[name] for name in ("host", "port", "user", "password", "dbname") if name in given}


# --- a disk that is really full ---


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own; skips where this person may not mount one."""
    folder = Path(tempfile.mkdtemp(prefix="small-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        folder.rmdir()
        assert "CI" not in os.environ, "the full disk must be shown: let this person mount a tmpfs"
        pytest.skip("may not mount a file system here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def fill(folder: Path, *, but_megabytes: float) -> None:
    """Leave only so much room."""
    room = shutil.disk_usage(folder).free - int(but_megabytes * 2**20)
    with (folder / "filler").open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, room)


@pytest.mark.slow
def test_a_full_disk_ends_a_sync_in_one_sentence_and_room_lets_it_go_on():
    size = WorldSize(ad_accounts=1, campaigns_per_account=30, creatives_per_campaign=20, dense=True, activity=1.0)
    simulator = Simulator(Options(size=size))
    with small_disk(160) as disk, running_server(simulator) as url:
        app = next(iter(simulator.apps.values()))
        code = simulator.tokens.give_code(
            app, 0, ("r_ads", "r_ads_reporting"), "http://127.0.0.1:8000/linkedin/callback/"
        )
        world = {
            "DATA_DIR": str(disk / "data"), "LINKEDIN_API_BASE_URL": url, "LINKEDIN_AUTH_BASE_URL": url,
            "LINKEDIN_CLIENT_ID": app.client_id, "LINKEDIN_CLIENT_SECRET": app.client_secret,
            "EMBEDDED_THROW_AWAY": "true",
        }  # fmt: skip
        assert manage("migrate", "--verbosity=0", **world).returncode == 0
        done = manage("auth", said=f"{code}\n", **world)
        assert done.returncode == 0, done.stderr
        fill(disk, but_megabytes=1.5)
        full = manage("sync", **world)
        assert full.returncode == 1, full.stdout
        assert "Traceback" not in full.stderr
        assert "disk is full" in full.stderr
        assert len(full.stderr.splitlines()) == 1, full.stderr
        (disk / "filler").unlink()
        again = manage("sync", "--force", **world)
        assert (again.returncode, again.stderr) == (0, "")
