"""A small application behind the product's connections and lanes, in this process and within milliseconds."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from wsgiref.types import StartResponse, WSGIEnvironment

from waitress import wasyncore

from config.web import connections
from config.web.connections import Connections, EventLoop
from config.web.lanes import Lanes


@dataclass
class Application:
    """Answers by path; a test opens `gate` to let go what waits for it."""

    gate: threading.Event = field(default_factory=threading.Event)
    began: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    environs: list[WSGIEnvironment] = field(default_factory=list)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.began.append(path)
        self.environs.append(environ)
        body = environ["wsgi.input"].read()
        if "wait" in path or "wait" in environ["QUERY_STRING"]:
            self.gate.wait(20)
        if path.startswith("/bytes/"):
            start_response("200 OK", [("Content-Type", "text/csv")])
            return self._stream(path, int(path.split("/")[2].removesuffix(".csv")))
        if path.startswith("/whole/"):
            whole = b"x" * int(path.removeprefix("/whole/"))
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(whole)))])
            return [whole]
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(path) + len(body)))])
        self.ended.append(path)
        return [path.encode() + body]

    def _stream(self, path: str, size: int) -> Iterator[bytes]:
        try:
            if not size:
                raise ZeroDivisionError
            for _ in range(size // 65_536):
                yield b"x" * 65_536
        finally:
            self.ended.append(path)


@dataclass
class Served:
    """Where the application answers; `listening` may be stopped. Connections stay open to the end."""

    application: Application
    listening: Connections
    address: tuple[str, int] | str
    clients: list[socket.socket] = field(default_factory=list)

    def connect(self, *, receive_buffer: int | None = None) -> socket.socket:
        client = socket.socket(socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET)
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(10)
        client.connect(self.address)
        self.clients.append(client)
        return client

    def begin(self, path: str, count: int, **options: int) -> list[socket.socket]:
        """So many connections with a request for this path."""
        clients = [self.connect(**options) for _ in range(count)]
        for client in clients:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return clients

    def ask(self, path: str, *, method: str = "GET", headers: str = "", body: bytes = b"") -> bytes:
        """The whole response, over a connection that ends with it."""
        with self.connect() as client:
            length = f"Content-Length: {len(body)}\r\n" if body else ""
            client.sendall(
                f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}{length}\r\n".encode()
            )
            client.sendall(body)
            return everything(client)


def everything(client: socket.socket) -> bytes:
    """What comes until the other side closes; a reset is an end, too."""
    found = b""
    try:
        while piece := client.recv(1_000_000):
            found += piece
    except ConnectionResetError:
        pass
    return found


def wait_until(condition: Callable[[], object], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.01)


@contextmanager
def serving(*, threads: int = 2, max_connections: int = 50, path: str = "") -> Iterator[Served]:
    """At a free port, or at a Unix socket."""
    application = Application()
    where, family = (path, socket.AF_UNIX) if path else (("127.0.0.1", 0), socket.AF_INET)
    with socket.create_server(where, family=family) as sock:
        address = sock.getsockname()
        event_loop: EventLoop = {}
        lanes = Lanes(threads=threads, max_connections=max_connections)
        listening = connections.connections(sock)(
            application, sock, event_loop=event_loop, lanes=lanes, max_connections=max_connections
        )
        done = threading.Event()

        def run() -> None:
            while not done.is_set():
                wasyncore.loop(timeout=0.05, use_poll=True, map=event_loop, count=1)
                listening.tend()

        loop = threading.Thread(target=run)
        loop.start()
        served = Served(application, listening, address)
        try:
            yield served
        finally:
            application.gate.set()
            for client in served.clients:
                client.close()
            done.set()
            loop.join()
            for lane in lanes.all:
                lane.shutdown()
            for channel in list(listening.active_channels.values()):
                channel.handle_close()
            wasyncore.close_all(event_loop)
