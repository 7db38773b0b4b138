"""The simulator under a real `requests` session, without a network."""

from __future__ import annotations

import io
from collections.abc import Mapping

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError
from urllib3.util import parse_url

from .simulator import Simulator

HOSTS = ("https://api.linkedin.com", "https://www.linkedin.com")


class _CutBody(io.BytesIO):
    """A body whose connection closes before its announced end."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if data:
            return data
        raise ProtocolError("Connection broken: IncompleteRead")


class SimulatorAdapter(BaseAdapter):
    """Answers a session's requests from a Simulator; mount it for LinkedIn's two hosts."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self.simulator = simulator

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Response one prepared request; resets and cut bodies raise what requests raises."""
        url = parse_url(request.url or "")
        headers = {
            "Host": url.netloc or "",
            "X-Forwarded-Proto": url.scheme or "https",
            **dict(request.headers),
        }
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        # what requests would put on the wire: parse_url() would normalise the escapes of the query
        answer = self.simulator.handle(request.method or "GET", request.path_url, headers, body)
        if answer.reset:
            raise requests.ConnectionError("Connection reset by peer", request=request)
        raw = HTTPResponse(
            body=io.BytesIO(answer.body) if answer.cut_at is None else _CutBody(answer.body[: answer.cut_at]),
            headers={**answer.headers, "Content-Length": str(len(answer.body))},
            status=answer.status,
            preload_content=False,
            request_method=request.method,
        )
        return self._response(request, raw, stream=stream)

    @staticmethod
    def _response(request: requests.PreparedRequest, raw: HTTPResponse, *, stream: bool) -> requests.Response:
        response = requests.Response()
        response.status_code = raw.status
        response.headers = requests.structures.CaseInsensitiveDict(raw.headers.items())
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        response.raw = raw
        response.reason = raw.reason or ""
        response.url = request.url or ""
        response.request = request
        if not stream:
            response.content  # noqa: B018 - reading here raises for a cut body, as a real session does
        return response

    def close(self) -> None:
        """Nothing is held open."""


def simulated_session(simulator: Simulator, *hosts: str, **headers: str) -> requests.Session:
    """Give a session on which LinkedIn's hosts (or the ones named) are answered by the simulator."""
    session = requests.Session()
    for host in hosts or HOSTS:
        session.mount(host, SimulatorAdapter(simulator))
    session.headers.update(headers)
    return session
