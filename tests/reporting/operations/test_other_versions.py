"""A backup restores on every supported PostgreSQL, older ones included, or is not made."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from accounts.models import AdAccount
from reporting.operations import backup_file, postgresql_programs
from tests.ingestion.simulated import simulated_linkedin
from tests.other_postgresql import OLDER_VERSIONS, connected_to_version
from tests.second_database import connected_to, contents, second_database, sequences
from tests.upgraded import contents as contents_of_version
from tests.upgraded import missing_rows, unpacked

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
# A restore records itself.
_CHANGED = tuple(
    name + suffix for name in ("audit_events", "audit_alerts", "audit_deliveries") for suffix in ("", "_id_seq")
)


@pytest.fixture(autouse=True)
def files(snapshot_folder: Path) -> Path:
    return snapshot_folder


def run(command: str, path: Path, **options: object) -> None:
    call_command(command, path, stdout=io.StringIO(), stderr=io.StringIO(), **options)


def stored() -> tuple[dict[str, tuple[int, str]], dict[str, int]]:
    found = contents(), sequences()
    for name in _CHANGED:
        for part in found:
            part.pop(name, None)
    return found


@pytest.mark.parametrize("major", OLDER_VERSIONS)
def test_a_backup_of_18_restores_on_an_older_version_and_back(settings, tmp_path, major):
    with simulated_linkedin(settings, ad_accounts=1) as linkedin:
        linkedin.connect()
        assert linkedin.sync(first_day=linkedin.today - timedelta(days=20)).status == "success"
        before = stored()
        run("backup", tmp_path / "of18.tar")
        assert backup_file.check(tmp_path / "of18.tar").server_version >= 180_000
        with connected_to_version(major):
            run("restore", tmp_path / "of18.tar")
            assert stored() == before
            call_command("migrate", check_unapplied=True, verbosity=0)
            linkedin.assert_stored(linkedin.today - timedelta(days=20))
            assert linkedin.sync(force=True).status == "success"
            run("restore", tmp_path / "of18.tar", replace=True)
            assert stored() == before
            run("backup", tmp_path / "of_older.tar")
        with second_database(migrated=False) as second, connected_to(second):
            run("restore", tmp_path / "of_older.tar")
            assert stored() == before


@pytest.mark.parametrize("major", OLDER_VERSIONS)
def test_a_backup_of_the_first_version_restores_on_an_older_postgresql(tmp_path, major):
    held = contents_of_version()
    with override_settings(FIELD_ENCRYPTION_KEYS=[held.encryption_key]), connected_to_version(major):
        run("restore", unpacked(tmp_path))
        for table in ("campaigns", "creatives", "campaign_daily_metrics", "audience_demographics", "users"):
            assert not missing_rows(table, **held.tables[table]), table


@pytest.mark.parametrize(
    ("change", "undo", "said"),
    [
        (
            "ALTER TABLE campaigns ADD shouted text GENERATED ALWAYS AS (upper(name)) VIRTUAL",
            "ALTER TABLE campaigns DROP shouted",
            "campaigns has the virtual generated column shouted",
        ),
        (
            "ALTER TABLE campaigns ADD CONSTRAINT named CHECK (name <> '') NOT ENFORCED",
            "ALTER TABLE campaigns DROP CONSTRAINT named",
            "campaigns has the constraint named, which is not enforced",
        ),
        (
            "ALTER TABLE campaigns ADD extra text, ADD CONSTRAINT later NOT NULL extra NOT VALID",
            "ALTER TABLE campaigns DROP extra",
            "campaigns has the constraint later, which is not valid or not inherited",
        ),
        (
            'ALTER TABLE campaigns ADD sorted text COLLATE "pg_c_utf8"',
            "ALTER TABLE campaigns DROP sorted",
            "campaigns has a column with the collation pg_c_utf8",
        ),
        (
            "ALTER TABLE campaigns SET (autovacuum_vacuum_max_threshold = 1000)",
            "ALTER TABLE campaigns RESET (autovacuum_vacuum_max_threshold)",
            "campaigns has the setting autovacuum_vacuum_max_threshold",
        ),
    ],
    ids=["virtual column", "not enforced", "not valid", "collation", "setting"],
)
def test_a_backup_that_an_older_version_could_not_restore_is_not_made(tmp_path, change, undo, said):
    execute(change)
    try:
        with pytest.raises(CommandError, match=rf"could not be restored on PostgreSQL 16: {said}.*Undo that"):
            run("backup", tmp_path / "backup.tar")
        assert not (tmp_path / "backup.tar").exists()
    finally:
        execute(undo)


def test_a_dump_newer_than_every_program_here_is_named(tmp_path, monkeypatch):
    run("backup", tmp_path / "backup.tar")
    found = postgresql_programs._found
    monkeypatch.setattr(
        postgresql_programs, "_found", lambda name: {16: found(name)[16]} if name == "pg_restore" else found(name)
    )
    with pytest.raises(CommandError, match=r"There is no pg_restore for PostgreSQL 18 here; install"):
        run("restore", tmp_path / "backup.tar", replace=True)
    assert AdAccount.objects.count() == 0


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
