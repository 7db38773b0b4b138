"""Where the storages of snapshots and exports keep their files while a test runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from django.core.files.storage import Storage, storages
from django.db.models import FileField

from reporting.models import Export, Snapshot

_FIELDS: Final = {"exports": Export._meta.get_field("document"), "snapshots": Snapshot._meta.get_field("document")}


@contextmanager
def files_kept_in(folder: Path, alias: str) -> Iterator[None]:
    """The storages stay the same objects: the model's field holds one, which Django forgets when settings change."""
    field = _FIELDS[alias]
    assert isinstance(field, FileField)
    with pytest.MonkeyPatch.context() as patch:
        for storage in (field.storage, storages[alias]):
            _keep_in(folder, storage, patch)
        yield


def _keep_in(folder: Path, storage: Storage, patch: pytest.MonkeyPatch) -> None:
    for name in ("base_location", "location"):
        patch.setitem(vars(storage), name, str(folder))


@contextmanager
def snapshots_kept_in(folder: Path) -> Iterator[None]:
    with files_kept_in(folder, "snapshots"):
        yield
