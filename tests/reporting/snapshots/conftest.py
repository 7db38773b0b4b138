"""Snapshots in a folder of the test's own."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def folder(snapshot_folder: Any) -> Path:
    """Where the storage keeps its files."""
    found: Path = snapshot_folder
    return found
