"""pg_dump, pg_restore and psql, each in the version that fits."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection

_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")


class ProgramMissing(Exception):
    """No program fits the server or the file; the message says what to do."""


def command(name: str, *arguments: str) -> list[str]:
    """The program with the connection of this installation; the password is in `environment`.

    The oldest one that is not older than the server: pg_dump refuses newer servers, and writes for its own version.
    """
    _, path = _fitting(name)
    return [str(path), *arguments, _database()]


def version(name: str) -> int:
    """Major version of the program that `command` takes."""
    return _fitting(name)[0]


def newest(name: str, *arguments: str, at_least: int = 0) -> list[str]:
    """The newest one, which reads the files of all earlier ones; `at_least` is the major version of the file."""
    found = _found(name)
    if not found or max(found) < at_least:
        raise _missing(name, at_least or _server_major())
    return [str(found[max(found)]), *arguments]


def newest_at_the_database(name: str, *arguments: str) -> list[str]:
    """The newest one, led to the database of this installation, which may run an older version."""
    return newest(name, *arguments, _database())


def _fitting(name: str) -> tuple[int, Path]:
    server_major = _server_major()
    fitting = {major: path for major, path in _found(name).items() if major >= server_major}
    if not fitting:
        raise _missing(name, server_major)
    return min(fitting.items())


def _missing(name: str, major: int) -> ProgramMissing:
    return ProgramMissing(
        f"There is no {name} for PostgreSQL {major} here; install the PostgreSQL client programs of this "
        f"version (Debian: postgresql-client-{major}) on the PATH."
    )


def _server_major() -> int:
    connection.ensure_connection()
    return int(connection.connection.info.server_version) // 10_000


def _database() -> str:
    connection.ensure_connection()
    return f"--dbname={connection.connection.info.dsn}"


def environment() -> dict[str, str]:
    connection.ensure_connection()
    return {**os.environ, "PGPASSWORD": connection.connection.info.password}


def _found(name: str) -> dict[int, Path]:
    """By major version: those of the embedded package, and those on the PATH."""
    found = {
        major: folder / name
        for major, folder in settings.EMBEDDED_SERVERS.postgresql_programs().items()
        if (folder / name).exists()
    }
    on_path = shutil.which(name)
    if on_path:
        output = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=False).stdout
        if version := _VERSION.search(output):
            found.setdefault(int(version[1]), Path(on_path))
    return found
