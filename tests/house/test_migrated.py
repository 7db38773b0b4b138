"""The PostgreSQL files that every run of the tests and every installation in them start from."""

from pathlib import Path

import psycopg
import pytest

from config.embedded import EmbeddedServers
from tests import migrated


def test_a_copy_holds_every_migration(tmp_path: Path) -> None:
    assert migrated.copy_migrated_cluster(tmp_path)
    assert migrated.copy_migrated_cluster(tmp_path), "another process finds it there"
    servers = EmbeddedServers(data_dir=tmp_path, postgresql=True, valkey=False, throw_away=True)
    servers.hold()
    try:
        at = servers.database_settings()
        with psycopg.connect(host=str(at["HOST"]), user=str(at["USER"]), dbname=migrated.TEMPLATE) as connection:
            found = connection.execute(
                "SELECT count(*) FROM django_migrations WHERE app IN ('accounts', 'ingestion', 'reporting')"
            ).fetchone()
    finally:
        servers.release()
    rooms = ("accounts", "ingestion", "reporting")
    files = [path for room in rooms for path in (migrated.ROOT / room).rglob("migrations/0*.py")]
    assert found == (len(files),)


def test_a_cluster_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgresql").mkdir()
    assert not migrated.copy_migrated_cluster(tmp_path)
    assert not list((tmp_path / "postgresql").iterdir())


def test_other_migrations_or_packages_make_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "accounts/migrations"
    folder.mkdir(parents=True)
    for path, text in (("requirements/base.txt", "django"), ("config/embedded.py", ""), ("accounts/urls.py", "")):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.setattr(migrated, "ROOT", tmp_path)
    digests = [migrated._digest()]
    (folder / "0001_initial.py").write_text("operations = []")
    digests.append(migrated._digest())
    (tmp_path / "requirements/base.txt").write_text("django 6")
    digests.append(migrated._digest())
    assert len(set(digests)) == 3
    (tmp_path / "accounts/urls.py").write_text("urlpatterns = []")
    assert migrated._digest() == digests[-1]
