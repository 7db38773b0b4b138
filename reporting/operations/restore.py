"""Restores a backup into an empty installation, or replaces an existing one on request.

Our existing tables and views are moved aside and dropped last, so a failed restore changes nothing, and a killed one is
undone by the next. What others have in the same schemas stays where it is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from django.core.files import File
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.loader import MigrationLoader

from accounts import audit_trail
from accounts.consents import tokens
from accounts.models import AdAccount, AuditEvent, LinkedInConnection, User
from reporting.change_feed import marks
from reporting.operations import backup_file, bi_roles, dump_loading, stored_files
from reporting.operations.backup import count_rows, tables
from reporting.operations.backup_file import Manifest
from reporting.operations.database_objects import (
    SCHEMAS,
    DatabaseObject,
    LeftOut,
    in_schemas,
    made_by,
    others,
    ours,
)

# The names of the replaced schemas until the restore has succeeded.
_ASIDE: Final = {schema: f"{schema}_before_restore" for schema in SCHEMAS}
_SIGNS_OF_USE: Final = (User, AdAccount, LinkedInConnection, AuditEvent)


class RestoreRefused(Exception):
    """Nothing was changed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored; `unreadable` are LinkedIn connections whose tokens no available key decrypts.

    `untouched` is what others have in the same schemas.
    """

    made_at: str
    rows: int
    files: int
    unreadable: list[int]
    untouched: list[str]


def restore(path: Path, *, replace: bool) -> Restored:
    """Restore the file; tables of an older version are migrated.

    Raises RestoreRefused, backup_file.BackupUnusable and postgresql_programs.ProgramMissing.
    """
    manifest = backup_file.check(path)
    _require_known_migrations(path, manifest)
    _require_exclusive_access()
    _put_back_what_waits()
    if not replace:
        _require_empty()
    _require_names_are_free(manifest)
    _require_nothing_rests_on_ours()
    with _ours_aside():
        _restore_database(path, manifest)
        files = _restore_files(path)
    call_command("migrate", verbosity=0)
    marks.restart()
    bi_roles.give_rights_again()
    _refresh_statistics()
    rows = sum(manifest.rows.values())
    audit_trail.record("backup_restored", made_at=manifest.made_at, rows=rows, files=files, by="command")
    untouched = [str(one) for one in others() if not one.is_owned]
    return Restored(manifest.made_at, rows, files, tokens.unreadable(), untouched)


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


def _require_names_are_free(manifest: Manifest) -> None:
    """Others may have a table that is called like one of ours, in a database that we have not used yet."""
    tables = made_by((app, name) for app, name in manifest.migrations)
    if taken := [str(one) for one in others() if one.schema == "public" and one.name in tables]:
        raise RestoreRefused(
            f"The backup has a table of the same name as {', '.join(taken)}, which this product did not make; move "
            "that to another schema, or restore into another database. Nothing was changed."
        )


def _require_nothing_rests_on_ours() -> None:
    """A view of others on our tables, or a reference to one, would go with them."""
    try:
        with transaction.atomic():
            _drop(ours())
            transaction.set_rollback(True)
    except DatabaseError as error:
        if not isinstance(error.__cause__, psycopg.errors.DependentObjectsStillExist):
            raise
        found = (error.__cause__.diag.message_detail or "").splitlines()
        raise RestoreRefused(
            f"Others use what is to be replaced: {'; '.join(found)}. Keep their definitions, drop them, restore, and "
            "create them again. Nothing was changed."
        ) from None


def _drop(objects: Sequence[DatabaseObject]) -> None:
    """These alone: PostgreSQL refuses if anything else depends on them."""
    with connection.cursor() as cursor:
        for kind in ("view", "table", "function"):
            if names := [one.identity for one in objects if one.kind == kind]:
                cursor.execute(f"DROP {kind} {', '.join(names)}")


@contextmanager
def _ours_aside() -> Iterator[None]:
    """Inside, nothing of ours exists; afterwards the old objects are dropped, or back if anything failed."""
    _move({schema: _ASIDE[schema] for schema in SCHEMAS}, ours())
    try:
        yield
    except BaseException:
        _put_back_what_waits()
        raise
    with transaction.atomic(durable=True):
        _drop(in_schemas(_ASIDE.values()))
        _drop_empty(_ASIDE.values())


def _put_back_what_waits() -> None:
    """Also after a killed restore."""
    if not _existing(_ASIDE.values()):
        return
    with transaction.atomic(durable=True):
        _drop(ours())
        _move({aside: schema for schema, aside in _ASIDE.items()}, in_schemas(_ASIDE.values()))
        _drop_empty(_ASIDE.values())


def _move(schemas: Mapping[str, str], objects: Sequence[DatabaseObject]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for schema in schemas.values():
            if not _existing([schema]):
                cursor.execute(f"CREATE SCHEMA {schema}")
        for one in objects:
            if not one.is_owned:
                cursor.execute(f"ALTER {one.kind} {one.identity} SET SCHEMA {schemas[one.schema]}")


def _drop_empty(schemas: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        if found := _existing(schemas):
            cursor.execute(f"DROP SCHEMA {', '.join(found)}")


def _existing(schemas: Iterable[str]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", [list(schemas)])
        return [name for (name,) in cursor.fetchall()]


def _restore_database(path: Path, manifest: Manifest) -> None:
    for schema in SCHEMAS:
        _make_schema(schema)
    passed_over = {*(LeftOut(*one) for one in manifest.left_out), *(one.left_out() for one in others())}
    try:
        dump_loading.load(
            lambda: backup_file.part(path, backup_file.DUMP), made_with=manifest.made_with, without=passed_over
        )
    except dump_loading.DumpNotLoaded as error:
        raise RestoreRefused(f"{error}; fix this and try again. Nothing was changed.") from None
    names = {one.name for one in passed_over}
    if count_rows() != {table: count for table, count in manifest.rows.items() if table not in names}:
        raise RestoreRefused("Some rows of the backup were not restored; use another backup. Nothing was changed.")


def _make_schema(schema: str) -> None:
    if _existing([schema]):
        return
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {schema}")
        if schema == "public":
            # As PostgreSQL makes it.
            cursor.execute("ALTER SCHEMA public OWNER TO pg_database_owner")
            cursor.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")


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
