"""The examples of docs/api.md run as they are written."""

import csv
import gzip
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.journeys.stack import Stack

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# What the example asks of pandas, without its 50 MB.
_STAND_IN = """
import json

def read_json(lines_of, *, lines, dtype):
    return [json.loads(line) for line in lines_of]

def json_normalize(rows):
    return rows
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def ran(stack: Stack, token: str, folder: Path, *command: str) -> str:
    environment = {
        **os.environ,
        "BASE": stack.pages_url,
        "TOKEN": token,
        "AD_ACCOUNT": str(stack.ad_account_ids[0]),
        "PYTHONPATH": str(folder),
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_shell(synced_stack: Stack, token: str, tmp_path: Path) -> None:
    settings, export, sync, file, snapshot, audit, decide = blocks("sh")
    assert settings.startswith("export ")
    report = ran(synced_stack, token, tmp_path, "bash", "-ec", settings.split("\n", 1)[1])
    assert json.loads(report)["period"]
    assert json.loads(ran(synced_stack, token, tmp_path, "bash", "-ec", sync))["status"] == "success"
    ran(synced_stack, token, tmp_path, "bash", "-ec", export)
    days = gzip.decompress((tmp_path / "figures.csv.gz").read_bytes()).decode().splitlines()
    stored = synced_stack.rows("SELECT count(*) FROM campaign_daily_metrics WHERE date >= '2026-01-01'")[0]["count"]
    assert len(days) == stored + 1
    ran(synced_stack, token, tmp_path, "bash", "-ec", file)
    assert len((tmp_path / "days.csv").read_text().splitlines()) > 1
    ran(synced_stack, token, tmp_path, "bash", "-ec", snapshot)
    assert json.loads((tmp_path / "snapshot.json").read_text())["date_range"]["days"] == 30
    ran(synced_stack, token, tmp_path, "bash", "-ec", audit)
    ran(synced_stack, token, tmp_path, "bash", "-ec", decide)
    assert json.loads((tmp_path / "decided.json").read_text())["state"] == "accepted"


def test_python(synced_stack: Stack, token: str, tmp_path: Path) -> None:
    # Those for keeping a copy: tests/reporting/change_feed/test_copy_job.py.
    [block] = [one for one in blocks("python") if "pandas" in one]
    (tmp_path / "pandas.py").write_text(_STAND_IN)
    show = "\nprint(len(days), len(campaigns), campaigns[0]['figures']['spend'])"
    days, campaigns, spend = ran(synced_stack, token, tmp_path, sys.executable, "-c", block + show).split()
    stored = synced_stack.rows("SELECT count(*) FROM campaign_daily_metrics WHERE date >= '2026-01-01'")[0]["count"]
    assert (int(days), int(campaigns) > 0, float(spend) > 0) == (stored, True, True)


def test_power_query(synced_stack: Stack, token: str) -> None:
    [block] = blocks("powerquery")
    query = dict(re.findall(r'(\w+) = "([^"]+)"', re.findall(r"Query = \[(.*?)\]", block)[0]))
    path = re.findall(r'RelativePath = "([^"]+)"', block)[0]
    answer = requests.get(
        f"{synced_stack.pages_url}/{path}", query, headers={"Authorization": f"Bearer {token}"}, timeout=60
    )
    assert answer.ok, answer.text
    days = list(csv.DictReader(io.StringIO(answer.text)))
    assert sum(float(day["spend"]) for day in days) > 0
