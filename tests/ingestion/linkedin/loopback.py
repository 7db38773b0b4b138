"""A real HTTP server on 127.0.0.1 with scripted answers, and a clock that only moves when somebody waits."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ingestion.linkedin.client import LinkedInClient, StaticToken, TokenSource

SAMPLES = Path(__file__).parents[2] / "samples" / "linkedin"
TOKEN = "AQtoken-of-alice-1"


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """`declared` overstates Content-Length, `chunked` sends pieces, with `cut` the last one is missing."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    declared: int | None = None
    chunked: bool = False
    cut: bool = False
    reset: bool = False


def as_json(value: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(value).encode(), {k.replace("_", "-"): v for k, v in headers.items()})


class Script:
    """What the server answers, in order, the last one for ever; and what it was asked."""

    def __init__(self) -> None:
        self.replies: list[Reply | Callable[[Request], Reply]] = []
        self.requests: list[Request] = []
        self._lock = threading.Lock()

    def answer(self, *replies: Reply | Callable[[Request], Reply]) -> None:
        self.replies = list(replies)

    def take(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply(request) if callable(reply) else reply


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer on a kept connection waits 40 ms
    script: Script

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # `self.path` may be normalised; the request line is what was on the wire.
        target = self.requestline.split(" ")[1]
        reply = self.script.take(Request(self.command, target, dict(self.headers.items()), body))
        if reply.reset:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self._send_chunked(reply) if reply.chunked else self._send_whole(reply)

    do_POST = do_GET  # noqa: N815

    def _send_whole(self, reply: Reply) -> None:
        self.send_header("Content-Length", str(reply.declared or len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = reply.declared is not None or self.close_connection

    def _send_chunked(self, reply: Reply) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(reply.body), reply.body))
        if not reply.cut:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent: a client that stopped listening is part of some tests."""


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """The base URL of a server that follows the script."""
    handler = type("Handler", (_Handler,), {"script": script})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Clock:
    """Seconds pass only in `sleep`; `random` says one half, so that every jitter is known."""

    def __init__(self, now: datetime = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)) -> None:
        self.waits: list[float] = []
        self._start = now
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)

    def monotonic(self) -> float:
        return sum(self.waits)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def random(self) -> float:
        return 0.5


def make_client(base_url: str, clock: Clock, *, tokens: TokenSource | None = None, **changes: Any) -> LinkedInClient:
    settings: dict[str, Any] = {
        "base_url": base_url,
        "version": "202607",
        "tokens": tokens or StaticToken(TOKEN),
        "sleep": clock.sleep,
        "monotonic": clock.monotonic,
        "now": clock.now,
        "random": clock.random,
    }
    return LinkedInClient(**{**settings, **changes})
