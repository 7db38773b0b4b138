"""PostgreSQL roles for BI tools; the only writer of `reporting_roles`.

A role may read the views of the schema `reporting`, for the ad accounts in its row, and nothing else; none is made if
PUBLIC has rights that would let it do more. Missing rights are what limits it; its read-only transactions are only a
convenience. `bi_limits.py` holds it to its time-outs.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from accounts import audit_trail
from accounts.models import AdAccount
from reporting.models import ReportingRole
from reporting.operations import bi_limits

SCHEMA = "reporting"
_CONNECTIONS = 20
_GIVE = (
    "GRANT USAGE ON SCHEMA reporting TO {}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA reporting GRANT SELECT ON TABLES TO {}",
)
_TAKE = (
    "ALTER DEFAULT PRIVILEGES IN SCHEMA reporting REVOKE SELECT ON TABLES FROM {}",
    "REVOKE ALL ON ALL TABLES IN SCHEMA reporting FROM {}",
    "REVOKE ALL ON SCHEMA reporting FROM {}",
)
# Tables that PUBLIC may use, and schemas it may create them in; those of extensions are ignored.
_OTHER_RIGHTS = """
SELECT format('REVOKE ALL ON %%s FROM PUBLIC', relation.oid::regclass)
FROM pg_class AS relation JOIN pg_namespace AS schema ON schema.oid = relation.relnamespace
WHERE schema.nspname NOT IN ('reporting', 'information_schema') AND schema.nspname !~ '^pg_'
  AND relation.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (has_any_column_privilege(%(name)s, relation.oid, 'SELECT, INSERT, UPDATE')
       OR has_table_privilege(%(name)s, relation.oid, 'DELETE, TRUNCATE'))
  AND NOT EXISTS (SELECT FROM pg_depend AS depend WHERE depend.objid = relation.oid AND depend.deptype = 'e')
UNION ALL
SELECT format('REVOKE CREATE ON SCHEMA %%I FROM PUBLIC', nspname)
FROM pg_namespace WHERE nspname !~ '^pg_' AND has_schema_privilege(%(name)s, oid, 'CREATE')
ORDER BY 1
"""
# Large objects belong to no schema: any role may store as many as the disk holds, read-only transactions or not.
_LARGE_OBJECT_RIGHTS = """
SELECT format('REVOKE EXECUTE ON FUNCTION pg_catalog.%%s FROM PUBLIC', function.oid::regprocedure)
FROM pg_proc AS function
WHERE function.pronamespace = 'pg_catalog'::regnamespace
  AND function.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import', 'lo_put', 'lo_truncate',
                           'lo_truncate64', 'lowrite')
  AND has_function_privilege(%(name)s, function.oid, 'EXECUTE')
ORDER BY 1
"""


class RoleRefused(Exception):
    """The role cannot be created, changed or dropped; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Saved:
    """The outcome. `password` is set only if it was generated now; `ad_account_ids` of None means all."""

    is_new: bool
    password: str | None
    ad_account_ids: Sequence[int] | None


def save(
    name: str,
    *,
    ad_account_ids: Sequence[int] = (),
    every_ad_account: bool = False,
    password: str | None = None,
    new_password: bool = False,
    allow_large_objects: bool = False,
) -> Saved:
    """Create a role, or change one that was created here. Raises RoleRefused.

    Without ad accounts, a new role reads all of them and an existing one keeps what it reads. `allow_large_objects` is
    for servers that let nobody take that right from everybody.
    """
    with _refusals(), transaction.atomic():
        stored = ReportingRole.objects.select_for_update().filter(pk=name).first()
        is_new = not _exists(name)
        if not is_new and stored is None:
            raise RoleRefused(f"The role {name} exists and was not created here; choose another name, or drop it.")
        reads: Sequence[int] | None = _known(ad_account_ids)
        if not reads:
            reads = None if every_ad_account or stored is None else stored.ad_account_ids
        made = secrets.token_urlsafe(24) if password is None and (is_new or new_password) else None
        _give_rights(name, password or made, is_new=is_new, allow_large_objects=allow_large_objects)
        ReportingRole.objects.update_or_create(pk=name, defaults={"ad_account_ids": reads})
        change = "made" if is_new else "changed"
        _record(change, name, ad_accounts="all" if reads is None else reads)
    return Saved(is_new=is_new, password=made, ad_account_ids=reads)


