"""Connections have the settings that the code rests on, and too old a server is refused."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import NotSupportedError, connection
from django.test import Client

from accounts.models import AdAccount, User
from accounts.roles import Role
from config import celery, gunicorn
from config.postgresql import base
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.processes.beat import HeartbeatScheduler
from ingestion.sync.failures import explain
from reporting.checks import findings
from reporting.snapshots import snapshot_store
from tests.builders import make_ad_account, make_user
from tests.ingestion.simulated import simulated_linkedin
from tests.reporting.api.asking import token_of
from tests.second_database import connected_to, contents, in_another_database, second_database
from tests.snapshot_storage import snapshots_kept_in

pytestmark = [pytest.mark.exhaustive, pytest.mark.django_db(transaction=True)]

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TABLES = ("campaigns", "creatives", "campaign_daily_metrics", "creative_daily_metrics", "audience_demographics")
PATHS = (
    "campaigns?format=csv",
    "campaign-metrics?format=ndjson",
    "demographics",
    "findings",
    "reports/performance?group_by=day&first_day=2026-10-22&last_day=2026-11-20",
)
ODD_SETTINGS = {
    "datestyle": "German",
    "intervalstyle": "iso_8601",
    "timezone": "Asia/Kathmandu",
    "bytea_output": "escape",
    "extra_float_digits": "-10",
    "standard_conforming_strings": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "search_path": "reporting",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "lc_numeric": "C",
    "lc_monetary": "C",
    "client_encoding": "LATIN1",
}


@pytest.fixture(params=["database", "role"])
def odd_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database whose administrator likes everything different."""
    with second_database(migrated=True) as name:
        whom = f'DATABASE "{name}"' if request.param == "database" else f'ROLE postgres IN DATABASE "{name}"'
        in_another_database(*(f"ALTER {whom} SET {setting} TO '{value}'" for setting, value in ODD_SETTINGS.items()))
        yield name


def everything(settings: Any, folder: Path) -> dict[str, Any]:
    """What two syncs store in the database that is in use, and what everybody reads from it."""
    settings.SYNC_CONCURRENCY = 1  # so that rows get their numbers in the same order
    options = Options(now=NOW, frozen=True, size=WorldSize(ad_accounts=1, campaigns_per_account=4))
    with simulated_linkedin(settings, options) as linkedin, snapshots_kept_in(folder):
        linkedin.connect(user=make_user(email="owner@example.com", role=Role.OWNER))
        first_day = linkedin.today - timedelta(days=40)
        assert linkedin.sync(first_day=first_day).status == "success"
        linkedin.assert_stored(first_day)
        assert linkedin.sync(force=True).status == "success"
        [ad_account] = AdAccount.objects.all()
        findings.check_ad_account(ad_account.pk, now=linkedin.now())
        snapshot_store.write_now(ad_account, days=30, now=linkedin.now())
    token = token_of(User.objects.get())
    answers = {path: Client(headers=token).get(f"/api/v1/{path}") for path in PATHS}
    assert {response.status_code for response in answers.values()} == {200}
    return {
        # A row's mark is the number of the transaction that wrote it, which each server counts for itself.
        "tables": {table: digest for table, digest in contents(without="change_mark").items() if table in TABLES},
        "snapshot": [path.read_bytes() for path in folder.rglob("*") if path.is_file()],
        # A file's rows come in the order in which PostgreSQL reads them, which its statistics decide.
        **{path: sorted(b"".join(one).splitlines()) if one.streaming else one.content for path, one in answers.items()},
    }


@pytest.mark.slow
def test_whatever_the_database_is_set_to_the_same_is_stored_and_answered(settings, tmp_path, odd_database):
    usual = everything(settings, tmp_path / "usual")
    with connected_to(odd_database):
        assert everything(settings, tmp_path / "odd") == usual
        with connection.cursor() as cursor:
            cursor.execute("SELECT '1 day 02:00'::interval::text, '2026-11-21'::date::text, E'\\x01'::bytea::text")
            assert cursor.fetchone() == ("1 day 02:00:00", "2026-11-21", "\\x01")


@pytest.mark.slow
def test_a_backup_and_a_restore_work_in_such_a_database(tmp_path, odd_database):
    with connected_to(odd_database), snapshots_kept_in(tmp_path / "snapshots"):
        make_ad_account(name="Backed up")
        call_command("backup", tmp_path / "backup.tar", stdout=io.StringIO())
        call_command("restore", tmp_path / "backup.tar", replace=True, stdout=io.StringIO())
        assert AdAccount.objects.get().name == "Backed up"


@pytest.mark.slow
def test_an_empty_database_that_is_set_so_takes_the_migrations(odd_database):
    with connected_to(odd_database):
        call_command("migrate", "reporting", "zero", verbosity=0)
        call_command("migrate", verbosity=0)
        assert AdAccount.objects.count() == 0


def test_what_the_address_asks_for_stays():
    own = connection.copy()
    own.settings_dict = {**own.settings_dict, "OPTIONS": {"options": "-c search_path=reporting,public"}}
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT current_setting('search_path'), current_setting('datestyle')")
            assert cursor.fetchone() == ("reporting,public", "ISO, MDY")
    finally:
        own.close()


@pytest.fixture
def too_old(monkeypatch: pytest.MonkeyPatch) -> str:
    """The server of the tests is older than the oldest that works; gives what is said of it."""
    monkeypatch.setattr(base.DatabaseFeatures, "minimum_database_version", (99,))
    monkeypatch.setattr("django.db.backends.base.base.RAN_DB_VERSION_CHECK", set())
    connection.close()
    return (
        "This is PostgreSQL 18, and 99 is the oldest that works; upgrade the server, or point DATABASE_URL to another"
        " one."
    )


def test_a_server_that_is_too_old_is_refused_with_a_sentence(too_old):
    with pytest.raises(NotSupportedError) as refused:
        connection.ensure_connection()
    assert str(explain(refused.value)) == too_old


def test_web_worker_and_beat_do_not_start_with_it(too_old, settings):
    settings.EMBEDDED_SERVERS = replace(settings.EMBEDDED_SERVERS, postgresql=False, valkey=False)
    starts = (lambda: gunicorn.on_starting(None), celery._prepare_servers, lambda: HeartbeatScheduler(app=celery.app))
    for start in starts:
        connection.close()
        with pytest.raises(SystemExit) as ended:
            start()
        assert ended.value.code == too_old


def test_they_start_while_no_server_answers(settings, monkeypatch):
    """It may come later."""
    settings.EMBEDDED_SERVERS = replace(settings.EMBEDDED_SERVERS, postgresql=False, valkey=False)
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    celery._prepare_servers()
