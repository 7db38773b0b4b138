"""What others have in the same database is left out of a backup, named, and never dropped by a restore."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import AdAccount
from reporting.operations import database_objects
from tests.builders import make_ad_account
from tests.second_database import connected_to, in_another_database, second_database
from tests.upgraded import unpacked

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

OTHERS = """
CREATE EXTENSION vector;
CREATE TABLE "Notes of sales" (id serial PRIMARY KEY, text text, place vector(3));
INSERT INTO "Notes of sales" (text, place) VALUES ('call back', '[1,2,3]');
CREATE VIEW busy_sales AS SELECT text FROM "Notes of sales";
CREATE FUNCTION of_sales(integer) RETURNS integer LANGUAGE sql RETURN $1 + 1;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE reporting.of_a_bi_tool (mood public.mood DEFAULT 'good', day date);
INSERT INTO reporting.of_a_bi_tool VALUES ('bad', '2026-11-21');
"""
NAMES = [
    "extension vector",
    "function public.of_sales(integer)",
    'table public."Notes of sales"',
    "table reporting.of_a_bi_tool",
    "type public.mood",
    "view public.busy_sales",
]


@pytest.fixture(autouse=True)
def files(snapshot_folder: Path) -> Path:
    return snapshot_folder


@pytest.fixture
def shared() -> Iterator[None]:
    """A database that others use too."""
    with second_database(migrated=True) as second, connected_to(second):
        execute(OTHERS)
        yield


def run(command: str, path: Path, **options: Any) -> str:
    """What it wrote on standard error."""
    err = io.StringIO()
    call_command(command, path, stdout=io.StringIO(), stderr=err, **options)
    return err.getvalue()


def execute(statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statements)


def rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def assert_others_have_everything() -> None:
    assert rows('SELECT text, place::text, of_sales(id) FROM "Notes of sales"') == [("call back", "[1,2,3]", 2)]
    assert rows("SELECT * FROM busy_sales") == [("call back",)]
    assert rows("SELECT mood::text, day::text FROM reporting.of_a_bi_tool") == [("bad", "2026-11-21")]


def test_everything_that_the_migrations_made_is_known_as_ours():
    """A migration that makes a view or a function has to name it in database_objects.py."""
    assert [str(one) for one in database_objects.others()] == []
    assert len(database_objects.ours()) > 60


def test_a_backup_names_what_it_leaves_out(shared, tmp_path):
    assert run("backup", tmp_path / "backup.tar") == (
        f"Left out, because this product did not make it: {', '.join(NAMES)}.\n"
    )


@pytest.mark.parametrize("replace", [True, False], ids=["in use", "empty"])
def test_a_restore_leaves_others_alone(shared, tmp_path, replace):
    if replace:
        make_ad_account(name="Backed up")
    run("backup", tmp_path / "backup.tar")
    AdAccount.objects.update(name="Newer")
    if not replace:
        execute("ALTER TABLE audit_events DISABLE TRIGGER ALL; DELETE FROM audit_events")
    said = run("restore", tmp_path / "backup.tar", replace=replace)
    assert said == f"Not touched, because this product did not make it: {', '.join(NAMES)}.\n"
    assert_others_have_everything()
    assert [one.name for one in AdAccount.objects.all()] == (["Backed up"] if replace else [])
    assert rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE '%before_restore'") == []


@contextmanager
def third_database() -> Iterator[None]:
    """One that holds nothing; Django speaks to it within."""
    name = f"{connection.settings_dict['NAME']}_third"
    in_another_database(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"')
    try:
        with connected_to(name):
            yield
    finally:
        in_another_database(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_a_backup_made_beside_others_restores_where_they_are_not(shared, tmp_path):
    make_ad_account(name="Backed up")
    run("backup", tmp_path / "backup.tar")
    with third_database():
        assert run("restore", tmp_path / "backup.tar") == ""
        assert AdAccount.objects.get().name == "Backed up"
        assert database_objects.others() == []


def test_a_database_of_others_takes_a_backup(tmp_path):
    """Before this product was ever there."""
    make_ad_account(name="Backed up")
    run("backup", tmp_path / "backup.tar")
    with second_database(migrated=False) as second, connected_to(second):
        execute(f"CREATE SCHEMA reporting; {OTHERS}")
        run("restore", tmp_path / "backup.tar")
        assert_others_have_everything()
        assert AdAccount.objects.get().name == "Backed up"


def test_a_backup_of_the_first_version_restores_beside_others(tmp_path):
    with second_database(migrated=False) as second, connected_to(second):
        execute(f"CREATE SCHEMA reporting; {OTHERS}")
        run("restore", unpacked(tmp_path))
        assert_others_have_everything()
        assert AdAccount.objects.count() == 4


@pytest.mark.parametrize("replace", [True, False], ids=["replace", "empty"])
@pytest.mark.parametrize(
    ("made", "named"),
    [
        ("CREATE VIEW names AS SELECT name FROM campaigns", "view names depends on table campaigns"),
        ("CREATE MATERIALIZED VIEW names AS SELECT name FROM campaigns", "materialized view names depends on"),
        (
            "CREATE VIEW names AS SELECT * FROM reporting.reporting_account_daily",
            "view names depends on view reporting.reporting_account_daily",
        ),
        (
            "CREATE TABLE notes (campaign bigint CONSTRAINT of_ours REFERENCES campaigns)",
            "constraint of_ours on table notes depends on table campaigns",
        ),
        (
            "CREATE FUNCTION first_name(campaigns) RETURNS text LANGUAGE sql AS 'SELECT $1.name'",
            "function first_name.campaigns. depends on type campaigns",
        ),
    ],
    ids=["view", "materialized view", "view on a view", "reference", "function"],
)
def test_a_restore_that_would_drop_what_rests_on_ours_is_refused(tmp_path, made, named, replace):
    run("backup", tmp_path / "backup.tar")
    with second_database(migrated=True) as second, connected_to(second):
        execute(made)
        execute("ALTER TABLE audit_events DISABLE TRIGGER ALL; DELETE FROM audit_events")
        before = rows("SELECT count(*) FROM pg_class")
        with pytest.raises(CommandError, match=rf"^Others use what is to be replaced: {named}.*Nothing was changed\.$"):
            run("restore", tmp_path / "backup.tar", replace=replace)
        assert rows("SELECT count(*) FROM pg_class") == before


def test_a_table_of_others_with_a_name_of_ours_is_named(tmp_path):
    run("backup", tmp_path / "backup.tar")
    with second_database(migrated=False) as second, connected_to(second):
        execute("CREATE TABLE campaigns (budget text); INSERT INTO campaigns VALUES ('ours alone')")
        with pytest.raises(
            CommandError, match=r"a table of the same name as table public\.campaigns, which this product"
        ):
            run("restore", tmp_path / "backup.tar")
        assert rows("SELECT * FROM campaigns") == [("ours alone",)]


def test_a_restore_that_fails_leaves_others_alone(shared, tmp_path, monkeypatch):
    make_ad_account(name="Still here")
    run("backup", tmp_path / "backup.tar")
    monkeypatch.setattr("reporting.operations.restore.count_rows", dict)
    with pytest.raises(CommandError, match="Some rows of the backup were not restored"):
        run("restore", tmp_path / "backup.tar", replace=True)
    assert_others_have_everything()
    assert AdAccount.objects.get().name == "Still here"


def test_a_backup_says_what_a_restore_needs(shared, tmp_path):
    """An operator's index with an extension, and a reference to a table of others."""
    execute(
        'ALTER TABLE campaigns ADD seller integer REFERENCES "Notes of sales", ADD place vector(3);'
        " CREATE INDEX near ON campaigns USING hnsw (place vector_l2_ops)"
    )
    said = run("backup", tmp_path / "backup.tar").splitlines()
    assert said[1] == ('A restore needs these to be there already: extension vector, table public."Notes of sales".')
    run("restore", tmp_path / "backup.tar", replace=True)
    assert rows("SELECT count(*) FROM pg_indexes WHERE indexname = 'near'") == [(1,)]
    with third_database(), pytest.raises(CommandError, match=r"^psql failed \(ERROR:.*does not exist\); fix this"):
        run("restore", tmp_path / "backup.tar")
