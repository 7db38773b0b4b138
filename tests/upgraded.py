"""An installation of an earlier version, upgraded: its backup restored with today's code, which migrates it."""

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import connection
from django.test import override_settings

from tests.reporting.two_installations import restored

BACKUPS: Final = Path(__file__).parent / "samples/backups"
FIRST_VERSION: Final = "0.1.0"


@dataclass(frozen=True)
class Contents:
    """What the earlier version held; `tables` has the columns and the digests of all rows by table."""

    encryption_key: str
    passwords: dict[str, str]
    api_tokens: dict[str, str]
    linkedin_tokens_sha256: dict[str, list[str | None]]
    tables: dict[str, dict[str, str]]


def contents(version: str = FIRST_VERSION) -> Contents:
    return Contents(**json.loads((BACKUPS / f"{version}.json").read_text()))


def unpacked(folder: Path, version: str = FIRST_VERSION) -> Path:
    """The backup as that version wrote it."""
    path = folder / f"{version}.tar"
    with gzip.open(BACKUPS / f"{version}.tar.gz") as packed, path.open("wb") as out:
        shutil.copyfileobj(packed, out)
    return path


@contextmanager
def upgraded(folder: Path, version: str = FIRST_VERSION) -> Iterator[Contents]:
    """Django uses the upgraded database, its files and its key within."""
    held = contents(version)
    with (
        override_settings(FIELD_ENCRYPTION_KEYS=[held.encryption_key], API_REQUESTS_PER_MINUTE=10_000),
        restored(unpacked(folder, version), folder),
    ):
        yield held


def missing_rows(table: str, *, columns: str, rows: str) -> Counter[str]:
    """Digests of rows that the table no longer holds, or holds with another value."""
    names = ", ".join(map(connection.ops.quote_name, columns.split()))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT left(md5(one::text), 8) FROM (SELECT {names} FROM {table}) AS one")
        found = Counter(digest for (digest,) in cursor.fetchall())
    return Counter(rows.split()) - found
