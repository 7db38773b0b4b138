"""Django's PostgreSQL backend; see `DatabaseWrapper`."""

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects as Django does, once the embedded servers (where used) are up.

    Starting them here, and not when settings load, lets `--help`, type checks and schema generation run
    without a database.
    """

    def get_new_connection(self, conn_params: dict[str, object]) -> psycopg.Connection[tuple[object, ...]]:
        settings.EMBEDDED_SERVERS.hold()
        connection: psycopg.Connection[tuple[object, ...]] = super().get_new_connection(conn_params)
        return connection
