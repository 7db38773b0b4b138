"""Where the storages of snapshots and exports keep their files while a test runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.storage import storages


@contextmanager
def files_kept_in(folder: Path, alias: str) -> Iterator[None]:
    """The storage stays the same object: the model's file field holds it."""
    storage = vars(storages[alias])
    with pytest.MonkeyPatch.context() as patch:
        for name in ("base_location", "location"):
            patch.setitem(storage, name, str(folder))
        yield


@contextmanager
def snapshots_kept_in(folder: Path) -> Iterator[None]:
    with files_kept_in(folder, "snapshots"):
        yield
