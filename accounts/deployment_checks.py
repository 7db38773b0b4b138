"""What `manage.py check --deploy` knows of the surroundings: static files, the proxy, the way to both databases.

They concern production alone, so no other command repeats them. Where one gives advice that does not apply, its id goes
into SILENCED_CHECKS.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core import checks
from django.core.checks import CheckMessage, register

_SECRET_LENGTH: Final = 16
_MAKE_SECRET: Final = "openssl rand -hex 24"  # noqa: S105 (a command)


def _warning(number: int, message: str, hint: str) -> CheckMessage:
    return checks.Warning(message, hint=hint, id=f"accounts.W{number:03}")


@register(deploy=True)
def static_files_collected(**_: object) -> list[CheckMessage]:
    """accounts.W020: pages would come without style and script, or with those of an earlier version."""
    if settings.WHITENOISE_USE_FINDERS:
        return []
    root = Path(settings.STATIC_ROOT)
    stale = sum(1 for name, size in _static_files().items() if not _has(root / name, size))
    if not stale:
        return []
    return [
        _warning(
            20,
            f"{stale} static files are not in {root}, or are of another version.",
            "Run `manage.py collectstatic --no-input` after every change of version, then restart web.",
        )
    ]


def _static_files() -> dict[str, int]:
    """Sizes of the files that apps and packages bring, by their path below STATIC_ROOT; the first of a path counts."""
    sizes: dict[str, int] = {}
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=[]):
            prefix = getattr(storage, "prefix", None)
            sizes.setdefault(f"{prefix}/{path}" if prefix else path, storage.size(path))
    return sizes


def _has(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


@register(deploy=True)
def proxy_believed_from_anywhere(**_: object) -> list[CheckMessage]:
    """accounts.W021: whoever reaches the web process directly chooses the address that lock-outs count."""
    if not settings.BEHIND_PROXY or settings.PROXY_NETWORKS:
        return []
    return [
        _warning(
            21,
            "BEHIND_PROXY is on, and X-Forwarded-For and X-Forwarded-Proto are believed whoever sends them.",
            "Set PROXY_NETWORKS to the networks of the proxy, such as 10.0.0.0/8 or 127.0.0.0/8.",
        )
    ]


@register(deploy=True)
def postgresql_without_verified_tls(**_: object) -> list[CheckMessage]:
    """accounts.W022: somebody on the way could read and change every row."""
    database = _database()
    hosts = str(database.get("HOST", "")).split(",")
    options = database.get("OPTIONS")
    sslmode = options.get("sslmode") if isinstance(options, Mapping) else None
    if sslmode == "verify-full" or all(map(_is_this_machine, hosts)):
        return []
    return [
        _warning(
            22,
            f"The connection to PostgreSQL at {', '.join(hosts)} does not verify the server.",
            "Add ?sslmode=verify-full&sslrootcert=/path/ca.pem to DATABASE_URL. Where the network between is yours "
            "alone, as between the containers of one machine, add accounts.W022 to SILENCED_CHECKS.",
        )
    ]


@register(deploy=True)
def valkey_without_verified_tls(**_: object) -> list[CheckMessage]:
    """accounts.W023: somebody on the way could read the password and queue tasks."""
    address = urlsplit(settings.REDIS_URL)
    given = parse_qs(address.query)
    waived = given.get("ssl_cert_reqs") == ["none"] or given.get("ssl_check_hostname", [""])[-1].lower() == "false"
    if address.scheme == "unix" or _is_this_machine(address.hostname or ""):
        return []
    if address.scheme == "rediss" and not waived:
        return []
    return [
        _warning(
            23,
            f"The connection to Valkey at {address.hostname} does not verify the server.",
            "Use rediss://…?ssl_ca_certs=/path/ca.pem in REDIS_URL, without ssl_cert_reqs=none and "
            "ssl_check_hostname=false. Where the network between is yours alone, add accounts.W023 to SILENCED_CHECKS.",
        )
    ]


@register(deploy=True)
def valkey_without_password(**_: object) -> list[CheckMessage]:
    """accounts.W024: whoever can connect could queue tasks and change what lock-outs and limits have counted."""
    address = urlsplit(settings.REDIS_URL)
    if address.scheme == "unix" or address.password or "ssl_certfile" in parse_qs(address.query):
        return []
    return [
        _warning(
            24,
            f"Valkey at {address.hostname} is used without a password.",
            f"Make one with `{_MAKE_SECRET}`, set it as requirepass of Valkey and as REDIS_PASSWORD here.",
        )
    ]


@register(deploy=True)
def guessable_passwords(**_: object) -> list[CheckMessage]:
    """accounts.W025: short secrets can be found by trying. The message names the setting and never shows the value."""
    found = {
        "METRICS_TOKEN": settings.METRICS_TOKEN,
        "AUDIT_WEBHOOK_SECRET": settings.AUDIT_WEBHOOK_SECRET,
        "DATABASE_PASSWORD": _database().get("PASSWORD"),
        "REDIS_PASSWORD": urlsplit(settings.REDIS_URL).password,
    }
    short = [name for name, value in found.items() if value and len(str(value)) < _SECRET_LENGTH]
    if not short:
        return []
    return [
        _warning(
            25,
            f"{', '.join(short)}: shorter than {_SECRET_LENGTH} characters.",
            f"Make long ones with `{_MAKE_SECRET}`.",
        )
    ]


@register(deploy=True)
def hosts_and_origins(**_: object) -> list[CheckMessage]:
    """accounts.W026: other sites could use this one's forms or put their name into its links."""
    wide = [host for host in settings.ALLOWED_HOSTS if host.startswith(("*", "."))]
    wide += [one for one in settings.CSRF_TRUSTED_ORIGINS if "*" in one or not _is_safe(one)]
    if not wide:
        return []
    return [
        _warning(
            26,
            f"ALLOWED_HOSTS or CSRF_TRUSTED_ORIGINS trust too much: {', '.join(wide)}.",
            "List single hosts and https origins, or leave both empty: then the host of SITE_URL is trusted.",
        )
    ]


