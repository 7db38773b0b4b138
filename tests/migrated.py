"""PostgreSQL's files with the tables of an empty installation, made once and then copied.

Migrating takes seconds, and every run of the tests and every installation that they start needs it. The files are kept
in pytest's cache under a digest of all migrations and packages, so that a change of either makes new ones; whoever uses
a copy migrates it all the same, which then has nothing to do.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from config.embedded import EmbeddedServers

# A copy of the database `postgres` that nobody connects to, as one must be that others are made from.
TEMPLATE: Final = "migrated"
ROOT: Final = Path(__file__).resolve().parents[1]
_CACHE: Final = ROOT / ".pytest_cache" / "migrated"
# What would make the processes share databases, settings or keys with whoever runs the tests.
_NOT_PASSED_ON: Final = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FIELD_ENCRYPTION_KEYS")


def fresh_environment(data_dir: Path) -> dict[str, str]:
    """Of processes that share nothing with whoever runs the tests."""
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    return {**inherited, "ENV_FILE": os.devnull, "DATA_DIR": str(data_dir), "EMBEDDED_THROW_AWAY": "true"}


def copy_migrated_cluster(data_dir: Path) -> bool:
    """Give the data directory its PostgreSQL files; whether it has migrated ones now. Its servers may not run yet."""
    seeded = data_dir / "migrated"
    data_dir.mkdir(parents=True, exist_ok=True)
    # The lock under which the servers start: another process may be about to.
    with _locked(data_dir / "start-stop.lock"):
        if not (data_dir / "postgresql").exists():
            cluster = _cluster()
            draft = data_dir / "postgresql.copy"
            # With its owner and rights, which PostgreSQL asks for.
            subprocess.run(["cp", "-a", cluster, draft], check=True)
            draft.rename(data_dir / "postgresql")
            seeded.touch()
    return seeded.exists()


def _cluster() -> Path:
    """The files, at rest; made where they are missing, in place of those of other migrations."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with _locked(_CACHE / "lock"):
        kept = _CACHE / _digest()
        if not kept.exists():
            for old in _CACHE.iterdir():
                if old.is_dir():
                    shutil.rmtree(old, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix="migrated-") as folder:
                _migrate(Path(folder))
                draft = _CACHE / "draft"
                subprocess.run(["cp", "-a", Path(folder) / "postgresql", draft], check=True)
            draft.rename(kept)
        return kept


def _migrate(data_dir: Path) -> None:
    servers = EmbeddedServers(data_dir=data_dir, postgresql=True, valkey=False, throw_away=True)
    servers.hold()
    try:
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=ROOT, env=fresh_environment(data_dir), timeout=300, check=True)
        at = servers.database_settings()
        with psycopg.connect(
            host=str(at["HOST"]), user=str(at["USER"]), dbname="template1", autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE {at['NAME']}")
    finally:
        servers.release()


def _digest() -> str:
    """Of what decides what migrating leaves."""
    digest = hashlib.sha256()
    migrations = (path for room in ("accounts", "ingestion", "reporting") for path in (ROOT / room).rglob("*.py"))
    for path in sorted(path for path in migrations if path.parent.name == "migrations"):
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    for path in (ROOT / "requirements/base.txt", ROOT / "config/embedded.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
