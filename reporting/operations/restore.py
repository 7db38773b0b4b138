"""Everything from a backup, into an empty installation, or in place of what there is where that is asked for.

What was there steps aside and is thrown away last, so a restore that fails changes nothing, and one that is killed is
undone by the next.
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
from reporting.change_feed import marks
from reporting.operations import backup_file, bi_roles, postgresql_programs, stored_files
from reporting.operations.backup import SCHEMAS, count_rows, tables
from reporting.operations.backup_file import Manifest

# Where the schemas wait that are to be replaced.
_ASIDE: Final = {schema: f"{schema}_before_restore" for schema in SCHEMAS}
_SIGNS_OF_USE: Final = (User, AdAccount, LinkedInConnection, AuditEvent)


class RestoreRefused(Exception):
    """Nothing was changed; the message names the remedy."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back; `unreadable` are the LinkedIn connections whose tokens no key at hand opens."""

    made_at: str
    rows: int
    files: int
    unreadable: list[int]


def restore(path: Path, *, replace: bool) -> Restored:
    """Restore the file; tables of an older version are brought up to date.

    Raises RestoreRefused, backup_file.BackupUnusable and postgresql_programs.ProgramMissing.
    """
    manifest = backup_file.check(path)
    _require_known_migrations(path, manifest)
    _require_nobody_else()
    _put_back_what_waits()
    if not replace:
        _require_empty()
    with _tables_aside():
        _restore_database(path, manifest)
        files = _restore_files(path)
    call_command("migrate", verbosity=0)
    marks.restart()
    bi_roles.give_rights_again()
    _refresh_statistics()
    rows = sum(manifest.rows.values())
    audit_trail.record("backup_restored", made_at=manifest.made_at, rows=rows, files=files, by="command")
    return Restored(manifest.made_at, rows, files, tokens.unreadable())


def _require_known_migrations(path: Path, manifest: Manifest) -> None:
    known = set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
    if unknown := [f"{app}.{name}" for app, name in manifest.migrations if (app, name) not in known]:
        raise RestoreRefused(
            f"{path} was made by version {manifest.product_version}, whose tables this one does not know "
            f"({unknown[-1]}); restore it with that version or a newer one. Nothing was changed."
        )


def _require_nobody_else() -> None:
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
            f"This installation is in use ({what}); restore into an empty one, or add --replace to throw away "
            "everything that is here. Nothing was changed."
        )


@contextmanager
def _tables_aside() -> Iterator[None]:
    """Within, the schema is empty; afterwards the tables that were there are gone, or back if anything failed."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        for schema in _there(SCHEMAS):
            cursor.execute(f"ALTER SCHEMA {schema} RENAME TO {_ASIDE[schema]}")
    try:
        yield
    except BaseException:
        _put_back_what_waits()
        raise
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {', '.join(_there(_ASIDE.values()))} CASCADE")


def _put_back_what_waits() -> None:
    """Also after a restore that was killed."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        if waiting := _there(_ASIDE.values()):
            cursor.execute(f"DROP SCHEMA IF EXISTS {', '.join(SCHEMAS)} CASCADE")
            for schema in SCHEMAS:
                if _ASIDE[schema] in waiting:
                    cursor.execute(f"ALTER SCHEMA {_ASIDE[schema]} RENAME TO {schema}")


def _there(schemas: Iterable[str]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", [list(schemas)])
        return [name for (name,) in cursor.fetchall()]


def _restore_database(path: Path, manifest: Manifest) -> None:
    for name, content in backup_file.parts(path):
        if name == backup_file.DUMP:
            _load(content)
            break
    with connection.cursor() as cursor:
        # As PostgreSQL makes it; the dump says nothing of owners and grants.
        cursor.execute("ALTER SCHEMA public OWNER TO pg_database_owner")
        cursor.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
    if count_rows() != manifest.rows:
        raise RestoreRefused("Some rows of the backup did not arrive; take another backup. Nothing was changed.")


def _load(dump: IO[bytes]) -> None:
    command = postgresql_programs.command(
        "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"
    )
    with tempfile.TemporaryFile() as said:
        program = subprocess.Popen(command, env=postgresql_programs.environment(), stdin=subprocess.PIPE, stderr=said)
        try:
            with cast("IO[bytes]", program.stdin) as stdin:
                backup_file.copy_chunks(dump, stdin.write)
        except BrokenPipeError:
            pass  # it says itself why it ended
        if program.wait() != 0:
            said.seek(0)
            why = said.read().decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise RestoreRefused(f"pg_restore failed ({why[0]}); mend that and try again. Nothing was changed.")


def _restore_files(path: Path) -> int:
    """The files of the backup and no others."""
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
    """A dump has none, and without them plans are guesses and counts zero."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
