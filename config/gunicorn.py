"""How the web process serves; gunicorn reads these names."""

import os

from config.postgresql.version import require_supported_server

# A thread per request: pages wait for PostgreSQL, not for the processor.
threads = 8
# Every request has its line from `config/logs.py`, with its id and without its query.
accesslog = None
loglevel = "warning"
# gunicorn would believe X-Forwarded-Proto of any program on this machine; BEHIND_PROXY decides that instead.
forwarded_allow_ips = ""


def on_starting(server: object) -> None:
    """In the main process, before any worker."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    require_supported_server()
