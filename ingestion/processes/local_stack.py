"""The whole service on one machine: the processes of `Procfile` under one supervisor.

Used by `manage.py run` and `manage.py demo`. The supervisor itself holds the embedded databases, so that they
stop after the last of its processes.
"""

import errno
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer


class PortTaken(Exception):
    """Something else listens there; the message names the remedy."""


def prepare_database() -> None:
    """Bring the tables up to date, then let go of the connection: children must not share it."""
    call_command("migrate", verbosity=0)
    connections.close_all()


def require_free_port(port: int, *, option: str) -> None:
    """Raises PortTaken where another program listens on this port, or no computer has it."""
    if not 0 < port < 65_536:
        raise PortTaken(f"There is no port {port}; choose one from 1 to 65535 with {option}.")
    with socket.socket() as probe:
        # As servers do: a port that a closed connection still lingers on is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortTaken(
                f"Port {port} is in use by another program; stop that one, or choose another port with {option}."
            ) from None


def supervisor(*, port: int, extra: Mapping[str, str] | None = None, output: IO[str] = sys.stdout) -> Manager:
    """A supervisor of web, worker and beat and of extra commands by name; `loop()` runs it until Ctrl-C."""
    manager = Manager(Printer(output))
    env = {
        **os.environ,
        "PORT": str(port),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]),
        "PYTHONUNBUFFERED": "1",
    }
    commands = {**(extra or {}), **parse_procfile((settings.BASE_DIR / "Procfile").read_text()).processes}
    for name, command in commands.items():
        # Without `exec` a shell would stand between the supervisor's signal and the program.
        manager.add_process(name, f"exec {command}", env=env, cwd=str(settings.BASE_DIR))
    return manager
