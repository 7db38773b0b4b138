"""A web process: gunicorn starts, watches, reloads and stops it, waitress reads and writes its connections."""

import os
import resource
import sys
import time
from types import FrameType
from typing import Final

from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker
from waitress import wasyncore

from config.web.connections import EventLoop, connections
from config.web.lanes import Lanes

# A socket, and a file for what the client has not read.
_FILES_PER_CONNECTION: Final = 2
# Files that a process opens for something other than connections: databases, logs, libraries.
_OTHER_FILES: Final = 200
# Part of the time that gunicorn gives a stopping process; it is for what comes after its last response.
_SECONDS_TO_EXIT: Final = 2


class WebWorker(Worker):  # type: ignore[misc]
    """One thread reads and writes all connections; the threads of the lanes answer their requests."""

    @classmethod
    def check_config(cls, cfg: Config, _: Logger) -> None:
        if cfg.is_ssl:
            sys.exit("The web process speaks plain http; let a proxy terminate TLS, as docs/deploying.md says.")

    def run(self) -> None:
        max_connections = _raise_limit_of_files(self.cfg.worker_connections)
        lanes = Lanes(threads=self.cfg.threads, max_connections=max_connections)
        self._event_loop: EventLoop = {}
        self._listening = [
            connections(one.sock)(
                self.wsgi, one.sock, event_loop=self._event_loop, lanes=lanes, max_connections=max_connections
            )
            for one in self.sockets
        ]
        while self.alive and os.getppid() == self.ppid:
            self._turn()
        self._finish_requests()

    def _turn(self) -> None:
        """Whatever the network has ready, within a second."""
        self.notify()
        wasyncore.loop(timeout=1, use_poll=True, map=self._event_loop, count=1)
        for one in self._listening:
            one.tend()

    def _finish_requests(self) -> None:
        latest = time.monotonic() + self.cfg.graceful_timeout - _SECONDS_TO_EXIT
        for one in self._listening:
            one.stop()
        while any(one.active_channels for one in self._listening) and time.monotonic() < latest:
            self._turn()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM ends the wait for the network, too."""
        super().handle_exit(sig, frame)
        for one in self.__dict__.get("_listening", []):
            one.pull_trigger()


def _raise_limit_of_files(max_connections: int) -> int:
    """Lets this process open what its connections need; gives how many of them there can be."""
    wanted = _FILES_PER_CONNECTION * max_connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return (allowed - _OTHER_FILES) // _FILES_PER_CONNECTION
