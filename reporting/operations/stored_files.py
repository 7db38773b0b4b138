"""The files that belong to the data: those in the storage "snapshots", if the settings have one."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.files.storage import Storage, storages

_ALIAS = "snapshots"


def storage() -> Storage | None:
    return storages[_ALIAS] if _ALIAS in settings.STORAGES else None


def names() -> list[str]:
    """All files, by name in the storage."""
    place = storage()
    return sorted(_walk(place, "")) if place else []


def holds(path: Path) -> bool:
    """Whether a file at this path would be one of them."""
    place = storage()
    try:
        return place is not None and path.resolve().is_relative_to(Path(place.path("")).resolve())
    except NotImplementedError:  # the storage is not a folder
        return False


def _walk(place: Storage, folder: str) -> Iterator[str]:
    try:
        folders, files = place.listdir(folder)
    except FileNotFoundError:  # nothing is stored yet
        return
    prefix = f"{folder}/" if folder else ""
    yield from (prefix + name for name in files)
    for name in folders:
        yield from _walk(place, prefix + name)
