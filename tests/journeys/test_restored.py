"""Whatever reads, tested in a database that came out of a backup: a restore loses nothing that answers rely on.

Once from a backup of today, once from one of the first version, which the restore migrates.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.upgraded import unpacked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).resolve().parents[2]
# Queries, the API, pages, files, snapshots, findings and the views for BI tools; then the lists of the admin, and the
# audit trail, which only a trigger keeps as it is. Not who may open which address: that asks code, not tables.
READ_SIDE = (
    "tests/reporting",
    "tests/accounts/api",
    "tests/accounts/admin/test_admin.py",
    "tests/accounts/test_audit_trail.py",
    "tests/accounts/admin/test_audit_events.py",
    "tests/accounts/shell/test_downloads.py",
    "tests/ingestion/admin/test_admin.py",
    "tests/ingestion/admin/test_exports.py",
    "tests/house/test_every_page.py",
)


def test_the_whole_read_side_passes_in_a_restored_database():
    assert_read_side_passes()


def test_the_whole_read_side_passes_in_a_database_of_the_first_version(tmp_path):
    assert_read_side_passes("--backup", unpacked(tmp_path))


def assert_read_side_passes(*options):
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--restored",
            *options,
            "--quiet",
            "--tb=short",
            "-p",
            "no:cacheprovider",
            *READ_SIDE,
        ],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=1770,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-5_000:]
    *_, restored, summary = run.stdout.splitlines()
    sys.stdout.write(f"\n{restored}\n{summary}\n")
    assert restored.startswith("in a restored database: ")
