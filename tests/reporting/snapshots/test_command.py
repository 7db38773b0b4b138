"""`manage.py snapshot`: stored, into a file, to standard output; what is wrong ends with 1 or 2."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AdAccount, AuditEvent
from reporting.models import Snapshot
from tests.builders import make_campaign, make_creative
from tests.reporting.snapshots.reading import assert_valid

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(bobs_ad_account: AdAccount) -> AdAccount:
    make_creative(campaign=make_campaign(account=bobs_ad_account, name="Größe"))
    return bobs_ad_account


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command("snapshot", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_it_is_stored_and_its_place_is_told(account: AdAccount, folder: Path) -> None:
    path = Path(run(account.pk).strip())
    snapshot = Snapshot.objects.get()
    assert path == folder / snapshot.document.name
    found = json.loads(path.read_text())
    assert_valid(found)
    assert (snapshot.trigger, snapshot.state, snapshot.size_bytes) == ("command", "written", path.stat().st_size)
    assert (snapshot.last_day - snapshot.first_day).days == 29
    event = AuditEvent.objects.get(kind="snapshot_taken")
    assert (event.ad_account_id, event.detail["by"]) == (account.pk, "command")


def test_into_a_file_of_ones_own(account: AdAccount, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text("what was there before")
    assert run(account.pk, "--days", 7, "--out", path) == ""
    assert json.loads(path.read_text())["date_range"]["days"] == 7
    assert [one.name for one in tmp_path.iterdir()] == ["mine.json"]
    assert not Snapshot.objects.exists()


def test_to_standard_output(account: AdAccount) -> None:
    said = run(account.pk, "--out", "-")
    assert json.loads(said)["ad_account"]["campaigns"][0]["name"] == "Größe"


def test_an_unknown_ad_account_is_said_so() -> None:
    with pytest.raises(CommandError, match=r"`manage\.py status` lists the known ones") as refused:
        run(404)
    assert refused.value.returncode == 1


def test_a_file_that_cannot_be_written_leaves_nothing(account: AdAccount, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        run(account.pk, "--out", tmp_path / "nowhere" / "mine.json")


def test_what_never_fits_is_said_so(account: AdAccount, settings: Any, tmp_path: Path) -> None:
    settings.SNAPSHOT_MAX_BYTES = 1000
    with pytest.raises(CommandError, match="raise SNAPSHOT_MAX_BYTES"):
        run(account.pk, "--out", tmp_path / "mine.json")
    assert not list(tmp_path.glob("*mine*"))


@pytest.mark.parametrize("days", ["0", "367", "soon", "-3", "99999999999"])
def test_days_that_make_no_sense(account: AdAccount, days: str) -> None:
    with pytest.raises(CommandError, match="from 1 to 366"):
        run(account.pk, f"--days={days}")


@pytest.mark.installation
def test_wrong_usage_ends_with_2() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "snapshot", "1", "--days", "soon"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "give one from 1 to 366" in done.stderr
