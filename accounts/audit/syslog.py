"""Sends messages to a syslog server: RFC 5424, over UDP, TCP, TLS (RFC 5425) or a socket of this machine.

Independent of tables and settings. Syslog acknowledges nothing. Over TCP and TLS a batch counts as received when the
server, which has read everything by then, answers the end of it by closing; over UDP and a socket when the kernel took
it.
"""

import socket
import ssl
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

_TIMEOUT_SECONDS: Final = 10
_FACILITY: Final = 13  # "log audit"
_PORTS: Final = {"udp": 514, "tcp": 601, "tls": 6514}
# What receivers must accept (RFC 5426) is less, what they do accept is more.
MAX_DATAGRAM: Final = 8192
_APP: Final = "linkedin-ads"


@dataclass(frozen=True, slots=True)
class Server:
    """Where messages go: `scheme` is udp, tcp, tls or unix; `path` is a socket's; `ca` names a file of authorities."""

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `text` is one line of ASCII, `short` what a datagram holds where the text is too long."""

    at: datetime
    kind: str
    text: bytes
    short: bytes
    is_alert: bool = False


def server_of(address: str) -> Server:
    """Raises ValueError, with an example."""
    try:
        parts = urlsplit(address)
        port, query = parts.port, parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError(_EXAMPLES) from None
    if parts.scheme == "unix" and parts.path and not parts.netloc and not query:
        return Server("unix", path=unquote(parts.path))
    has_ca = parts.scheme == "tls" and query.keys() == {"ca"}
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or (query and not has_ca):
        raise ValueError(_EXAMPLES)
    ca = query["ca"][-1] if has_ca else None
    return Server(parts.scheme, host=parts.hostname, port=port or _PORTS[parts.scheme], ca=ca)


_EXAMPLES: Final = (
    "it must look like udp://host:514, tcp://host:601, tls://host:6514, tls://host:6514?ca=/path/ca.pem or "
    "unix:///dev/log"
)


def send(server: Server, messages: Sequence[Message], *, hostname: str) -> None:
    """Raises OSError if the server did not take all of them; some may have arrived."""
    lines = [(_header(message, hostname), message) for message in messages]
    if server.scheme in {"udp", "unix"}:
        _send_datagrams(server, [_datagram(header, message) for header, message in lines])
    else:
        _send_stream(server, b"".join(_frame(header + message.text) for header, message in lines))


def _header(message: Message, hostname: str) -> bytes:
    severity = 4 if message.is_alert else 5  # warning, notice
    at = message.at.isoformat(timespec="microseconds")
    fields = f"<{_FACILITY * 8 + severity}>1 {at} {_name(hostname, 255)} {_APP} - {_name(message.kind, 32)} - "
    return fields.encode("ascii")


def _name(text: str, longest: int) -> str:
    """A name of the header: printable ASCII without spaces."""
    return "".join(letter for letter in text if "!" <= letter <= "~")[:longest] or "-"


def _datagram(header: bytes, message: Message) -> bytes:
    whole = header + message.text
    return whole if len(whole) <= MAX_DATAGRAM else header + message.short


def _frame(message: bytes) -> bytes:
    """With its length in front, so that nothing in it can end it (RFC 6587, octet counting)."""
    return b"%d %b" % (len(message), message)


def _send_datagrams(server: Server, datagrams: Sequence[bytes]) -> None:
    if server.scheme == "unix":
        family, address = socket.AF_UNIX, server.path
    else:
        family, _, _, _, address = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)[0]  # type: ignore[assignment]
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as sender:
        sender.settimeout(_TIMEOUT_SECONDS)
        sender.connect(address)
        for datagram in datagrams:
            sender.send(datagram)


def _send_stream(server: Server, data: bytes) -> None:
    with closing(socket.create_connection((server.host, server.port), timeout=_TIMEOUT_SECONDS)) as plain:
        if server.scheme == "tcp":
            plain.sendall(data)
            _wait_for_the_end(plain)
            return
        context = ssl.create_default_context(cafile=server.ca)
        with context.wrap_socket(plain, server_hostname=server.host) as encrypted:
            encrypted.sendall(data)
            encrypted.settimeout(_TIMEOUT_SECONDS)
            # Sends the end of the stream and waits for the server's own, which follows what it has read.
            try:
                encrypted.unwrap()
            except (TimeoutError, ssl.SSLEOFError):
                return


def _wait_for_the_end(plain: socket.socket) -> None:
    """Raises ConnectionResetError if the server went away without reading. One that keeps its side open took it."""
    plain.shutdown(socket.SHUT_WR)
    try:
        while plain.recv(4096):
            pass
    except TimeoutError:
        return
