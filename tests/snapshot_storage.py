"""Where the storage of snapshots keeps its files while a test runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.storage import storages


@contextmanager
def snapshots_kept_in(folder: Path) -> Iterator[None]:
    """The storage stays the same object: the model's file field holds it."""
    storage = vars(storages["snapshots"])
    with pytest.MonkeyPatch.context() as patch:
        for name in ("base_location", "location"):
            patch.setitem(storage, name, str(folder))
        yield
