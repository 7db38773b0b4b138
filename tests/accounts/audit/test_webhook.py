"""Signed requests as a real HTTP receiver on this machine gets them, and the addresses that are refused."""

import base64
import hashlib
import hmac
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from accounts.audit.webhook import AddressRefused, DocumentRefused, Sender, receiver_of
from tests.tls_in_front import self_signed

NOW = datetime(2026, 11, 29, 1, 2, 3, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"the first key of thirty-two bytes").decode()
LOOPBACK = ["127.0.0.0/8", "::1/128"]
BODY = b'{"id": 7, "kind": "login"}'


@dataclass
class Received:
    url: str
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def http_receiver(*statuses: int, certificate: Path | None = None) -> Iterator[Received]:
    """Answers one request after the other with these, and then 204."""
    left = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = left.pop(0) if left else 204
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", received.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    received = Received(f"{scheme}://localhost:{server.server_port}/hooks/a-secret-path")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()


def send(url: str, *, networks: list[str] = LOOPBACK, secret: str = SECRET) -> None:
    with Sender(receiver_of(url, secret=secret, networks=networks)) as sender:
        sender.send(BODY, message_id="audit-event-7", now=NOW)


def is_signed_with(key: bytes, headers: dict[str, str], body: bytes) -> bool:
    """As the receivers' libraries of Standard Webhooks verify it."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    versions = [one.split(",", 1) for one in headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(value, expected) for version, value in versions)


def test_the_receiver_can_verify_who_sent_it_and_when() -> None:
    with http_receiver() as received:
        send(received.url)
    [(headers, body)] = received.requests
    assert (body, headers["content-type"]) == (BODY, "application/json")
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("audit-event-7", str(int(NOW.timestamp())))
    assert is_signed_with(b"the first key of thirty-two bytes", headers, body)
    assert not is_signed_with(b"another key", headers, body)
    assert not is_signed_with(b"the first key of thirty-two bytes", headers, body + b" ")


def test_two_keys_sign_while_one_replaces_the_other() -> None:
    with http_receiver() as received:
        send(received.url, secret="the new one, the-old-one")
    [(headers, body)] = received.requests
    assert is_signed_with(b"the new one", headers, body)
    assert is_signed_with(b"the-old-one", headers, body)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_document_that_is_refused_is_not_the_receivers_fault(status: int) -> None:
    with http_receiver(status) as received, pytest.raises(DocumentRefused, match=str(status)):
        send(received.url)


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404, 410, 429, 500, 503])
def test_other_answers_mean_that_nothing_arrived_and_no_redirect_is_followed(status: int) -> None:
    with http_receiver(status) as received, pytest.raises(OSError, match=f"The receiver answers {status}"):
        send(received.url)
    assert len(received.requests) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    with (
        http_receiver(certificate=self_signed(tmp_path, "localhost")) as received,
        pytest.raises(OSError, match=r"cannot be reached \(SSLError\)") as refused,
    ):
        send(received.url)
    assert received.requests == []
    assert "a-secret-path" not in str(refused.value)
    assert refused.value.__context__ is None


def test_a_trusted_certificate_is_verified_by_name_whatever_address_was_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, "localhost")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with http_receiver(certificate=certificate) as received:
        send(received.url)
        with pytest.raises(OSError, match="SSLError"):
            send(received.url.replace("localhost", "127.0.0.1"))
    assert len(received.requests) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_this_machine_is_out_of_reach_unless_it_is_allowed(host: str, scheme: str) -> None:
    with http_receiver() as received, pytest.raises(AddressRefused, match="AUDIT_WEBHOOK_NETWORKS"):
        send(f"{scheme}://{host}:{received.url.split(':')[2]}", networks=[])
    assert received.requests == []


@pytest.mark.parametrize(
    ("address", "scheme", "is_fine"),
    [
        ("93.184.216.34", "https", True),
        ("93.184.216.34", "http", False),
        ("2606:2800:220:1::1", "https", True),
        ("10.0.0.7", "https", False),
        ("172.16.5.4", "https", False),
        ("192.168.1.1", "https", False),
        ("169.254.169.254", "https", False),
        ("100.64.0.1", "https", False),
        ("fd00::7", "https", False),
        ("fe80::1%eth0", "https", False),
        ("::ffff:10.0.0.7", "https", False),
        # What networks translate to IPv4: NAT64, 6to4, IPv4-translated, IPv4-compatible; and former site-local ones.
        ("64:ff9b::a9fe:a9fe", "https", False),
        ("64:ff9b:1::7f00:1", "https", False),
        ("2002:a9fe:a9fe::", "https", False),
        ("::ffff:0:127.0.0.1", "https", False),
        ("::127.0.0.1", "https", False),
        ("fec0::1", "https", False),
        ("64:ff9b::5db8:d822", "https", True),
        ("224.0.0.1", "https", False),
        ("ff0e::1", "https", False),
        ("10.20.0.7", "http", True),
        ("10.20.0.7", "https", True),
    ],
)
def test_only_public_addresses_over_https_and_allowed_networks_are_reached(
    monkeypatch: pytest.MonkeyPatch, address: str, scheme: str, is_fine: bool
) -> None:
    tried: list[Any] = []
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "socket", lambda *_: _NoSocket(tried))
    with pytest.raises(OSError, match="cannot be reached" if is_fine else "AUDIT_WEBHOOK_NETWORKS"):
        send(f"{scheme}://siem.example.com/in", networks=["10.20.0.0/16"])
    assert tried == ([(address, 443)] if is_fine else [])


def test_one_bad_address_of_several_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of them a second look-up would give cannot be known."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in ("93.184.216.34", "10.0.0.7")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(AddressRefused, match=r"leads to 10\.0\.0\.7"):
        send("https://siem.example.com/in", networks=[])


class _NoSocket:
    """Connects to nothing, and remembers where to."""

    def __init__(self, tried: list[Any]) -> None:
        self._tried = tried

    def settimeout(self, _: float) -> None:
        pass

    def connect(self, address: Any) -> None:
        self._tried.append(address)
        raise ConnectionRefusedError

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("url", "secret", "said"),
    [
        ("ftp://siem.example.com", SECRET, "must look like https://"),
        ("https://", SECRET, "must look like https://"),
        ("https://user:pass@siem.example.com/", SECRET, "without user and password"),
        ("https://siem.example.com/", "", "AUDIT_WEBHOOK_SECRET is needed"),
        ("https://siem.example.com/", "whsec_not base64!", "is not base64 after that"),
    ],
)
def test_what_cannot_be_used_is_explained(url: str, secret: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        receiver_of(url, secret=secret, networks=[])
    assert "pass@" not in str(refused.value)
