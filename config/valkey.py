"""REDIS_URL for Celery, which reads addresses in its own way.

Left to itself, Celery does not verify the certificate of a rediss:// server, and uses database 0 of a unix:// address
whatever its `db` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured
from redis import ConnectionPool

_EXAMPLES: Final = (
    "REDIS_URL must look like redis://user:password@host:6379/0, rediss://… with TLS, or unix:///run/valkey.sock, with "
    "special characters of the password or the path percent-encoded"
)
_VERIFICATIONS: Final = ("required", "none")
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


@dataclass(frozen=True, slots=True)
class Broker:
    """What Celery needs; `tls` is None without TLS."""

    url: str
    tls: dict[str, object] | None


def broker(redis_url: str) -> Broker:
    """The same server, database and verification that redis-py reads from this address.

    Raises ImproperlyConfigured, which never quotes the address: it may hold a password.
    """
    try:
        scheme, given = urlsplit(redis_url).scheme, ConnectionPool.from_url(redis_url).connection_kwargs
    except ValueError:
        raise ImproperlyConfigured(f"{_EXAMPLES}.") from None
    tls = {name: value for name, value in given.items() if name.startswith("ssl_")}
    database = given.get("db", 0)
    if scheme == "unix":
        return Broker(f"redis+socket://{_login(given)}{quote(str(given['path']))}?virtual_host={database}", None)
    if scheme == "redis" and tls:
        raise ImproperlyConfigured(f"{_EXAMPLES}; {min(tls)} needs rediss://.")
    host = str(given.get("host", "localhost"))
    place = f"[{host}]" if ":" in host else quote(host)
    url = f"{scheme}://{_login(given)}{place}:{given.get('port', 6379)}/{database}"
    return Broker(url, _verified(tls) if scheme == "rediss" else None)


def with_password(redis_url: str, password: str) -> str:
    """The address with a password that was given separately, such as in a file of its own.

    Raises ImproperlyConfigured where there is no address to add it to, or one that has a password already.
    """
    if not password:
        return redis_url
    try:
        parts = urlsplit(redis_url)
        user, given = parts.username or "", parts.password
    except ValueError:
        raise ImproperlyConfigured(f"{_EXAMPLES}.") from None
    if not redis_url:
        raise ImproperlyConfigured("REDIS_PASSWORD is set, but REDIS_URL is not; set both or neither.")
    if given:
        raise ImproperlyConfigured("REDIS_URL holds a password and REDIS_PASSWORD is set; remove one.")
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}"))


def _login(given: Mapping[str, object]) -> str:
    user, password = (quote(str(given.get(part, "")), safe="") for part in ("username", "password"))
    return f"{user}:{password}@" if user or password else ""


def _verified(tls: dict[str, object]) -> dict[str, object]:
    """Certificates are verified unless the address says otherwise, as redis-py does."""
    verification = tls.get("ssl_cert_reqs", "required")
    if verification not in _VERIFICATIONS:
        raise ImproperlyConfigured(f"ssl_cert_reqs of REDIS_URL must be {' or '.join(_VERIFICATIONS)}.")
    for name in _FILES:
        path = tls.get(name)
        if path and not Path(str(path)).is_file():
            raise ImproperlyConfigured(f"{name} of REDIS_URL names {path}, which is no file here.")
    return {**tls, "ssl_cert_reqs": verification}
