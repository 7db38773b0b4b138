"""The file that `manage.py backup` writes and `manage.py restore` reads.

A tar with PostgreSQL's custom-format dump first, then the stored files, then `manifest.json`: what the file holds,
with a SHA-256 of each part. The manifest is last, so a truncated file has none.
"""

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Final

DUMP: Final = "database.dump"
FILES: Final = "files/"
_MANIFEST: Final = "manifest.json"
_FORMAT: Final = 2
# Format 1, of version 0.1.0, says nothing of the version of pg_dump and of what was left out.
_READ: Final = (1, _FORMAT)
_CHUNK: Final = 1024 * 1024


class BackupUnusable(Exception):
    """The file is not a complete backup; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: rows by table, the migrations that made the tables, a digest of each part by name.

    `left_out` are schema and name of what belongs to others; the dump may hold it all the same.
    """

    format: int
    product_version: str
    made_at: str
    server_version: int
    rows: dict[str, int]
    migrations: list[list[str]]
    pg_dump_version: int | None = None
    left_out: list[list[str]] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def made_with(self) -> int:
        """Major version of the program that can read the dump, at least."""
        return self.pg_dump_version or self.server_version // 10_000


class Writer:
    """Writes the parts in order; memory does not grow with their size."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._digests: dict[str, str] = {}

    def add(self, name: str, copy: Callable[[Callable[[bytes], None]], None]) -> None:
        """Add a part of unknown size: `copy` is given a function that takes its bytes."""
        digest = hashlib.sha256()
        size = 0

        def take(chunk: bytes) -> None:
            nonlocal size
            digest.update(chunk)
            size += len(chunk)
            self._out.write(chunk)

        header_at = self._out.tell()
        self._out.write(self._header(name, 0))
        copy(take)
        self._out.write(b"\0" * (-size % tarfile.BLOCKSIZE))
        end = self._out.tell()
        self._out.seek(header_at)
        self._out.write(self._header(name, size))
        self._out.seek(end)
        self._digests[name] = digest.hexdigest()

    def finish(self, manifest: Manifest) -> None:
        text = json.dumps(asdict(manifest) | {"digests": self._digests}, indent=1).encode()
        self.add(_MANIFEST, lambda take: take(text))
        self._out.write(b"\0" * (2 * tarfile.BLOCKSIZE))

    @staticmethod
    def _header(name: str, size: int) -> bytes:
        """Of the same length for any size, so that it can be overwritten; long names take more blocks."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        return info.tobuf(tarfile.GNU_FORMAT)


def new_manifest(
    *,
    product_version: str,
    made_at: str,
    server_version: int,
    pg_dump_version: int,
    rows: dict[str, int],
    migrations: list[list[str]],
    left_out: list[list[str]],
) -> Manifest:
    return Manifest(_FORMAT, product_version, made_at, server_version, rows, migrations, pg_dump_version, left_out)


def check(path: Path) -> Manifest:
    """Read the whole file once and compare all digests. Raises BackupUnusable."""
    digests: dict[str, str] = {}
    with _opened(path) as archive:
        for member in archive:
            if member.name == _MANIFEST:
                return _manifest(path, json.loads(_content(archive, member).read()), digests)
            digest = hashlib.sha256()
            for chunk in _chunks(_content(archive, member)):
                digest.update(chunk)
            digests[member.name] = digest.hexdigest()
    raise _damaged(path, "its end is missing")


def parts(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of each part except the manifest, one after another."""
    with _opened(path) as archive:
        for member in archive:
            if member.name != _MANIFEST:
                yield member.name, _content(archive, member)


@contextmanager
def part(path: Path, name: str) -> Iterator[IO[bytes]]:
    """The content of one part."""
    with _opened(path) as archive:
        yield _content(archive, archive.getmember(name))


def copy_chunks(source: IO[bytes], take: Callable[[bytes], object]) -> None:
    for chunk in _chunks(source):
        take(chunk)


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK):
        yield chunk


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:") as archive:
            yield archive
    except FileNotFoundError:
        raise BackupUnusable(f"There is no file {path}; give the path of a backup.") from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    if content is None:
        raise tarfile.ReadError(f"{member.name} is not a file")
    return content


def _manifest(path: Path, content: dict[str, object], digests: dict[str, str]) -> Manifest:
    if content.get("format") not in _READ:
        raise BackupUnusable(
            f"{path} has format {content.get('format')}, but this version reads {_FORMAT}; restore it with the version "
            f"that made it ({content.get('product_version')}), then upgrade."
        )
    if content.get("digests") != digests:
        raise _damaged(path, "its contents do not match its manifest")
    try:
        return Manifest(**content)  # type: ignore[arg-type]
    except TypeError as error:
        raise _damaged(path, str(error)) from None


def _damaged(path: Path, why: str) -> BackupUnusable:
    return BackupUnusable(f"{path} is not a complete backup ({why}); use another one. Nothing was changed.")
