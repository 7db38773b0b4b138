"""pg_dump and pg_restore in the version that fits the server."""

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
    """No pg_dump fits the server; the message says what to do."""


def command(name: str, *arguments: str) -> list[str]:
    """The program with the connection of this installation; the password is in `environment`.

    The oldest version that is not older than the server: pg_dump refuses newer servers, and an older server may not
    know the settings of a newer pg_restore.
    """
    connection.ensure_connection()
    server_major = connection.connection.info.server_version // 10_000
    fitting = {major: path for major, path in _found(name).items() if major >= server_major}
    if not fitting:
        raise ProgramMissing(
            f"There is no {name} for PostgreSQL {server_major} here; install the PostgreSQL client programs of this "
            f"version (Debian: postgresql-client-{server_major}) on the PATH."
        )
    return [str(fitting[min(fitting)]), *arguments, f"--dbname={connection.connection.info.dsn}"]


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
