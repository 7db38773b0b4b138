"""Connections that no client can hold for long, and that hold no thread while a client is slow.

waitress reads a whole request before a thread sees it, and keeps what a client has not yet read in a file, so that the
thread, its transaction and its COPY are free as soon as the response is written. Its own time-outs start again with
every byte, and never end a connection whose client reads nothing; the ones here are for a whole head, a whole request
and an average speed. Its queue has no limit; here each of the lanes has one.
"""

import json
import logging
import math
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer, TcpWSGIServer, UnixWSGIServer
from waitress.task import WSGITask
from waitress.utilities import Error

from config.web.lanes import Lanes

_log = structlog.get_logger(__name__)
# Seconds from the first byte of a request to the end of its head, and to its end.
HEAD_SECONDS: Final = 10
REQUEST_SECONDS: Final = 40
# Seconds that a connection stays open without a request.
IDLE_SECONDS: Final = 20
# What a refused client should wait.
RETRY_SECONDS: Final = 5
_YIELD_SECONDS: Final = 0.001
# How often clients are looked at.
_PERIOD_SECONDS: Final = 1
# A client that reads slower than this on average is cut off after the grace period.
MIN_READ_BYTES_PER_SECOND: Final = 32 * 1024
READ_GRACE_SECONDS: Final = 60
MAX_HEAD_BYTES: Final = 32 * 1024
# Django refuses bodies above 2.5 MB; the rest is for what it reads piece by piece.
MAX_BODY_BYTES: Final = 4 * 1024 * 1024
# What a client has not read: up to this in memory, up to this in a file, and more only as fast as it reads.
_MAX_BUFFER_BYTES: Final = 256 * 1024
_MAX_FILE_BYTES: Final = 64 * 1024 * 1024
# Of all files of one process.
MAX_FILES_BYTES: Final = 512 * 1024 * 1024
_IS_LINUX: Final = sys.platform == "linux"
EventLoop = dict[int, wasyncore.dispatcher]
_RESET: Final = struct.pack("ii", 1, 0)
# What the kernel may hold for a client, and how long it tries to send it to one that takes nothing.
_KERNEL_BYTES: Final = 256 * 1024
_KERNEL_MILLISECONDS: Final = READ_GRACE_SECONDS * 1000


def adjustments(*, max_connections: int) -> Adjustments:
    """waitress's settings."""
    settings = Adjustments(
        # The application decides which headers of a proxy it trusts (BEHIND_PROXY).
        clear_untrusted_proxy_headers=False,
        ident="",
        max_request_header_size=MAX_HEAD_BYTES,
        max_request_body_size=MAX_BODY_BYTES,
        inbuf_overflow=64 * 1024,
        outbuf_overflow=_MAX_BUFFER_BYTES,
        outbuf_high_watermark=_MAX_FILE_BYTES,
        # `Connections` makes room before, unless all of them wait for the application.
        connection_limit=max_connections + 50,
        # A client that goes away is no error of ours.
        log_socket_errors=False,
    )
    settings.socket_options = [
        *settings.socket_options,
        (socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES),
        *([(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _KERNEL_MILLISECONDS)] if _IS_LINUX else []),
    ]
    return settings


class Busy(Error):  # type: ignore[misc]
    """Too many requests wait: 503, as the API's errors are where the API was asked."""

    code, reason = 503, "Service Unavailable"

    def __init__(self, request: HTTPRequestParser) -> None:
        super().__init__("Too many requests are waiting.")
        self._path, self._address = request.path, request.request_uri

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        remedy = f"Try again in {RETRY_SECONDS} s."
        kind, body = "text/plain; charset=utf-8", f"{self.body} {remedy}\n"
        if self._path.startswith("/api/"):
            # `config.rest.problem`, which needs Django's settings.
            problem = {
                "type": "/api/v1/problems#unavailable",
                "title": "Not available at the moment",
                "status": self.code,
                "detail": self.body,
                "instance": self._address,
                "field": None,
                "remedy": remedy,
            }
            kind, body = "application/problem+json", json.dumps(problem)
        headers = [("Content-Type", kind), ("Retry-After", str(RETRY_SECONDS)), ("Cache-Control", "no-store")]
        return f"{self.code} {self.reason}", headers, body.encode()


