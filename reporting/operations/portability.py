"""Whether a dump of our tables can be restored on every supported PostgreSQL, and what it needs there.

The migrations keep to what all of them know. What an operator has added to our tables may not: it stops a backup,
because a restore that fails is noticed too late. Source: release notes of PostgreSQL 17 and 18, read 2026-11-28.
"""

from typing import Final

from django.db import connection

from reporting.operations.database_objects import DatabaseObject, others, ours

OLDEST_SUPPORTED: Final = 16

# to_jsonb, because these columns of the system catalogue are as new as what they describe.
_TOO_NEW: Final = """
WITH ours AS (SELECT oid, relkind, relname, reloptions FROM pg_class WHERE oid = ANY(%(tables)s::regclass[]))
SELECT relname || ' has the virtual generated column ' || attname, 18
FROM ours JOIN pg_attribute ON attrelid = oid WHERE attgenerated = 'v' AND NOT attisdropped
UNION ALL
SELECT relname || ' has a column with the collation ' || collname, 17
FROM ours JOIN pg_attribute ON attrelid = ours.oid JOIN pg_collation ON pg_collation.oid = attcollation
WHERE collname IN ('pg_c_utf8', 'pg_unicode_fast') AND collnamespace = 'pg_catalog'::regnamespace
    AND NOT attisdropped
UNION ALL
SELECT relname || ' has the constraint ' || conname || ', which is not enforced', 18
FROM ours JOIN pg_constraint AS one ON conrelid = ours.oid WHERE to_jsonb(one) ->> 'conenforced' = 'false'
UNION ALL
SELECT relname || ' has the constraint ' || conname || ' on periods', 18
FROM ours JOIN pg_constraint AS one ON conrelid = ours.oid WHERE to_jsonb(one) ->> 'conperiod' = 'true'
UNION ALL
SELECT relname || ' has the constraint ' || conname || ', which is not valid or not inherited', 18
FROM ours JOIN pg_constraint ON conrelid = ours.oid WHERE contype = 'n' AND (NOT convalidated OR connoinherit)
UNION ALL
SELECT relname || ' has partitions and the exclusion constraint ' || conname, 17
FROM ours JOIN pg_constraint ON conrelid = ours.oid WHERE contype = 'x' AND relkind = 'p'
UNION ALL
SELECT relname || ' has the setting ' || split_part(option, '=', 1), 18
FROM ours, unnest(reloptions) AS option
WHERE split_part(option, '=', 1) IN ('autovacuum_vacuum_max_threshold', 'vacuum_max_eager_freeze_failure_rate')
ORDER BY 1
"""

# Parts of our tables (indexes, constraints, triggers, defaults) that rest on something else than ours.
_NEEDS: Final = """
WITH RECURSIVE parts AS (
    SELECT 'pg_class'::regclass AS classid, oid::oid AS objid FROM unnest(%(tables)s::regclass[]) AS oid
    UNION
    SELECT part.classid::regclass, part.objid FROM parts
    JOIN pg_depend AS part ON part.refclassid = parts.classid AND part.refobjid = parts.objid
        AND part.deptype IN ('a', 'i')
)
SELECT DISTINCT needed.type || ' ' || needed.identity
FROM parts JOIN pg_depend AS needs USING (classid, objid)
LEFT JOIN pg_depend AS member
    ON member.classid = needs.refclassid AND member.objid = needs.refobjid AND member.deptype = 'e'
CROSS JOIN LATERAL pg_identify_object(
    coalesce(member.refclassid, needs.refclassid), coalesce(member.refobjid, needs.refobjid), 0
) AS needed
WHERE needs.deptype = 'n' AND (member.refobjid IS NOT NULL OR needed.type || ' ' || needed.identity = ANY(%(others)s))
ORDER BY 1
"""


def too_new() -> list[str]:
    """What in our tables an older supported PostgreSQL does not know, as sentences."""
    with connection.cursor() as cursor:
        cursor.execute(_TOO_NEW, {"tables": _tables(ours())})
        return [f"{what}, which only PostgreSQL {since} and newer know" for what, since in cursor.fetchall()]


def needs() -> list[str]:
    """What has to be there before a restore, such as the extension of an index that an operator has added."""
    with connection.cursor() as cursor:
        cursor.execute(_NEEDS, {"tables": _tables(ours()), "others": [str(one) for one in others()]})
        return [needed for (needed,) in cursor.fetchall()]


def _tables(objects: list[DatabaseObject]) -> list[str]:
    return [one.identity for one in objects if one.kind == "table"]
