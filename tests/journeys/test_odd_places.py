"""The demo from a checkout in a folder with an odd name, behind a proxy that leads nowhere."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guard import processes_of
from tests.journeys.test_first_day import ROOT, free_port, row_counts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def checkout() -> Iterator[Path]:
    """The files of this one, under a name that shells and addresses read in their own way."""
    with tempfile.TemporaryDirectory(prefix="odd-") as folder:
        copy = Path(folder) / "our ads #1 & (50%25) é"
        copy.mkdir()
        Path(folder).chmod(0o711)
        for name in ("manage.py", "Procfile", "config", "accounts", "ingestion", "reporting", "templates"):
            source = ROOT / name
            shutil.copytree(source, copy / name) if source.is_dir() else shutil.copy(source, copy)
        (copy / ".venv").symlink_to(sys.prefix)
        yield copy


def test_the_demo_runs_in_a_folder_of_any_name_and_past_a_proxy(checkout, tmp_path):
    """Its data is under the checkout, too."""
    (tmp_path / ".netrc").write_text("default login somebody password geheim\n")
    (tmp_path / ".netrc").chmod(0o600)
    nowhere = f"http://127.0.0.1:{free_port()}"
    env = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "http_proxy": nowhere, "HTTPS_PROXY": nowhere,
        "ALL_PROXY": nowhere, "LANG": "C.UTF-8",
    }  # fmt: skip
    command = [".venv/bin/python", "manage.py", "demo", "--once"]
    command += ["--port", str(free_port()), "--simulator-port", str(free_port())]
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = row_counts(done.stdout)
    assert len(counts) == 7
    assert all(counts.values()), counts
    assert processes_of(checkout) == []
