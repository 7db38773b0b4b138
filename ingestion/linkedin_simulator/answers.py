"""What comes in and what goes out, before any network is involved."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Refused


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
class Answer:
    """One answer; `cut_at` closes the connection after so many bytes of the body, `reset` before any."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut_at: int | None = None
    reset: bool = False


def json_answer(status: int, body: Any) -> Answer:
    """Give a JSON answer; text that is JSON already is sent as it is."""
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return Answer(status, {"Content-Type": "application/json"}, text.encode())


def refused_answer(refused: Refused) -> Answer:
    """Give the answer that a refusal stands for."""
    if isinstance(refused.body, bytes):
        return Answer(refused.status, refused.headers, refused.body)
    answer = json_answer(refused.status, refused.body)
    return Answer(refused.status, {**answer.headers, **refused.headers}, answer.body)


def html_answer(status: int, body: bytes) -> Answer:
    """Give an HTML page."""
    return Answer(status, {"Content-Type": "text/html; charset=utf-8"}, body)


def redirect(url: str) -> Answer:
    """Send the browser elsewhere."""
    return Answer(303, {"Location": url}, b"")
