"""A loopback server that gives the answers a test wrote down, in order, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass
class ScriptedLinkedIn:
    """`answers` are used up one by one; the last one is repeated."""

    url: str
    answers: list[tuple[int, Any]]
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def forms(self) -> list[dict[str, str]]:
        return [form for _, form in self.asked]


TOKENS = {
    "access_token": "new-access-token",
    "expires_in": 5184000,
    "refresh_token": "new-refresh-token",
    "refresh_token_expires_in": 31536000,
    "scope": "r_ads,r_ads_reporting",
}


@contextmanager
def scripted_linkedin(*answers: tuple[int, Any]) -> Iterator[ScriptedLinkedIn]:
    """Each answer is a status and a body: a dict goes out as JSON, bytes as they are."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            with lock:
                script.asked.append((self.path, {name: values[0] for name, values in form.items()}))
                status, body = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if status == 302:
                self.send_header("Location", f"{script.url}/elsewhere")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    lock = threading.Lock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script = ScriptedLinkedIn(f"http://127.0.0.1:{server.server_port}", list(answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
