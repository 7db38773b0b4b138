"""Which objects in the database's schemas are this product's, and which belong to others who use them too.

A database may hold more than this product: tables of a colleague, a view on ours, an extension. A backup leaves those
out, and a restore touches none of them.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from reporting.operations.bi_view_columns import views

# The tables, and the views for BI tools.
SCHEMAS: Final = ("public", "reporting")
# Those beside the tables that reporting/migrations/sql/views_for_bi.sql makes; the others are in bi_view_columns.py.
_VIEWS: Final = ("public.reporting_visible_ad_accounts", "public.reporting_synced_ad_accounts")
# Those of accounts/migrations/0008_the_audit_trail_is_append_only.py and of deploy/partitions_by_month.sql.
_FUNCTIONS: Final = (
    "public.refuse_to_change_audit_events",
    "public.make_months",
    "public.partition_by_month",
    # Those of reporting/migrations/sql/change_feed.sql.
    "public.change_mark_offset",
    "public.change_mark",
    "public.change_horizon",
    "reporting.change_horizon",
    "public.restart_change_feed",
    "public.set_change_mark",
    "public.remember_deleted_rows",
    "public.restart_change_feed_after_move",
    "public.add_to_change_feed",
    # That of reporting/migrations/0016_exports.py.
    "public.keep_exports_to_their_states",
)


_WITH_ARGUMENTS: Final = ("function", "procedure", "aggregate")


@dataclass(frozen=True, slots=True, order=True)
class DatabaseObject:
    """One object of a schema; `identity` is quoted, as a statement names it. An owned sequence goes with its table."""

    kind: str
    schema: str
    name: str
    identity: str
    is_ours: bool
    is_owned: bool

    def __str__(self) -> str:
        return f"{self.kind} {self.identity}"

    def left_out(self) -> "LeftOut":
        return LeftOut(self.kind, self.schema, self.name)


class LeftOut(NamedTuple):
    """What a restore passes over, as the manifest of a backup names it."""

    kind: str
    schema: str
    name: str

    def beginnings(self) -> tuple[str, ...]:
        """How entries of a dump begin that are about it: itself, its columns, its constraints and triggers."""
        ends = ("(",) if self.kind in _WITH_ARGUMENTS else (" ", ".")
        return tuple(self.name + end for end in ends)


# A partition, and a sequence that a table owns, belong to whom the table belongs. What an extension brought is the
# extension's affair.
_OBJECTS: Final = """
WITH RECURSIVE our_tables AS (
    SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace('public') AND relname = ANY(%(tables)s)
        AND relkind IN ('r', 'p')
    UNION
    SELECT inhrelid FROM our_tables JOIN pg_inherits ON inhparent = our_tables.oid
        JOIN pg_class ON pg_class.oid = inhrelid AND relispartition
)
SELECT object.type, held.schema, coalesce(object.name, relname, proname, typname, object.identity), object.identity,
       our_tables.oid IS NOT NULL, owner.refobjid IS NOT NULL
FROM (
    SELECT classid, objid, nspname::text AS schema
    FROM pg_depend JOIN pg_namespace ON refclassid = 'pg_namespace'::regclass AND refobjid = pg_namespace.oid
    WHERE nspname = ANY(%(schemas)s) AND deptype = 'n' AND classid <> 'pg_default_acl'::regclass
) AS held
CROSS JOIN LATERAL pg_identify_object(held.classid, held.objid, 0) AS object
LEFT JOIN pg_class ON held.classid = 'pg_class'::regclass AND pg_class.oid = held.objid
LEFT JOIN pg_proc ON held.classid = 'pg_proc'::regclass AND pg_proc.oid = held.objid
LEFT JOIN pg_type ON held.classid = 'pg_type'::regclass AND pg_type.oid = held.objid
LEFT JOIN pg_depend AS owner ON relkind = 'S' AND owner.classid = held.classid AND owner.objid = held.objid
    AND owner.refclassid = 'pg_class'::regclass AND owner.deptype IN ('a', 'i')
LEFT JOIN our_tables ON our_tables.oid = coalesce(owner.refobjid, pg_class.oid)
WHERE NOT EXISTS (
    SELECT FROM pg_depend AS member
    WHERE member.classid = held.classid AND member.objid = held.objid AND member.deptype = 'e'
)
ORDER BY 1, 4
"""


def in_schemas(schemas: Collection[str] = SCHEMAS) -> list[DatabaseObject]:
    """Everything in these schemas; ours are those that the applied migrations made."""
    names = {f"public.{name}" for name in made_by(MigrationRecorder(connection).applied_migrations())}
    with connection.cursor() as cursor:
        cursor.execute(_OBJECTS, {"schemas": list(schemas), "tables": [name.removeprefix("public.") for name in names]})
        return [
            DatabaseObject(kind, schema, _unquoted(name), identity, is_ours or _is_named(kind, schema, name), is_owned)
            for kind, schema, name, identity, is_ours, is_owned in cursor.fetchall()
        ]


def ours() -> list[DatabaseObject]:
    return [one for one in in_schemas() if one.is_ours]


def others() -> list[DatabaseObject]:
    return [one for one in in_schemas() if not one.is_ours]


def made_by(migrations: Iterable[tuple[str, str]]) -> set[str]:
    """Names of the tables that these migrations make; those that this version does not know count for nothing."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    known = [node for node in migrations if node in loader.graph.nodes]
    if not known:
        return set()
    models = loader.project_state(known).apps.get_models(include_auto_created=True)
    made = {model._meta.db_table for model in models if model._meta.managed and not model._meta.proxy}
    return made | {MigrationRecorder(connection).Migration._meta.db_table}


def _is_named(kind: str, schema: str, name: str) -> bool:
    """A view or function that we know by its name."""
    path = f"{schema}.{name}"
    if kind == "view":
        return path in _VIEWS or path in {view.path for view in views()}
    return kind == "function" and path in _FUNCTIONS


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
