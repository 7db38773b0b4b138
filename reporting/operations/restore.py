"""Restores a backup into an empty installation, or replaces an existing one on request.

Existing tables are moved aside and dropped last, so a failed restore changes nothing, and a killed one is undone by the
next.
"""

import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from django.core.files import File
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from accounts import audit_trail
from accounts.consents import tokens
from accounts.models import AdAccount, AuditEvent, LinkedInConnection, User
from reporting.operations import backup_file, bi_roles, postgresql_programs, stored_files
from reporting.operations.backup import SCHEMAS, count_rows, tables
from reporting.operations.backup_file import Manifest

# The names of the replaced schemas until the restore has succeeded.
_ASIDE: Final = {schema: f"{schema}_before_restore" for schema in SCHEMAS}
_SIGNS_OF_USE: Final = (User, AdAccount, LinkedInConnection, AuditEvent)


class RestoreRefused(Exception):
    """Nothing was changed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored; `unreadable` are LinkedIn connections whose tokens no available key decrypts."""

    made_at: str
    rows: int
    files: int
    unreadable: list[int]


def restore(path: Path, *, replace: bool) -> Restored:
    """Restore the file; tables of an older version are migrated.

    Raises RestoreRefused, backup_file.BackupUnusable and postgresql_programs.ProgramMissing.
    """
    manifest = backup_file.check(path)
    _require_known_migrations(path, manifest)
    _require_exclusive_access()
    _put_back_tables()
    if not replace:
        _require_empty()
    with _tables_aside():
        _restore_database(path, manifest)
        files = _restore_files(path)
    call_command("migrate", verbosity=0)
    bi_roles.give_rights_again()
    _refresh_statistics()
    rows = sum(manifest.rows.values())
    audit_trail.record("backup_restored", made_at=manifest.made_at, rows=rows, files=files, by="command")
    return Restored(manifest.made_at, rows, files, tokens.unreadable())


def _require_known_migrations(path: Path, manifest: Manifest) -> None:
    known = set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
    if unknown := [f"{app}.{name}" for app, name in manifest.migrations if (app, name) not in known]:
        raise RestoreRefused(
            f"{path} was made by version {manifest.product_version}, whose tables this version does not know "
            f"({unknown[-1]}); restore it with that version or a newer one. Nothing was changed."
        )


def _require_exclusive_access() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND coalesce(backend_type, 'client backend') = 'client backend'"
        )
        [others] = cursor.fetchone()
    if others:
        raise RestoreRefused(
            f"{others} other {'program uses' if others == 1 else 'programs use'} this database; stop web, worker and "
            "beat (docker compose stop web worker beat) and try again. Nothing was changed."
        )


def _require_empty() -> None:
    there = set(tables())
    used = [model for model in _SIGNS_OF_USE if model._meta.db_table in there and model._default_manager.exists()]
    if used or stored_files.names():
        what = f"rows in {', '.join(model._meta.db_table for model in used)}" if used else "stored files"
        raise RestoreRefused(
            f"This installation is in use ({what}); restore into an empty one, or add --replace to delete "
            "everything that is here. Nothing was changed."
        )


@contextmanager
def _tables_aside() -> Iterator[None]:
    """Inside, the schema is empty; afterwards the old tables are dropped, or back if anything failed."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        for schema in _existing(SCHEMAS):
            cursor.execute(f"ALTER SCHEMA {schema} RENAME TO {_ASIDE[schema]}")
    try:
        yield
    except BaseException:
        _put_back_tables()
        raise
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {', '.join(_existing(_ASIDE.values()))} CASCADE")


def _put_back_tables() -> None:
    """Also after a killed restore."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        if waiting := _existing(_ASIDE.values()):
            cursor.execute(f"DROP SCHEMA IF EXISTS {', '.join(SCHEMAS)} CASCADE")
            for schema in SCHEMAS:
                if _ASIDE[schema] in waiting:
                    cursor.execute(f"ALTER SCHEMA {_ASIDE[schema]} RENAME TO {schema}")


def _existing(schemas: Iterable[str]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", [list(schemas)])
        return [name for (name,) in cursor.fetchall()]


def _restore_database(path: Path, manifest: Manifest) -> None:
    for name, content in backup_file.parts(path):
        if name == backup_file.DUMP:
            _load(content)
            break
    with connection.cursor() as cursor:
        # PostgreSQL's defaults; the dump contains no owners and grants.
        cursor.execute("ALTER SCHEMA public OWNER TO pg_database_owner")
        cursor.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
    if count_rows() != manifest.rows:
        raise RestoreRefused("Some rows of the backup were not restored; use another backup. Nothing was changed.")


def _load(dump: IO[bytes]) -> None:
    command = postgresql_programs.command(
        "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"
    )
    with tempfile.TemporaryFile() as errors:
        program = subprocess.Popen(command, env=postgresql_programs.environment(), stdin=subprocess.PIPE, stderr=errors)
        try:
            with cast("IO[bytes]", program.stdin) as stdin:
                backup_file.copy_chunks(dump, stdin.write)
        except BrokenPipeError:
            pass  # its own error output says why it ended
        if program.wait() != 0:
            errors.seek(0)
            why = errors.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise RestoreRefused(f"pg_restore failed ({why[0]}); fix this and try again. Nothing was changed.")


def _restore_files(path: Path) -> int:
    """The files of the backup, and no others."""
    place = stored_files.storage()
    if place is None:
        return 0
    kept = set()
    for part, content in backup_file.parts(path):
        if part.startswith(backup_file.FILES):
            name = part.removeprefix(backup_file.FILES)
            place.delete(name)
            kept.add(place.save(name, File(content)))
    for name in set(stored_files.names()) - kept:
        place.delete(name)
    return len(kept)


def _refresh_statistics() -> None:
    """A dump contains none, and without them query plans are guesses and row counts zero."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