def drop(name: str) -> None:
    """Drop a role that was created here. Raises RoleRefused."""
    with _refusals(), transaction.atomic():
        if not ReportingRole.objects.filter(pk=name).delete()[0]:
            raise RoleRefused(f"There is no role {name} that was created here; nothing was dropped.")
        if _exists(name):
            for statement in (*_TAKE, f"REVOKE CONNECT ON DATABASE {_database()} FROM {{}}", "DROP ROLE {}"):
                _execute(statement, name)
        _record("dropped", name, ad_accounts="none")


def give_rights_again() -> None:
    """After a restore, which recreates the views, for the roles that exist on this server."""
    with transaction.atomic():
        for name in filter(_exists, ReportingRole.objects.values_list("pk", flat=True)):
            for statement in _GIVE:
                _execute(statement, name)
            _close_large_objects(name)


def _give_rights(name: str, password: str | None, *, is_new: bool, allow_large_objects: bool) -> None:
    _execute(f"{'CREATE' if is_new else 'ALTER'} ROLE {{}} LOGIN CONNECTION LIMIT {_CONNECTIONS}", name)
    if password is not None:
        _execute("ALTER ROLE {} PASSWORD {}", name, sql.Literal(_verifier(name, password)))
    bi_limits.apply_settings(name)
    for statement in _GIVE:
        _execute(statement, name)
    _let_us_end_its_sessions(name)
    if not _query("SELECT has_database_privilege(%s, current_database(), 'CONNECT')", [name])[0][0]:
        _execute(f"GRANT CONNECT ON DATABASE {_database()} TO {{}}", name)
    if revoke := [statement for (statement,) in _query(_OTHER_RIGHTS, {"name": name})]:
        raise RoleRefused(
            f"{name} could do more than read the views. As an administrator run `{'; '.join(revoke)}`, then try again."
        )
    if (revoke := _close_large_objects(name)) and not allow_large_objects:
        raise RoleRefused(
            f"{name} could fill the disk with large objects. As an administrator run `{'; '.join(revoke)}`, then try"
            " again. If the server does not let you, --allow-large-objects accepts that."
        )


def _close_large_objects(name: str) -> list[str]:
    """Revoke what lets everybody store them where the database is ours alone; returns what is left to be revoked."""
    found = [statement for (statement,) in _query(_LARGE_OBJECT_RIGHTS, {"name": name})]
    if not settings.EMBEDDED_SERVERS.postgresql:
        return found
    for statement in found:
        _execute(statement, name)
    return [statement for (statement,) in _query(_LARGE_OBJECT_RIGHTS, {"name": name})]


def _let_us_end_its_sessions(name: str) -> None:
    """Whoever creates a role may administer it, and no more; `bi_limits.py` has to see and end what it runs."""
    if not _query("SELECT pg_has_role(%s, 'USAGE')", [name])[0][0]:
        _execute("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET FALSE", name)


def _verifier(name: str, password: str) -> str:
    """What PostgreSQL stores of a password, so that the password itself is in no statement and no log."""
    connection.ensure_connection()
    digest = connection.connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    return bytes(digest).decode()


def _known(ad_account_ids: Sequence[int]) -> list[int]:
    wanted = sorted(set(ad_account_ids))
    known = set(AdAccount.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    if unknown := [one for one in wanted if one not in known]:
        raise RoleRefused(f"Ad account {unknown[0]} is not known; `manage.py status` lists those that are.")
    return wanted


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.errors.DependentObjectsStillExist):
            raise RoleRefused(
                f"The role still owns something ({cause.diag.message_detail}). Close its connections, remove these"
                " objects in other databases, then try again."
            ) from error
        if isinstance(cause, psycopg.errors.InsufficientPrivilege):
            [(user,)] = _query("SELECT current_user", None)
            raise RoleRefused(
                f"PostgreSQL refused this ({cause.diag.message_primary}). As an administrator run"
                f' `ALTER ROLE "{user}" CREATEROLE`, then try again; a role of another database user is theirs'
                " to change."
            ) from error
        raise


def _exists(name: str) -> bool:
    return bool(_query("SELECT FROM pg_roles WHERE rolname = %s", [name]))


def _database() -> str:
    return sql.Identifier(str(connection.settings_dict["NAME"])).as_string()


def _record(change: str, name: str, *, ad_accounts: str | Sequence[int]) -> None:
    audit_trail.record("reporting_role_changed", change=change, role=name, ad_accounts=ad_accounts, by="command")


def _query(statement: str, params: Sequence[str] | Mapping[str, str] | None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def _execute(statement: str, name: str, *values: sql.Literal) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(sql.Identifier(name), *values).as_string())
