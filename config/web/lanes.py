"""Which threads answer a request: health checks, downloads and pages never wait for each other.

Each lane has threads and a queue of its own. What does not fit into a queue is refused at once.
"""

import re
from typing import Final

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ThreadedTaskDispatcher

# Files, most of which PostgreSQL writes while they are sent: by their name, the admin's address or the API's parameter.
_DOWNLOAD_PATH: Final = re.compile(r"\.(?:csv|ndjson|xlsx)$|/export/|/exports/\d+/file/?$")
_DOWNLOAD_QUERY: Final = re.compile(r"(?:^|&)format=(?:csv|ndjson|xlsx)(?:&|$)")


class Lane(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Threads with a queue of at most `max_waiting` requests."""

    def __init__(self, *, threads: int, max_waiting: int) -> None:
        super().__init__()
        self._max_waiting = max_waiting
        self.set_thread_count(threads)

    @property
    def is_full(self) -> bool:
        return len(self.queue) >= self._max_waiting

    def add_task(self, task: HTTPChannel) -> None:
        """Without the library's warning for each request that has to wait."""
        with self.lock:
            self.queue.append(task)
            self.queue_cv.notify()


class Lanes:
    """The lanes of one process; `threads` is how many answer pages and the API."""

    def __init__(self, *, threads: int, max_connections: int) -> None:
        # /healthz; and refusals, which are themselves never refused.
        self.instant = Lane(threads=1, max_waiting=max_connections)
        # /readyz and /metrics ask PostgreSQL and Valkey, which may take their time.
        self._monitoring = Lane(threads=1, max_waiting=20)
        self._downloads = Lane(threads=2, max_waiting=200)
        self._pages = Lane(threads=threads, max_waiting=100)
        self.all = (self.instant, self._monitoring, self._downloads, self._pages)

    @property
    def are_busy(self) -> bool:
        """Whether requests for pages wait for a thread."""
        return bool(self._pages.queue)

    def lane_of(self, request: HTTPRequestParser) -> Lane:
        if request.error or request.path == "/healthz":
            return self.instant
        if request.path in ("/readyz", "/metrics"):
            return self._monitoring
        if _DOWNLOAD_PATH.search(request.path) or _DOWNLOAD_QUERY.search(request.query):
            return self._downloads
        return self._pages
