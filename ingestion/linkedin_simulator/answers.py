"""What comes in and what goes out, before any network is involved."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import Refusal


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `raw_query` is undecoded and, for a tunnelled call, taken from the body."""

    method: str
    path: str
    raw_query: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """Give a header by its lower-case name, empty where it was not sent."""
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; `cut_at` closes the connection after this many bytes of the body, `reset` before the first."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut_at: int | None = None
    reset: bool = False


def json_answer(status: int, body: object) -> Response:
    """Give a JSON answer; text that is JSON already is sent as it is."""
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return Response(status, {"Content-Type": "application/json"}, text.encode())


def refused_answer(refused: Refusal) -> Response:
    """Give the answer that a refusal stands for."""
    if isinstance(refused.body, bytes):
        return Response(refused.status, refused.headers, refused.body)
    answer = json_answer(refused.status, refused.body)
    return Response(refused.status, {**answer.headers, **refused.headers}, answer.body)


def html_answer(status: int, body: bytes) -> Response:
    """Give an HTML page."""
    return Response(status, {"Content-Type": "text/html; charset=utf-8"}, body)


def redirect(url: str) -> Response:
    """Send the browser elsewhere."""
    return Response(303, {"Location": url}, b"")
