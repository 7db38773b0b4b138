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
# Every request has its line from `config/logs.py`, with its id and without its query.
accesslog = None
loglevel = "warning"
