"""How the web process serves; gunicorn reads these names."""

import os

from config.postgresql.version import require_supported_server
from config.web.worker import WebWorker

worker_class = WebWorker
# One for each of two cores: Python uses one at a time.
workers = 2
# Of each process, for pages and the API: they wait for PostgreSQL, not for the processor. Other lanes have their own.
threads = 8
# Of each process.
worker_connections = 1000
# Every request has its line from `config/logs.py`, with its id and without its query.
accesslog = None
loglevel = "warning"
# gunicorn would believe X-Forwarded-Proto of any program on this machine; BEHIND_PROXY decides that instead.
forwarded_allow_ips = ""
# A second way in, at one address for all installations of a user.
control_socket_disable = True


def on_starting(server: object) -> None:
    """In the main process, before any worker."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    require_supported_server()
