"""How the web process serves; gunicorn reads these names."""

import re
from typing import Any

from gunicorn.glogging import Logger

# Links of invitations and new passwords open doors: their tokens stay out of the log.
_SECRET_PATH = re.compile(r"^(/people/(?:invitation|password-reset/[^/]+)/)(?!choose/)[^/]+")


class AccessLog(Logger):  # type: ignore[misc]
    def atoms(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        atoms: dict[str, Any] = super().atoms(*args, **kwargs)
        atoms["U"] = _SECRET_PATH.sub(r"\1…", atoms["U"] or "")
        return atoms


logger_class = AccessLog

# A thread per request: pages wait for PostgreSQL, not for the processor.
threads = 8
accesslog = "-"
# The path alone: LinkedIn's callback carries an authorization code in its query.
access_log_format = '%(h)s "%(m)s %(U)s" %(s)s %(b)s bytes %(L)s s'
loglevel = "warning"
