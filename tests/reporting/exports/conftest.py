"""Exports in a folder of the test's own."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def folder(export_folder: Path) -> Path:
    """Where the storage keeps its files."""
    return export_folder