class Request(HTTPRequestParser):  # type: ignore[misc]
    """A request that knows when its first byte came."""

    def __init__(self, adj: Adjustments) -> None:
        super().__init__(adj)
        self.began_at = time.monotonic()

    def parse_header(self, header_plus: bytes) -> None:
        """Refuses a request whose end another program could see elsewhere (RFC 9112, 6.1)."""
        super().parse_header(header_plus)
        if self.version == "1.0" and "TRANSFER_ENCODING" in self.headers:
            raise ParsingError("HTTP/1.0 has no Transfer-Encoding")
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Both Content-Length and Transfer-Encoding")


class Response(WSGITask):  # type: ignore[misc]
    """A response of the application."""

    def build_response_header(self) -> bytes:
        if self.channel.server.is_stopping:
            self.set_close_on_finish()
        head: bytes = super().build_response_header()
        return head

    def finish(self) -> None:
        if self.request.command == "HEAD":
            self.write(b"")
            # Else an empty body in pieces would follow.
            self.chunked_response = False
        super().finish()


class _WithoutPath(logging.LoggerAdapter[logging.Logger]):
    """waitress's lines end with the path of a request, which may hold a secret; `config.logs` has it without."""

    def process(self, msg: str, kwargs: MutableMapping[str, object]) -> tuple[str, MutableMapping[str, object]]:
        return msg.partition(" while serving ")[0], kwargs


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection, and how slow its client is."""

    logger = _WithoutPath(logging.getLogger("waitress"))
    parser_class = Request
    task_class = Response
    server: "Connections"
    current_outbuf_count: int

    def __init__(self, *arguments: object, **options: object) -> None:
        # When it was last busy, give or take a second.
        self.free_at = time.monotonic()
        # Bytes of responses in all, how many of them had left when this was last looked at, and until when the client
        # may take the rest.
        self._written = self._sent = 0
        self.read_until = math.inf
        super().__init__(*arguments, **options)

    @property
    def is_busy(self) -> bool:
        """Whether a request waits for its response, or a response for its client."""
        return bool(self.requests or self.total_outbufs_len)

    def service(self) -> None:
        """One request; the responses before it were read to their end."""
        self.free_at, self.read_until = time.monotonic(), math.inf
        super().service()

    def write_soon(self, data: bytes) -> int:
        with self.outbuf_lock:
            self._leave_full_buffer()
            count: int = super().write_soon(data)
            self._written += count
        return count

    def _leave_full_buffer(self) -> None:
        """What was sent stays in a buffer as long as it is used, in memory too."""
        if self.current_outbuf_count > 4 * _MAX_BUFFER_BYTES and not self.outbufs[-1].overflowed:
            # What the library looks at before it takes another.
            self.current_outbuf_count = self.adj.outbuf_high_watermark

    @property
    def bytes_in_files(self) -> int:
        """What the client has not yet read of responses that were written to temporary files."""
        return sum(len(one) for one in list(self.outbufs) if getattr(one, "overflowed", False))

    def handle_expt(self) -> None:
        """Urgent data, which HTTP has not: one such byte would wake the loop without end."""
        self.handle_close()

    def slowness(self, now: float) -> str | None:
        """What the client takes too long for; to be asked every second."""
        if self.is_busy:
            self.free_at = now
            return "reading" if self._reads_too_slowly(now) else None
        if self.request is None:
            return "idle" if now - self.free_at > self.server.idle_seconds else None
        waited = now - max(self.request.began_at, self.free_at)
        if self.request.headers_finished:
            return "sending a body" if waited > REQUEST_SECONDS else None
        return "sending a head" if waited > HEAD_SECONDS else None

    def _reads_too_slowly(self, now: float) -> bool:
        """Each byte read at the minimum speed buys time, but never more than the grace period."""
        sent = self._written - self.total_outbufs_len
        latest = now + READ_GRACE_SECONDS
        earned = (sent - self._sent) / MIN_READ_BYTES_PER_SECOND
        self.read_until = min(self.read_until + earned, latest) if self.total_outbufs_len else math.inf
        self._sent = sent
        return now > self.read_until

    def reset(self) -> None:
        """Close without sending the rest. A thread that waits for this client gets ClientDisconnected."""
        with suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.handle_close()


class Connections(BaseWSGIServer):  # type: ignore[misc]
    """The connections of one listening socket of one process."""

    channel_class = Channel
    active_channels: dict[int, Channel]

    def __init__(
        self, application: WSGIApplication, sock: socket.socket, *, event_loop: EventLoop, lanes: Lanes,
        max_connections: int,
    ) -> None:  # fmt: skip
        self.is_stopping = False
        self._tended_at = time.monotonic()
        self._lanes = lanes
        self._max_connections = max_connections
        self._refused = 0
        super().__init__(
            _without_body_of_head(application),
            event_loop,
            _sock=sock,
            dispatcher=lanes.instant,
            adj=adjustments(max_connections=max_connections),
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
            bind_socket=False,
        )

    def add_task(self, task: Channel) -> None:
        request = task.requests[0]
        if self._lanes.lane_of(request).is_full:
            request.error = Busy(request)
            self._refused += 1
        self._lanes.lane_of(request).add_task(task)

    def handle_accept(self) -> None:
        """Where there are too many connections, one whose client is slow makes room."""
        if self._lanes.are_busy:
            # A process that is not takes it meanwhile; both listen to one socket.
            time.sleep(_YIELD_SECONDS)
        if len(self.active_channels) >= self._max_connections and (slowest := self._slowest()):
            slowest.reset()
        super().handle_accept()

    def _slowest(self) -> Channel | None:
        """The one that has waited longest for a request, else the one that is next to be closed for slow reading."""
        channels = list(self.active_channels.values())
        if waiting := [one for one in channels if not one.is_busy]:
            return min(waiting, key=lambda one: one.free_at)
        reading = [one for one in channels if one.total_outbufs_len]
        return min(reading, key=lambda one: one.read_until) if reading else None

    def maintenance(self, now: float) -> None:
        """Nothing: the library goes by a clock that may be set back. See `tend`."""

    def tend(self) -> None:
        """Once a second at most: ends the connections of slow clients."""
        now = time.monotonic()
        if now - self._tended_at < _PERIOD_SECONDS:
            return
        self._tended_at = now
        closed = self._close_slow(now) + self._free_files()
        if closed:
            _log.info("connections of slow clients closed", **closed)
        if self._refused:
            _log.warning("requests refused: too many wait for a thread", count=self._refused)
            self._refused = 0

    def _close_slow(self, now: float) -> Counter[str]:
        """How many, by what their clients were slow at."""
        closed: Counter[str] = Counter()
        for channel in list(self.active_channels.values()):
            if slowness := channel.slowness(now):
                channel.reset() if slowness == "reading" else channel.handle_close()
                closed[slowness] += 1
        # As every browser's end; no line for those.
        del closed["idle"]
        return closed

    def _free_files(self) -> Counter[str]:
        """Ends connections, those with the largest files first, until the files are small enough together."""
        closed: Counter[str] = Counter()
        sizes = {channel: channel.bytes_in_files for channel in self.active_channels.values()}
        too_much = sum(sizes.values()) - MAX_FILES_BYTES
        for channel in sorted(sizes, key=sizes.__getitem__, reverse=True):
            if too_much <= 0:
                break
            too_much -= sizes[channel]
            channel.reset()
            closed["reading, with the largest files"] += 1
        return closed

    @property
    def idle_seconds(self) -> int:
        return 0 if self.is_stopping else IDLE_SECONDS

    def stop(self) -> None:
        """Accept nothing more; connections end with the responses to their current requests."""
        self.is_stopping, self.accepting = True, False


class TcpConnections(Connections, TcpWSGIServer):  # type: ignore[misc]
    """Of a TCP socket."""


class UnixConnections(Connections, UnixWSGIServer):  # type: ignore[misc]
    """Of a Unix socket, whose clients have no address."""

    def fix_addr(self, _: object) -> tuple[str, str]:
        return "", ""


def connections(sock: socket.socket) -> type[Connections]:
    """What accepts connections from this socket."""
    return UnixConnections if sock.family == socket.AF_UNIX else TcpConnections


def _without_body_of_head(application: WSGIApplication) -> WSGIApplication:
    """Django leaves it to its server to answer HEAD without a body; nothing is read from the database for one."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if hasattr(body, "close"):
            body.close()
        return []

    return answer
