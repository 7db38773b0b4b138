"""Slow clients, for a short time: the bars of the benchmark hold."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_slow_clients_are_hardly_noticed(tmp_path: Path) -> None:
    found = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks.hostile", "--seconds", "15", "--clients", "100", "--json", str(found)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=380, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    measured = json.loads(found.read_text())
    assert len(measured) == 4 * 8
    assert all(one["holds"] for one in measured)
