"""Django's PostgreSQL backend; see `DatabaseWrapper`."""

from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Connects as Django does, once the embedded servers (where used) are up.

    Starting them here, and not when settings load, lets `--help`, type checks and schema generation run
    without a database.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        settings.EMBEDDED_SERVERS.hold()
        return super().get_new_connection(conn_params)
