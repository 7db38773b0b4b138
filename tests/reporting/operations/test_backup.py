"""What `manage.py backup` writes, `manage.py restore` brings back whole, or changes nothing."""

import errno
import io
import json
import os
import stat
import subprocess
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from accounts.models import AdAccount, AuditEvent, LinkedInConnection, User
from accounts.roles import Role
from ingestion.models import SyncLog
from ingestion.timetable import schedules
from reporting.checks import findings
from reporting.operations import backup_file, postgresql_programs
from reporting.operations.restore import _ours_aside, _restore_database
from tests.builders import make_ad_account, make_user
from tests.conftest import signed_in
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin
from tests.reporting.api.asking import token_of
from tests.reporting.operations.reading_role import made_role, read_as
from tests.second_database import connected_to, contents, definitions, second_database, sequences

pytestmark = [pytest.mark.exhaustive, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def files(snapshot_folder: Path) -> Path:
    """Where the storage "snapshots" keeps its files."""
    return snapshot_folder


def backup(path: Path) -> str:
    out = io.StringIO()
    call_command("backup", path, stdout=out)
    return out.getvalue()


def restore(path: Path, **options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("restore", path, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def synced(linkedin: SimulatedLinkedIn) -> User:
    """An owner who connected LinkedIn; data, an audit of it and snapshots."""
    owner = User.objects.create_user("alice@example.com", PASSWORD, role=Role.OWNER)
    linkedin.connect(user=owner)
    schedules.schedule_regular_tasks()
    for ad_account_id in linkedin.ad_account_ids:
        assert linkedin.sync(ad_account_id, first_day=linkedin.today - timedelta(days=20)).status == "success"
        findings.check_ad_account(ad_account_id, now=linkedin.now())
    storages["snapshots"].save("2026/11/a snapshot.json", ContentFile(b'{"rows": 1}'))
    storages["snapshots"].save("large.bin", ContentFile(os.urandom(3_000_000)))
    return owner


def answers(token: dict[str, str]) -> dict[str, bytes]:
    """What the API says to somebody with this token."""
    paths = (
        "ad-accounts",
        "campaigns",
        "creatives",
        "campaign-metrics",
        "creative-metrics",
        "demographics",
        "sync-logs",
        "reports/performance?group_by=campaign",
        "reports/performance?group_by=day",
        "reports/demographics",
    )
    found = {}
    for path in paths:
        response = Client(headers=token).get(f"/api/v1/{path}")
        assert response.status_code == 200, (path, response.content)
        found[path] = b"".join(response) if response.streaming else response.content
    return found


def stored_files(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_everything_comes_back(settings, tmp_path, files):
    """Values, definitions, sequences, tokens, logins, files, and figures that equal LinkedIn's own."""
    path = tmp_path / "backup.tar"
    with second_database(migrated=False) as second, simulated_linkedin(settings, ad_accounts=2) as linkedin:
        owner = synced(linkedin)
        token = token_of(owner)
        said = answers(token)
        before = contents(), definitions(), sequences()
        kept = stored_files(files)
        assert before[0]["creative_daily_metrics"][0] > 100
        assert "The encryption keys are not included" in backup(path)
        access_token = LinkedInConnection.objects.get().access_token

        for stored in files.rglob("*.*"):
            stored.unlink()
        with connected_to(second):
            out, err = restore(path)
            assert "2 stored files restored" in out
            assert err == ""
            [restored] = AuditEvent.objects.filter(kind="backup_restored")
            after = contents(), definitions(), sequences()
            # The only row more, and the number it took.
            assert after[0].pop("audit_events")[0] == before[0].pop("audit_events")[0] + 1
            assert after[2].pop("audit_events_id_seq") == restored.pk
            before[2].pop("audit_events_id_seq")
            # Owners are alerted of it.
            for name in ("audit_alerts", "audit_deliveries"):
                assert after[0].pop(name)[0] == before[0].pop(name)[0] + 1
                assert after[2].pop(f"{name}_id_seq") != before[2].pop(f"{name}_id_seq")
            assert after == before
            assert stored_files(files) == kept

            assert LinkedInConnection.objects.get().access_token == access_token
            assert answers(token) == said
            given = {"username": "alice@example.com", "password": PASSWORD}
            assert Client().post("/admin/login/", given).status_code == 302
            for ad_account_id in linkedin.ad_account_ids:
                linkedin.assert_stored(linkedin.today - timedelta(days=20), ad_account_id=ad_account_id)
            # It goes on from here: new rows find their numbers, and a sync its way.
            make_user()
            assert linkedin.sync(force=True).status == "success"
            # A backup of what was restored can be made and restored.
            backup(tmp_path / "second.tar")
            restore(tmp_path / "second.tar", replace=True)
            assert SyncLog.objects.count() > before[0]["sync_log"][0]


@pytest.mark.slow
def test_a_migrated_and_empty_installation_takes_a_backup(tmp_path):
    with second_database(migrated=True) as second:
        make_ad_account(name="Kept")
        backup(tmp_path / "backup.tar")
        with connected_to(second):
            restore(tmp_path / "backup.tar")
            assert AdAccount.objects.get().name == "Kept"


@pytest.mark.slow
def test_an_installation_in_use_refuses_a_backup_unless_told_to_go(tmp_path, files):
    make_ad_account(name="Backed up")
    backup(tmp_path / "backup.tar")
    AdAccount.objects.update(name="Newer")
    storages["snapshots"].save("newer.json", ContentFile(b"{}"))
    before = contents()
    with pytest.raises(CommandError, match=r"is in use \(rows in ad_accounts, audit_events\); restore into an empty"):
        restore(tmp_path / "backup.tar")
    assert contents() == before
    restore(tmp_path / "backup.tar", replace=True)
    assert AdAccount.objects.get().name == "Backed up"
    assert stored_files(files) == {}
    let_the_tests_empty_the_trail_again()


def let_the_tests_empty_the_trail_again() -> None:
    """The backup holds the switch as it was, so there is nothing to do but look."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgenabled FROM pg_trigger WHERE tgname = 'audit_events_are_not_emptied'")
        assert cursor.fetchone() == ("D",)


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["cut short", "one byte", "no backup", "empty", "missing"])
def test_a_damaged_file_changes_nothing(tmp_path, harm):
    path = tmp_path / "backup.tar"
    make_ad_account()
    backup(path)
    whole = path.read_bytes()
    damaged = {
        "cut short": whole[: len(whole) // 2],
        "one byte": whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:],
        "no backup": b"%PDF-1.7" * 1000,
        "empty": b"",
    }
    path.write_bytes(damaged.get(harm, whole))
    if harm == "missing":
        path.unlink()
    before = contents()
    with pytest.raises(CommandError, match=r"not a complete backup|There is no file"):
        restore(path, replace=True)
    assert contents() == before


@pytest.mark.slow
def test_a_restore_that_fails_on_its_way_puts_everything_back(tmp_path, monkeypatch):
    make_ad_account(name="Still here")
    backup(tmp_path / "backup.tar")
    before = contents()
    monkeypatch.setattr("reporting.operations.restore.count_rows", dict)
    with pytest.raises(CommandError, match="Some rows of the backup were not restored"):
        restore(tmp_path / "backup.tar", replace=True)
    assert contents() == before


@pytest.mark.slow
@pytest.mark.parametrize("is_loaded", [False, True], ids=["before the rows came", "after they came"])
def test_a_restore_that_was_killed_is_undone_by_the_next(tmp_path, is_loaded):
    make_ad_account(name="Backed up")
    backup(tmp_path / "backup.tar")
    AdAccount.objects.update(name="Newer")
    aside = _ours_aside()
    aside.__enter__()
    if is_loaded:
        _restore_database(tmp_path / "backup.tar", backup_file.check(tmp_path / "backup.tar"))
    with pytest.raises(CommandError, match="is in use"):
        restore(tmp_path / "backup.tar")
    assert AdAccount.objects.get().name == "Newer"


@pytest.mark.slow
def test_roles_of_bi_tools_read_the_restored_views(tmp_path):
    make_ad_account()
    with made_role() as role:
        backup(tmp_path / "backup.tar")
        restore(tmp_path / "backup.tar", replace=True)
        for view in ("reporting_campaign_daily", "reporting_demographics_monthly"):
            assert read_as(role, f"SELECT * FROM {view}") == []


def test_a_restore_refuses_while_others_use_the_database(tmp_path):
    backup(tmp_path / "backup.tar")
    other = connection.copy()
    try:
        other.ensure_connection()
        with pytest.raises(CommandError, match="1 other program uses this database; stop web, worker and beat"):
            restore(tmp_path / "backup.tar", replace=True)
    finally:
        other.close()


def test_a_backup_of_a_newer_version_is_refused(tmp_path):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('reporting', '9999_later', now())")
    try:
        backup(tmp_path / "backup.tar")
        with pytest.raises(CommandError, match=r"tables this version does not know \(reporting.9999_later\)"):
            restore(tmp_path / "backup.tar", replace=True)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE name = '9999_later'")


@pytest.mark.slow
def test_tokens_that_no_key_opens_are_named(settings, tmp_path):
    with simulated_linkedin(settings, ad_accounts=1) as linkedin:
        linkedin.connect()
    backup(tmp_path / "backup.tar")
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    _, err = restore(tmp_path / "backup.tar", replace=True)
    assert "do not decrypt the tokens of LinkedIn connection" in err
    assert "add the key of the installation that was backed up to FIELD_ENCRYPTION_KEYS" in err


def test_a_backup_is_its_owners_alone_and_never_written_over(tmp_path):
    path = tmp_path / "backup.tar"
    backup(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(CommandError, match="already exists; choose another name"):
        backup(path)
    with pytest.raises(CommandError, match=r"cannot be written \(No such file or directory\)"):
        backup(tmp_path / "nowhere" / "backup.tar")


def test_a_backup_among_the_files_that_it_would_hold_is_refused(files):
    (files / "2026").mkdir(parents=True)
    with pytest.raises(CommandError, match="is among the stored files to back up; choose another folder"):
        backup(files / "2026" / "backup.tar")
    assert stored_files(files) == {}


def test_a_backup_that_fails_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(postgresql_programs, "environment", lambda: {"PGOPTIONS": "-c statement_timeout=nonsense"})
    with pytest.raises(CommandError, match=r"^pg_dump failed \(.*\); fix this and try again\.$"):
        backup(tmp_path / "backup.tar")
    assert list(tmp_path.iterdir()) == []


def test_stored_files_of_another_user_are_named_with_the_remedy(tmp_path, files, monkeypatch):
    def refuse(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CommandError, match=rf"^{files} cannot be read; run the backup as the user who runs the worker"):
        backup(tmp_path / "backup.tar")
    assert list(tmp_path.glob("backup*")) == []


def test_a_backup_is_a_tar_that_postgresql_can_read(tmp_path):
    """Whoever has lost this program still has the data."""
    make_ad_account()
    backup(tmp_path / "backup.tar")
    with tarfile.open(tmp_path / "backup.tar") as archive:
        assert archive.getnames() == ["database.dump", "manifest.json"]
        archive.extractall(tmp_path, filter="data")
    [program, *_] = postgresql_programs.command("pg_restore")
    listed = subprocess.run([program, "--list", tmp_path / "database.dump"], capture_output=True, text=True, check=True)
    assert "TABLE DATA public ad_accounts" in listed.stdout


def test_a_backup_signs_nobody_in(tmp_path):
    """Whoever finds one has no session, not even the digest of its key."""
    signed_in(make_user())
    backup(tmp_path / "backup.tar")
    with tarfile.open(tmp_path / "backup.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    assert json.loads((tmp_path / "manifest.json").read_text())["rows"]["qsessions_session"] == 0
    [program, *_] = postgresql_programs.command("pg_restore")
    listed = subprocess.run([program, "--list", tmp_path / "database.dump"], capture_output=True, text=True, check=True)
    assert "TABLE public qsessions_session" in listed.stdout
    assert "TABLE DATA public qsessions_session" not in listed.stdout


def test_the_oldest_program_that_is_not_older_than_the_server_is_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(
        postgresql_programs, "_found", lambda name: {major: tmp_path / str(major) for major in (16, 18, 19, 20)}
    )
    assert postgresql_programs.command("pg_dump")[0] == str(tmp_path / "18")
    monkeypatch.setattr(postgresql_programs, "_found", lambda name: {16: tmp_path / "16"})
    with pytest.raises(postgresql_programs.ProgramMissing, match=r"install .* \(Debian: postgresql-client-18\)"):
        postgresql_programs.command("pg_dump")
