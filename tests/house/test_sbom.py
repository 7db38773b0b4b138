"""The bill of materials names every package that the image installs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_locked_package_is_in_the_bill_of_materials_with_version_and_hash():
    [line] = re.findall(
        r"^\t@\$\(BIN\)/cyclonedx-py (.*) --output-file sbom\.json$", (ROOT / "Makefile").read_text(), re.M
    )
    command = [sys.executable, "-m", "cyclonedx_py", *line.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    bill = json.loads(done.stdout)
    assert bill["bomFormat"] == "CycloneDX"
    listed = {(one["name"].lower(), one["version"]) for one in bill["components"]}
    locked = re.findall(
        r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", (ROOT / "requirements/base.txt").read_text(), re.MULTILINE
    )
    assert listed == {(name.lower(), version) for name, version in locked}
    assert all(one["externalReferences"][0]["hashes"] for one in bill["components"])
    assert all(one["purl"].startswith("pkg:pypi/") for one in bill["components"])
