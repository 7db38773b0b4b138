"""Django's PostgreSQL backend; see `DatabaseWrapper`."""

from typing import Final

import psycopg
from django.conf import settings
from django.db import NotSupportedError
from django.db.backends.postgresql import base, features

# What statements and results rest on, whatever the server, the database or the role is set to. Limits (timeouts) and
# what only plans rest on are left to them.
_SESSION_SETTINGS: Final = {
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",
    "search_path": '"$user", public',
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
}


class DatabaseFeatures(features.DatabaseFeatures):
    minimum_database_version = (16,)


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects as Django does, once the embedded servers (where used) are up, with the settings that we rely on.

    Starting them here, and not when settings load, lets `--help`, type checks and schema generation run
    without a database.
    """

    features_class = DatabaseFeatures

    def get_new_connection(self, conn_params: dict[str, object]) -> psycopg.Connection[tuple[object, ...]]:
        settings.EMBEDDED_SERVERS.hold()
        connection: psycopg.Connection[tuple[object, ...]] = super().get_new_connection(conn_params)
        return connection

    def init_connection_state(self) -> None:
        super().init_connection_state()
        # As statements: poolers between us and the server refuse settings that come with the connection. What the
        # address itself asks for stays.
        asked_for = str(self.settings_dict["OPTIONS"].get("options", ""))
        own = {name: value for name, value in _SESSION_SETTINGS.items() if name not in asked_for}
        with self.connection.cursor() as cursor:
            calls = ", ".join(f"set_config('{name}', %s, false)" for name in own)
            cursor.execute(f"SELECT {calls}", list(own.values()))

    def check_database_version_supported(self) -> None:
        """Raises NotSupportedError, as Django does, with a remedy."""
        found, oldest = self.get_database_version(), self.features.minimum_database_version
        if oldest is not None and found < oldest:
            raise NotSupportedError(
                f"This is PostgreSQL {found[0]}, and {oldest[0]} is the oldest that works; upgrade the server, or "
                "point DATABASE_URL to another one."
            )
