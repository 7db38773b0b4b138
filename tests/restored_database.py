"""The database of `pytest --restored`: made by the product's own backup and restore, instead of by migrations.

A synced installation is backed up and restored into a database that holds nothing; `--backup FILE` restores the
backup of another one instead, such as an earlier version's. Its rows go, as after any test that commits; what stays is
what the tests rely on then: indexes, constraints, triggers, sequences and views as a restore leaves them.
"""

from contextlib import ExitStack
from pathlib import Path

from django.core.management import call_command
from django.db import connection

from reporting.models import ReportingRole
from tests.reporting.two_installations import backed_up, restored, synced
from tests.second_database import in_another_database

_SEQUENCES = """
SELECT owner.oid::regclass::text, attname, sequence.oid::regclass::text
FROM pg_class AS sequence
JOIN pg_depend AS depend ON depend.objid = sequence.oid AND depend.deptype IN ('a', 'i')
JOIN pg_class AS owner ON owner.oid = depend.refobjid
JOIN pg_attribute ON attrelid = owner.oid AND attnum = depend.refobjsubid
WHERE sequence.relkind = 'S'
"""


def put_in_place(folder: Path, *, backup: Path | None) -> str:
    """The restored database under the name of the one that migrations made; gives the restore's own summary."""
    own = connection.settings_dict["NAME"]
    with ExitStack() as installations:
        if backup is None:
            installations.enter_context(synced(folder / "synced"))
            backup = backed_up(folder)
        summary = installations.enter_context(restored(backup, folder))
        _assert_next_numbers_are_free()
        _forget_roles()
        made = connection.settings_dict["NAME"]
        in_another_database(f'DROP DATABASE "{own}" WITH (FORCE)', f'ALTER DATABASE "{made}" RENAME TO "{own}"')
    return summary


def remove_rows() -> None:
    """As after a test that commits: sequences go on from where they are."""
    call_command("flush", verbosity=0, interactive=False, reset_sequences=False)


def _assert_next_numbers_are_free() -> None:
    """Only before the rows go can it be seen that a restored sequence stands where it stood."""
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES)
        for table, column, sequence in cursor.fetchall():
            cursor.execute(f"SELECT nextval(%s) > coalesce(max({column}), 0) FROM {table}", [sequence])
            assert cursor.fetchone() == (True,), f"{sequence} gives numbers that {table} has already"


def _forget_roles() -> None:
    """They belong to the whole server and cannot be dropped while another database gives them rights."""
    with connection.cursor() as cursor:
        for role in ReportingRole.objects.all():
            cursor.execute(f'DROP OWNED BY "{role.pk}"')
