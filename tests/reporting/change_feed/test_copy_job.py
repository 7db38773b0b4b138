"""The copy jobs of docs/api.md, run as they are written, keep every table equal, whatever happens between runs."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.api_tokens import token_store
from accounts.models import AdAccount, AuditEvent, User
from accounts.roles import Role
from ingestion.models import SyncLog
from reporting.checks import findings
from reporting.operations import ad_account_removal
from reporting.snapshots import snapshot_store
from tests.builders import make_campaign, make_rejected_record, make_user
from tests.conftest import let_tests_empty_the_audit_trail
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin
from tests.reporting.change_feed.copying import (
    TABLES,
    Rows,
    another_connection,
    as_text,
    stored,
    used,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

PAGE = (Path(__file__).resolve().parents[3] / "docs/api.md").read_text()
[SQLITE] = [
    block for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) if "sqlite3" in block
]
[DLT] = [
    block for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) if "import dlt" in block
]


@pytest.fixture
def linkedin(settings: Any, snapshot_folder: Path) -> Iterator[SimulatedLinkedIn]:
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    settings.BACKFILL_DAYS = 20
    with simulated_linkedin(settings, ad_accounts=3, campaigns_per_account=2, creatives_per_campaign=2) as linkedin:
        linkedin.connect()
        yield linkedin


def run_job(block: str, url: str, reader: User, folder: Path) -> None:
    token = token_store.issue(user=reader, name="copy", scope="read", now=timezone.now())[1]
    environment = {
        **os.environ,
        "BASE": url,
        "TOKEN": token,
        "DLT_DATA_DIR": str(folder),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def in_sqlite(folder: Path, table: str) -> Rows:
    with closing(sqlite3.connect(folder / "copy.db")) as copy:
        found = copy.execute("SELECT key, row FROM rows WHERE name = ?", [table])
        return {key: json.loads(row) for key, row in found}


def in_duckdb(folder: Path, table: str) -> Rows:
    """dlt makes a table of what came, and types of its own; a column without any value is not there."""
    with duckdb.connect(str(folder / "action_center.duckdb"), read_only=True) as copy:
        name = table.replace("-", "_")
        known = copy.execute("SELECT count(*) FROM information_schema.tables WHERE table_name = ?", [name]).fetchone()
        if known == (0,):
            return {}
        found = copy.execute(f"SELECT * FROM linkedin_ads.{name}")
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    key = TABLES[table].feed_key
    return {as_text({one: plain(row[one]) for one in key}): row for row in rows}


def plain(value: object) -> object:
    return value if isinstance(value, int | None) else str(value)


def assert_equal_in_sqlite(folder: Path, reader: User) -> None:
    for table in TABLES:
        assert in_sqlite(folder, table) == stored(table, reader), table


def assert_equal_in_duckdb(folder: Path, reader: User) -> None:
    for table in TABLES:
        copied, wanted = in_duckdb(folder, table), stored(table, reader)
        assert copied.keys() == wanted.keys(), table
        for key, row in wanted.items():
            for name, value in row.items():
                assert same(copied[key].get(name), value), (table, key, name, copied[key].get(name), value)


def same(copied: Any, value: Any) -> bool:
    """Instants and JSON come back as dlt stores them."""
    if isinstance(value, list | dict):
        return bool(json.loads(copied) == value)
    if hasattr(copied, "isoformat") and hasattr(copied, "astimezone"):
        return bool(copied == copied.fromisoformat(value))
    return str(copied) == str(value)


def happenings(linkedin: SimulatedLinkedIn, folder: Path) -> Iterator[str]:
    """One thing after the other; a copy that is made after each of them must equal the tables."""
    one, two, three = linkedin.ad_account_ids
    sync_and_check(linkedin, one)
    yield "a first sync"

    with another_connection() as long:
        with used(long):
            transaction.set_autocommit(False)
            make_campaign(account=AdAccount.objects.get(pk=two))
        sync_and_check(linkedin, two)
        yield "a sync beside a transaction that is open"
        with used(long):
            transaction.commit()
    yield "its end"

    call_command("backup", folder / "backup.tar", verbosity=0)
    linkedin.simulator.change("append_days", days=2)
    linkedin.simulator.change(
        "restate", ad_account=one, first_day=str(linkedin.today - timedelta(days=9)), last_day=str(linkedin.today)
    )
    sync_and_check(linkedin, three)
    sync_and_check(linkedin, one)
    yield "restatements while another ad account syncs"

    ad_account_removal.begin(AdAccount.objects.get(pk=two), actor=None, now=timezone.now())
    ad_account_removal.carry_out(two)
    SyncLog.objects.filter(account=one).earliest("pk").delete()
    yield "a removal"

    restore(folder / "backup.tar")
    yield "a restore"
    linkedin.discover()
    sync_and_check(linkedin, three)
    yield "a sync after it"


def sync_and_check(linkedin: SimulatedLinkedIn, ad_account_id: int) -> None:
    assert linkedin.sync(ad_account_id, force=True).status == "success"
    make_rejected_record(run=SyncLog.objects.filter(account=ad_account_id).latest("pk"))
    findings.check_ad_account(ad_account_id, now=linkedin.now())
    snapshot_store.write_after_sync(ad_account_id, now=linkedin.now())


def restore(path: Path) -> None:
    """Once the server's threads have let go of the database."""
    end = time.monotonic() + 20
    while others() and time.monotonic() < end:
        time.sleep(0.1)
    call_command("restore", path, replace=True, verbosity=0)
    let_tests_empty_the_audit_trail()


def others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def follow(
    block: str,
    assert_equal: Callable[[Path, User], None],
    linkedin: SimulatedLinkedIn,
    url: str,
    folder: Path,
) -> None:
    email = make_user(role=Role.ANALYST).email
    for what in happenings(linkedin, folder):
        reader = User.objects.get(email=email)
        run_job(block, url, reader, folder)
        if what != "a sync beside a transaction that is open":
            assert_equal(folder, reader)
    assert AuditEvent.objects.filter(kind="backup_restored").exists()


@pytest.mark.slow
def test_the_copy_job_in_python(linkedin: SimulatedLinkedIn, live_server: Any, tmp_path: Path) -> None:
    follow(SQLITE, assert_equal_in_sqlite, linkedin, live_server.url, tmp_path)


@pytest.mark.slow
def test_the_copy_job_with_dlt(linkedin: SimulatedLinkedIn, live_server: Any, tmp_path: Path) -> None:
    follow(DLT, assert_equal_in_duckdb, linkedin, live_server.url, tmp_path)
