"""Sends signed documents to a webhook, as standardwebhooks.com describes it; independent of tables and settings.

The address is an operator's, yet a mistake or a change of its DNS must not have this service talk to its own network:
every address that the host name resolves to is checked, and the connection goes to one that was checked. Redirects are
not followed. A proxy of the environment (HTTPS_PROXY) resolves names itself, and decides itself.
"""

import base64
import binascii
import hashlib
import hmac
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# Seconds to connect, and seconds without a byte of the response.
_TIMEOUT: Final = (5, 10)
# Networks whose addresses end with an IPv4 address: IPv4-compatible, IPv4-translated, NAT64.
_TRANSLATED: Final = [IPv6Network(one) for one in ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")]
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 (as the specification has it)
# The document itself is at fault, not the receiver.
_REFUSES_THE_DOCUMENT: Final = frozenset({400, 413, 415, 422})

Network = IPv4Network | IPv6Network


class AddressRefused(OSError):
    """The host name leads to an address that AUDIT_WEBHOOK_NETWORKS does not allow."""


class DocumentRefused(Exception):
    """The receiver does not take this document; it may take others."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where documents go, the keys that sign them (the first is the newest) and which networks may be reached.

    Public addresses over https always may; others, and http, only in `networks`.
    """

    url: str
    keys: Sequence[bytes]
    networks: Sequence[Network]


def receiver_of(url: str, *, secret: str, networks: Sequence[str]) -> Receiver:
    """Raises ValueError for what cannot be used."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
        raise ValueError("AUDIT_WEBHOOK_URL must look like https://siem.example.com/path, without user and password")
    keys = [_key(one.strip()) for one in secret.split(",") if one.strip()]
    if not keys:
        raise ValueError("AUDIT_WEBHOOK_SECRET is needed to sign what is sent")
    return Receiver(url, keys, [ip_network(one) for one in networks])


def _key(secret: str) -> bytes:
    if not secret.startswith(_SECRET_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("AUDIT_WEBHOOK_SECRET begins with whsec_ but is not base64 after that") from None


def signature(keys: Sequence[bytes], *, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature per key, so that a receiver may change to the new key whenever it likes."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


class Sender:
    """One connection for several documents; a context manager."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _CheckedAdapter(receiver.networks))

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def send(self, body: bytes, *, message_id: str, now: datetime) -> None:
        """Raises DocumentRefused, or OSError if the receiver took nothing for another reason."""
        timestamp = int(now.timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "linkedin-ads-action-center",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._receiver.keys, message_id=message_id, timestamp=timestamp, body=body),
        }
        status = self._post(body, headers)
        if status in _REFUSES_THE_DOCUMENT:
            raise DocumentRefused(f"The receiver answers {status}.")
        if not 200 <= status < 300:
            raise OSError(f"The receiver answers {status}.")

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """Raises OSError without the address, whose path may be a secret, in its message or traceback."""
        try:
            response = self._session.post(
                self._receiver.url, data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False, stream=True
            )
        except requests.RequestException as error:
            trouble = _without_address(error)
        else:
            response.close()
            return response.status_code
        raise trouble


def _without_address(error: BaseException) -> OSError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return AddressRefused(*cause.args)
        cause = cause.__context__
    return OSError(f"The receiver cannot be reached ({type(error).__name__}).")


class _CheckedAdapter(HTTPAdapter):
    """Connects to allowed addresses only."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        networks = self._networks

        class CheckedHTTP(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self.host, self.port, networks=networks, is_encrypted=False)

        class CheckedHTTPS(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self.host, self.port, networks=networks, is_encrypted=True)

        class HTTPPool(HTTPConnectionPool):
            ConnectionCls = CheckedHTTP

        class HTTPSPool(HTTPSConnectionPool):
            ConnectionCls = CheckedHTTPS

        self.poolmanager.pool_classes_by_scheme = {"http": HTTPPool, "https": HTTPSPool}


def _connect(host: str, port: int | None, *, networks: Sequence[Network], is_encrypted: bool) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    refused = sorted({str(one[4][0]) for one in found if not _may_reach(str(one[4][0]), networks, is_encrypted)})
    if refused:
        raise AddressRefused(
            f"{host} leads to {', '.join(refused)}, which is not a public address over https; if that is right, add "
            "its network to AUDIT_WEBHOOK_NETWORKS."
        )
    last: OSError | None = None
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(_TIMEOUT[0])
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            last = error
        else:
            connection.settimeout(_TIMEOUT[1])
            return connection
    raise last or OSError(f"{host} has no address.")


def _may_reach(text: str, networks: Sequence[Network], is_encrypted: bool) -> bool:
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        address = _within(address) or address
    is_public = address.is_global and not address.is_multicast and not getattr(address, "is_site_local", False)
    return (is_encrypted and is_public) or any(address in network for network in networks)


def _within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address to which a network translates this one (mapped, 6to4, NAT64, IPv4-compatible)."""
    if found := address.ipv4_mapped or address.sixtofour:
        return found
    is_translated = any(address in one for one in _TRANSLATED)
    return IPv4Address(int(address) & 0xFFFF_FFFF) if is_translated else None
