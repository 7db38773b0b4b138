"""The simulator on a port: a threaded HTTP/1.1 server for demos and for tests with real processes."""

import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .answers import Response
from .simulator import Simulator


class _Handler(BaseHTTPRequestHandler):
    """Hands each request to the simulator and writes the answer in one piece."""

    protocol_version = "HTTP/1.1"
    server_version = "LinkedInSimulator"
    sys_version = ""
    # One buffered write per answer and no Nagle: otherwise head and body go out as two packets and the second
    # waits 40 ms for the peer's delayed acknowledgement.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: "SimulatorServer"

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        body = self.rfile.read(int(length)) if length.isdigit() else b""
        self._write(self.server.simulator.handle(self.command, self.path, dict(self.headers.items()), body))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer  # noqa: N815 - names of the standard library

    def _write(self, answer: Response) -> None:
        if answer.reset:
            self._hang_up_at_once()
            return
        self.send_response(answer.status, _phrase(answer.status))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body if answer.cut_at is None else answer.body[: answer.cut_at])
        self.wfile.flush()
        if answer.cut_at is not None:
            self.close_connection = True

    def _hang_up_at_once(self) -> None:
        """Close with a TCP reset instead of an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: requests are counted, and a log of theirs could hold tokens."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


class SimulatorServer(ThreadingHTTPServer):
    """A listening simulator; `url` is where it is reached."""

    request_queue_size = 512
    daemon_threads = True
    block_on_close = False
    allow_reuse_port = False

    def __init__(self, simulator: Simulator, host: str, port: int) -> None:
        self.simulator = simulator
        self._connections: set[socket.socket] = set()
        self._threads_at_work: set[threading.Thread] = set()
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """The base URL, with the port that was chosen."""
        return f"http://{self.server_name_for_people}:{self.server_address[1]}"

    @property
    def server_name_for_people(self) -> str:
        """The address without a reverse look-up, which can take seconds."""
        return str(self.server_address[0])

    def server_bind(self) -> None:
        """Bind; a port in use surfaces as OSError. Skips HTTPServer's slow getfqdn()."""
        # A port on which only closed connections linger is free; one that somebody listens on is not.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        socket.socket.bind(self.socket, self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Serve one connection and remember it meanwhile, so that closing the server can end it."""
        with self._lock:
            self._connections.add(request)
            self._threads_at_work.add(threading.current_thread())
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._connections.discard(request)
                self._threads_at_work.discard(threading.current_thread())

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news; anything else is a fault of ours and is printed."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def server_close(self) -> None:
        """Close the port and every connection kept alive, and wait for their threads."""
        super().server_close()
        with self._lock:
            connections, threads = list(self._connections), list(self._threads_at_work)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in threads:
            thread.join(timeout=5)


def serve(simulator: Simulator, host: str = "127.0.0.1", port: int = 0) -> SimulatorServer:
    """Give a bound server; call `serve_forever()`, and `server_close()` at the end. OSError: port in use."""
    return SimulatorServer(simulator, host, port)


@contextmanager
def running_server(simulator: Simulator, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve in a thread; give the base URL."""
    server = serve(simulator, host, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="linkedin-simulator")
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
