"""The start of web, worker and beat: refused where the PostgreSQL server is too old."""

import sys

from django.conf import settings
from django.db import DatabaseError, NotSupportedError, connection


def require_supported_server() -> None:
    """Exits with a sentence. A server that does not answer may still come: /readyz reports it until then."""
    if settings.EMBEDDED_SERVERS.postgresql:
        return
    try:
        connection.ensure_connection()
    except NotSupportedError as error:
        sys.exit(str(error))
    except DatabaseError:
        pass
    finally:
        # Processes that are forked later must not share it.
        connection.close()
