"""Messages as a real receiver on this machine gets them: RFC 5424, over each of the four ways."""

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.audit import syslog
from accounts.audit.syslog import Message, Server, server_of
from tests.tls_in_front import self_signed

AT = datetime(2026, 11, 29, 1, 2, 3, 456789, tzinfo=UTC)
ROLE = Message(at=AT, kind="role_changed", text=b'{"id": 1}', short=b'{"id": 1, "is_shortened": true}', is_alert=True)
LOGIN = Message(at=AT, kind="login", text=b'{"id": 2}', short=b"{}")
RFC_5424 = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}(?:Z|[+-]\d\d:\d\d)) ([!-~]{1,255}) ([!-~]{1,48})"
    rb" ([!-~]{1,128}) ([!-~]{1,32}) - (.*)",
    re.DOTALL,
)
EXPECTED = [
    b'<108>1 2026-11-29T01:02:03.456789+00:00 ads.example.com linkedin-ads - role_changed - {"id": 1}',
    b'<109>1 2026-11-29T01:02:03.456789+00:00 ads.example.com linkedin-ads - login - {"id": 2}',
]


def send(server: Server, *messages: Message) -> None:
    syslog.send(server, messages or (ROLE, LOGIN), hostname="ads.example.com")


@contextmanager
def stream_receiver(read: Callable[[socket.socket], bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Accepts one connection on a port of this machine, and keeps what `read` returns of it."""
    received: list[bytes] = []

    def accept() -> None:
        connection, _ = listener.accept()
        with closing(connection):
            received.append(read(connection))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], received
        thread.join(timeout=10)


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(4096), b""))


def frames(data: bytes) -> list[bytes]:
    """What octet counting delimits."""
    found = []
    while data:
        length, _, rest = data.partition(b" ")
        found.append(rest[: int(length)])
        data = rest[int(length) :]
    return found


def test_udp() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        send(Server("udp", host="127.0.0.1", port=receiver.getsockname()[1]))
        assert [receiver.recv(65_535) for _ in range(2)] == EXPECTED


def test_the_socket_of_this_machine(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(str(tmp_path / "log"))
        receiver.settimeout(5)
        send(server_of(f"unix://{tmp_path / 'log'}"))
        assert [receiver.recv(65_535) for _ in range(2)] == EXPECTED


def test_tcp() -> None:
    with stream_receiver(read_all) as (port, received):
        send(Server("tcp", host="127.0.0.1", port=port))
    assert frames(received[0]) == EXPECTED


def test_tls_with_an_authority_of_our_own(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "localhost")
    with stream_receiver(read_tls(certificate)) as (port, received):
        send(server_of(f"tls://localhost:{port}?ca={certificate}"))
    assert frames(received[0]) == EXPECTED


@pytest.mark.parametrize("host", ["localhost", "logs.example.com"])
def test_tls_verifies_the_authority_and_the_name(tmp_path: Path, host: str) -> None:
    """One certificate that nobody vouches for, and one that is trusted but of another host."""
    certificate = self_signed(tmp_path, host)
    with stream_receiver(read_tls(certificate)) as (port, received), pytest.raises(ssl.SSLCertVerificationError):
        send(Server("tls", host="localhost", port=port, ca=None if host == "localhost" else str(certificate)))
    assert received == [b""]


def read_tls(certificate: Path) -> Callable[[socket.socket], bytes]:
    def read(connection: socket.socket) -> bytes:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        try:
            with context.wrap_socket(connection, server_side=True) as inside:
                return read_all(inside)
        except ssl.SSLError:
            return b""

    return read


def test_a_server_that_goes_away_without_reading_took_nothing() -> None:
    def hang_up(connection: socket.socket) -> bytes:
        # Closing with unread data, and without lingering, resets the connection.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        return b""

    with stream_receiver(hang_up) as (port, _), pytest.raises(OSError, match=r"reset|pipe|not connected"):
        syslog.send(Server("tcp", host="127.0.0.1", port=port), [LOGIN] * 20_000, hostname="h")


def test_nobody_there_is_an_error() -> None:
    with pytest.raises(ConnectionRefusedError):
        send(Server("tcp", host="127.0.0.1", port=1))
    with pytest.raises(OSError, match="No such file"):
        send(Server("unix", path="/nowhere/log"))


def test_a_datagram_too_long_comes_without_its_details() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        long = Message(at=AT, kind="exported", text=b"x" * syslog.MAX_DATAGRAM, short=b'{"is_shortened": true}')
        send(Server("udp", host="127.0.0.1", port=receiver.getsockname()[1]), long)
        assert receiver.recv(65_535).endswith(b' - {"is_shortened": true}')


@given(hostname=st.text(max_size=300), kind=st.text(max_size=60), detail=st.text())
def test_every_message_is_one_of_rfc_5424_and_ends_where_it_says(hostname: str, kind: str, detail: str) -> None:
    text = json.dumps({"detail": detail}).encode("ascii")
    header = syslog._header(Message(at=AT, kind=kind, text=text, short=b"{}"), hostname)
    [framed] = frames(syslog._frame(header + text))
    found = RFC_5424.fullmatch(framed)
    assert found
    assert found[7] == text
    assert b"\n" not in framed


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("udp://logs", Server("udp", host="logs", port=514)),
        ("tcp://logs:1514/", Server("tcp", host="logs", port=1514)),
        ("tls://logs.example.com", Server("tls", host="logs.example.com", port=6514)),
        ("tls://[2001:db8::1]?ca=/etc/a%20ca.pem", Server("tls", host="2001:db8::1", port=6514, ca="/etc/a ca.pem")),
        ("unix:///dev/log", Server("unix", path="/dev/log")),
    ],
)
def test_an_address_says_where_messages_go(address: str, server: Server) -> None:
    assert server_of(address) == server


@pytest.mark.parametrize(
    "address",
    [
        "logs:514",
        "http://logs",
        "udp://",
        "udp://logs:port",
        "udp://logs?ca=/ca.pem",
        "tls://logs?cert=/c.pem",
        "tls://logs/path",
        "unix://",
        "unix://host/dev/log",
    ],
)
def test_an_address_that_is_none_is_refused_with_examples(address: str) -> None:
    with pytest.raises(ValueError, match="it must look like udp://host:514"):
        server_of(address)
