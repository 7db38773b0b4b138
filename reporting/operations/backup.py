"""Backs up our part of the database and the stored files to one file.

Not included: the settings and their encryption keys, so that a found backup reveals no tokens; sessions, so that
nobody is signed in by one; and Valkey, which only holds what is recreated automatically (rate limits, heartbeats, work
that is also in the database).
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from django.conf import settings
from django.core.files.storage import Storage
from django.db import connection, transaction
from django.utils import timezone
from qsessions.models import Session

from accounts import audit_trail
from reporting.operations import backup_file, portability, postgresql_programs, stored_files
from reporting.operations.backup_file import Manifest, Writer
from reporting.operations.database_objects import SCHEMAS, DatabaseObject, others, ours

# Tables that a backup holds without their rows.
_WITHOUT_ROWS: Final = (Session._meta.db_table,)
# What pg_dump leaves out by name; functions and the like a restore passes over.
_WITH_ROWS: Final = ("table", "view", "materialized view", "foreign table", "sequence")


class BackupFailed(Exception):
    """No backup was made; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Made:
    """`left_out` belongs to others; `needs` is what a restore has to find, such as an extension."""

    rows: int
    files: int
    bytes: int
    left_out: list[str]
    needs: list[str]


def back_up(path: Path) -> Made:
    """Write the file; it holds the database as of one moment, whatever happens in the meantime.

    Raises BackupFailed and postgresql_programs.ProgramMissing.
    """
    if obstacles := portability.too_new():
        raise BackupFailed(
            f"The backup could not be restored on PostgreSQL {portability.OLDEST_SUPPORTED}: {'; '.join(obstacles)}. "
            "Undo that and try again."
        )
    with _completed_file(path) as out:
        writer = Writer(out)
        manifest = _add_database(writer)
        files = _add_files(writer)
        writer.finish(manifest)
    rows = sum(manifest.rows.values())
    audit_trail.record("backup_made", rows=rows, files=files, by="command")
    left_out = [str(one) for one in others() if not one.is_owned]
    return Made(rows=rows, files=files, bytes=path.stat().st_size, left_out=left_out, needs=portability.needs())


@contextmanager
def _completed_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name once it is complete, and that only its owner may read."""
    if path.exists():
        raise BackupFailed(f"{path} already exists; choose another name, or remove it first.")
    # It would include itself while it is being written.
    if stored_files.holds(path):
        raise BackupFailed(f"{path} is among the stored files to back up; choose another folder.")
    draft = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise BackupFailed(f"{path} cannot be written ({error.strerror}); choose a writable folder.") from None
    try:
        with os.fdopen(descriptor, "w+b") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def _add_database(writer: Writer) -> Manifest:
    """The dump and the counts share one snapshot, which this transaction holds."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        [snapshot] = cursor.fetchone()
        left_out = others()
        manifest = backup_file.new_manifest(
            product_version=settings.PRODUCT_VERSION,
            made_at=timezone.now().isoformat(timespec="seconds"),
            server_version=connection.connection.info.server_version,
            pg_dump_version=postgresql_programs.version("pg_dump"),
            rows=count_rows() | dict.fromkeys(_WITHOUT_ROWS, 0),
            migrations=_applied_migrations(),
            left_out=[list(one.left_out()) for one in left_out],
        )
        writer.add(backup_file.DUMP, lambda take: _dump(snapshot, left_out, take))
    return manifest


def count_rows() -> dict[str, int]:
    """Rows by table."""
    counts = {}
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608
            [counts[table]] = cursor.fetchone()
    return counts


def tables() -> list[str]:
    """Ours, without the partitions of one that has any: its rows are theirs."""
    names = [one.name for one in ours() if one.kind == "table"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('public')"
            " AND relname = ANY(%s) AND NOT relispartition ORDER BY 1",
            [names],
        )
        return [name for (name,) in cursor.fetchall()]


def _applied_migrations() -> list[list[str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
        return [list(row) for row in cursor.fetchall()]


def _dump(snapshot: str, left_out: list[DatabaseObject], take: Callable[[bytes], None]) -> None:
    command = postgresql_programs.command(
        "pg_dump",
        "--format=custom",
        *(f"--schema={schema}" for schema in SCHEMAS),
        *(f"--exclude-table-data=public.{table}" for table in _WITHOUT_ROWS),
        *(f"--exclude-table={one.identity}" for one in left_out if one.kind in _WITH_ROWS),
        *("--no-owner", "--no-privileges", f"--snapshot={snapshot}"),
    )
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            command, env=postgresql_programs.environment(), stdout=subprocess.PIPE, stderr=errors
        ) as program:
            backup_file.copy_chunks(cast("IO[bytes]", program.stdout), take)
        if program.returncode != 0:
            errors.seek(0)
            why = errors.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise BackupFailed(f"pg_dump failed ({why[-1]}); fix this and try again.")


def _add_files(writer: Writer) -> int:
    """Copied after the dump, so that no row lacks its file; files pruned in the meantime are left out."""
    place = stored_files.storage()
    if place is None:
        return 0
    try:
        return sum(_add_file(writer, place, name) for name in stored_files.names())
    except PermissionError as error:
        raise BackupFailed(
            f"{error.filename} cannot be read; run the backup as the user who runs the worker."
        ) from None


def _add_file(writer: Writer, place: Storage, name: str) -> bool:
    try:
        source = place.open(name)
    except FileNotFoundError:
        return False
    with source:
        writer.add(backup_file.FILES + name, lambda take: backup_file.copy_chunks(cast("IO[bytes]", source), take))
    return True
