import subprocess
import sys
from pathlib import Path

import pytest

from accounts.models import AdAccount
from benchmarks.contents import Contents, digests, table
from ingestion.models import Campaign
from tests.builders import NOW, make_campaign, make_campaign_day

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
def test_one_changed_value_changes_the_digest_of_its_table_alone() -> None:
    make_campaign_day(campaign=make_campaign(name="before"))
    before, columns = digests(), digests(by_column=True)
    assert before["campaigns"].rows == before["campaign_daily_metrics"].rows == 1
    Campaign.objects.update(name="after")
    assert {name for name, one in digests().items() if one != before[name]} == {"campaigns"}
    assert {name for name, one in digests(by_column=True).items() if one != columns[name]} == {"campaigns.name"}


@pytest.mark.django_db
def test_what_the_machines_clock_wrote_is_left_out() -> None:
    make_campaign()
    before = digests()
    AdAccount.objects.update(fetched_at=NOW.replace(year=2027))
    assert digests() == before
    assert "auth_permission" not in before


def test_tables_that_differ_are_marked() -> None:
    before = {"campaigns": Contents(2, "a"), "creatives": Contents(1, "b")}
    after = {"campaigns": Contents(2, "c"), "creatives": Contents(1, "b"), "posts": Contents(1, "d")}
    _, *lines = table([Path("before"), Path("after")], [before, after])
    assert [line.split()[0] for line in lines if line.endswith("DIFFERENT")] == ["campaigns", "posts"]


@pytest.mark.slow
def test_two_runs_hold_the_same() -> None:
    command = [sys.executable, "-m", "benchmarks.contents", ".", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "campaign_daily_metrics" in done.stdout