@register(deploy=True)
def mail_without_tls(**_: object) -> list[CheckMessage]:
    """accounts.W027: links that set passwords could be read on the way."""
    if settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL or _is_this_machine(settings.EMAIL_HOST):
        return []
    return [
        _warning(
            27,
            f"E-mails, with links that set passwords, go to {settings.EMAIL_HOST} without TLS.",
            "Set EMAIL_USE_TLS=true (port 587) or EMAIL_USE_SSL=true (port 465).",
        )
    ]


@register(deploy=True)
def linkedin_without_tls(**_: object) -> list[CheckMessage]:
    """accounts.W028: tokens could be read on the way."""
    addresses = {name: getattr(settings, name) for name in ("LINKEDIN_API_BASE_URL", "LINKEDIN_AUTH_BASE_URL")}
    plain = [name for name, address in addresses.items() if not _is_safe(address)]
    if not plain:
        return []
    return [
        _warning(
            28,
            f"{' and '.join(plain)}: without https, tokens can be read in transit.",
            "Leave both empty: then LinkedIn's own addresses are used.",
        )
    ]


@register(deploy=True)
def audit_trail_without_tls(**_: object) -> list[CheckMessage]:
    """accounts.W029: somebody on the way could read who did what, or leave events out."""
    syslog = urlsplit(settings.AUDIT_SYSLOG)
    plain = []
    if syslog.scheme in {"udp", "tcp"} and not _is_this_machine(syslog.hostname or ""):
        plain.append("AUDIT_SYSLOG")
    if settings.AUDIT_WEBHOOK_URL and not _is_safe(settings.AUDIT_WEBHOOK_URL):
        plain.append("AUDIT_WEBHOOK_URL")
    if not plain:
        return []
    return [
        _warning(
            29,
            f"{' and '.join(plain)}: the audit trail leaves this machine without TLS.",
            "Use tls://host:6514 for syslog and an https address for the webhook.",
        )
    ]


def _database() -> Mapping[str, object]:
    database: Mapping[str, object] = settings.DATABASES["default"]
    return database


def _is_safe(address: str) -> bool:
    """Whether nobody between can read what goes there."""
    parts = urlsplit(address)
    return parts.scheme == "https" or _is_this_machine(parts.hostname or "")


def _is_this_machine(host: str) -> bool:
    """Whether a connection to this host stays on this machine: loopback, or a socket in a folder."""
    if host in {"", "localhost"} or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
