"""Every variable that the environment sets, with its type, bounds and default; the only place that reads it.

The process environment wins over the file that `ENV_FILE` names (default `.env`). Empty counts as not set. A secret may
be in a file of its own, which the variable with `_FILE` at its end names.
"""

import contextlib
import hashlib
import io
import ipaddress
import json
import os
import secrets
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import parse_qsl, urlsplit

import psycopg
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from dotenv.parser import parse_stream
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

BASE_DIR: Final = Path(__file__).resolve().parent.parent
_THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")


def _address(value: str) -> str:
    with contextlib.suppress(ValueError):
        parts = urlsplit(value)
        if parts.scheme in {"http", "https"} and parts.netloc:
            return value.rstrip("/")
    raise ValueError("give an address such as https://ads.example.com")


def _pairs(value: str) -> dict[str, str]:
    """`name=value; name=value`; names may contain commas and equals signs, as those of directories do."""
    pairs = [part.strip().rpartition("=") for part in value.split(";") if part.strip()]
    if not all(name.strip() and second.strip() for name, _, second in pairs):
        raise ValueError("give it as name=value; name=value")
    return {name.strip(): second.strip() for name, _, second in pairs}


def _origin(value: str) -> str:
    if value != origin_of(value):
        raise ValueError("give it without user, path or query, such as https://ads.example.com")
    return value


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _networks(value: list[str]) -> list[str]:
    try:
        return [str(ip_network(one)) for one in value]
    except ValueError:
        raise ValueError("give networks such as 10.0.0.0/8,fd00::/8, without bits set after the prefix") from None


# What is not shown is a secret, and may be in a file.
Secret = Annotated[str, Field(repr=False)]
Address = Annotated[str, AfterValidator(_address)]
Origin = Annotated[Address, AfterValidator(_origin)]
CommaSeparated = Annotated[list[str], NoDecode, BeforeValidator(_parts)]
Networks = Annotated[CommaSeparated, AfterValidator(_networks)]
LogFormat = Annotated[Literal["text", "json"], BeforeValidator(str.lower)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(str.lower)]
# The values of accounts.roles.Role.
RoleName = Literal["owner", "manager", "analyst", "viewer"]


class Environment(BaseSettings):
    """`.env.example` explains each variable."""

    model_config = SettingsConfigDict(case_sensitive=True, extra="ignore", frozen=True, validate_default=False)

    SECRET_KEY: Secret = ""
    DEBUG: bool = False
    SITE_URL: Origin = "http://127.0.0.1:8000"
    BEHIND_PROXY: bool = False
    PROXY_NETWORKS: Networks = []
    HSTS_SECONDS: Annotated[int, Field(ge=0, le=63_072_000)] = 2_592_000
    SESSION_HOURS: Annotated[int, Field(ge=1, le=720)] = 12
    ALLOWED_HOSTS: CommaSeparated = []
    CSRF_TRUSTED_ORIGINS: CommaSeparated = []
    SILENCED_CHECKS: CommaSeparated = []

    DATABASE_URL: Secret = ""
    DATABASE_PASSWORD: Secret = ""
    REDIS_URL: Secret = ""
    REDIS_PASSWORD: Secret = ""
    REDIS_KEY_PREFIX: Annotated[str, Field(pattern=r"^[\w.:-]*$")] = ""
    DATA_DIR: str = ".local/"
    EMBEDDED_THROW_AWAY: bool = False

    FIELD_ENCRYPTION_KEYS: Secret = ""

    LINKEDIN_CLIENT_ID: str = ""
    LINKEDIN_CLIENT_SECRET: Secret = ""
    LINKEDIN_REDIRECT_URI: str = ""
    LINKEDIN_SCOPES: str = "r_ads r_ads_reporting"
    LINKEDIN_API_BASE_URL: Address = "https://api.linkedin.com"
    LINKEDIN_AUTH_BASE_URL: Address = "https://www.linkedin.com"
    LINKEDIN_API_VERSION: str = "202607"
    LINKEDIN_LOGIN_CLIENT_ID: str = ""
    LINKEDIN_LOGIN_CLIENT_SECRET: Secret = ""
    SIGN_UP_EMAIL_DOMAINS: CommaSeparated = []

    SIGN_IN_WITH: Literal["any", "sso"] = "any"
    OIDC_ENDPOINT: Address = ""
    OIDC_CLIENT_ID: str = ""
    OIDC_CLIENT_SECRET: Secret = ""
    OIDC_NAME: str = "single sign-on"
    OIDC_SCOPES: str = "openid profile email"
    OIDC_TRUST_EMAIL: bool = False
    OIDC_GROUPS_CLAIM: str = "groups"
    OIDC_ROLES: Annotated[dict[str, RoleName], NoDecode, BeforeValidator(_pairs)] = {}
    SECOND_STEP_REQUIRED_FOR: Annotated[list[RoleName | Literal["nobody"]], NoDecode, BeforeValidator(_parts)] = []

    FRESHNESS_TTL_MINUTES: Annotated[int, Field(ge=0, le=525_600)] = 240
    BACKFILL_DAYS: Annotated[int, Field(ge=1, le=3650)] = 90
    LOOKBACK_DAYS: Annotated[int, Field(ge=0, le=3650)] = 30
    SYNC_CONCURRENCY: Annotated[int, Field(ge=1, le=32)] = 4
    SYNC_LEASE_SECONDS: Annotated[int, Field(ge=2, le=3600)] = 90

    API_REQUESTS_PER_MINUTE: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    API_EXPORTS_PER_MINUTE: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    DOWNLOADS_AT_ONCE: Annotated[int, Field(ge=1, le=100)] = 3
    API_STATEMENT_SECONDS: Annotated[int, Field(ge=1, le=3600)] = 30

    SNAPSHOT_DAYS: Annotated[int, Field(ge=1, le=366)] = 30
    SNAPSHOT_KEEP_DAYS: Annotated[int, Field(ge=1, le=3650)] = 90
    SNAPSHOT_MAX_BYTES: Annotated[int, Field(ge=500_000, le=10_000_000_000)] = 20_000_000

    EXPORT_KEEP_HOURS: Annotated[int, Field(ge=1, le=8760)] = 24
    AUDIT_SYSLOG: str = ""
    AUDIT_WEBHOOK_URL: Secret = ""
    AUDIT_WEBHOOK_SECRET: Secret = ""
    AUDIT_WEBHOOK_NETWORKS: Networks = []
    AUDIT_ALERTS: CommaSeparated = []
    AUDIT_ALERT_SIGN_INS_REFUSED: Annotated[int, Field(ge=1, le=1_000_000)] = 20

    METRICS_TOKEN: Secret = ""
    LOG_FORMAT: LogFormat | None = None
    LOG_LEVEL: LogLevel = "info"

    EMAIL_HOST: str = ""
    EMAIL_PORT: Annotated[int, Field(ge=1, le=65_535)] = 587
    EMAIL_HOST_USER: str = ""
    EMAIL_HOST_PASSWORD: Secret = ""
    EMAIL_USE_TLS: bool = True
    EMAIL_USE_SSL: bool = False
    DEFAULT_FROM_EMAIL: str = "linkedin-ads-action-center@localhost"

    @classmethod
    def read(cls) -> Self:
        """What the environment says. Raises ImproperlyConfigured, which names every variable that is wrong."""
        _load_env_file(BASE_DIR / os.environ.get("ENV_FILE", ".env"))
        try:
            return cls()
        except ValidationError as error:
            raise ImproperlyConfigured("\n".join(_explained(one) for one in error.errors())) from None

    @classmethod
    def secrets(cls) -> list[str]:
        return [name for name, field in cls.model_fields.items() if not field.repr]

    @model_validator(mode="before")
    @classmethod
    def _without_blanks_and_with_files(cls, given: dict[str, str]) -> dict[str, str]:
        values = {name: value.strip() for name, value in given.items() if value.strip()}
        for name in cls.secrets():
            if path := os.environ.get(f"{name}_FILE", "").strip():
                if name in values:
                    raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; remove one of them.")
                values[name] = _text_in(Path(path), named_by=f"{name}_FILE").strip()
        return values


def _load_env_file(path: Path) -> None:
    """Into the environment of this process, where what is set already wins."""
    text = _text_in(path, named_by="ENV_FILE") if path.exists() else ""
    for line in parse_stream(io.StringIO(text)):
        if line.error or (line.key and line.value is None):
            # It begins with the blank lines before it; its text may hold a secret.
            original = line.original.string
            number = line.original.line + original[: -len(original.lstrip())].count("\n")
            raise ImproperlyConfigured(
                f"{path}, line {number}, is not understood; write NAME=value, with a value of several words or lines "
                "in quotes."
            )
        if line.key:
            os.environ.setdefault(line.key, line.value or "")


def _text_in(path: Path, *, named_by: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise ImproperlyConfigured(
            f"{named_by} names {path}, which cannot be read ({reason}); name a text file that the user of this "
            "process may read."
        ) from None


def _explained(error: ErrorDetails) -> str:
    """Pydantic's message as the end of a sentence about the variable."""
    advice = error["msg"].removeprefix("Value error, ").replace("Input should", "it should", 1)
    return f"{error['loc'][0]} is {error['input']!r}; {advice}."


def keep_requests_to_this_machine_direct() -> None:
    """Limit what requests and other libraries take from the environment and the home folder, here and in subprocesses.

    A proxy of the environment (HTTPS_PROXY, ALL_PROXY, with exceptions in NO_PROXY) leads to LinkedIn, but not to this
    machine, where the simulated LinkedIn may be. Passwords of ~/.netrc are not sent: requests would add them to what
    LinkedIn receives. Set in the environment, because libraries send some of the requests.
    """
    os.environ["NETRC"] = os.devnull
    # The name that libraries look for first.
    name = "no_proxy" if os.environ.get("no_proxy") else "NO_PROXY"
    excepted = _parts(os.environ.get(name, ""))
    if "*" not in excepted:
        os.environ[name] = ",".join(dict.fromkeys([*excepted, *_THIS_MACHINE]))


def origin_of(address: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def passkey_origins(site_url: str) -> list[str]:
    """The origins that passkeys may come from, as browsers spell them; none where browsers refuse passkeys."""
    parts = urlsplit(site_url)
    host = parts.hostname or ""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return []
    if parts.scheme != "https" and host != "localhost":
        return []
    usual = {"https": 443, "http": 80}[parts.scheme]
    port = "" if parts.port in {None, usual} else f":{parts.port}"
    return [f"{parts.scheme}://{host}{port}"]


def database_settings(address: str, *, password: str) -> dict[str, object]:
    """Django's database settings from a postgresql:// address; its password may be given separately."""
    server, _, query = address.partition("?")
    options = dict(parse_qsl(query))
    # Django's own, for poolers in transaction mode; all others are PostgreSQL's.
    without_cursors = options.pop("DISABLE_SERVER_SIDE_CURSORS", "").lower() == "true"
    # An address that cannot be read is explained like one of another database, without quoting it.
    with contextlib.suppress(ValueError, psycopg.Error):
        if urlsplit(server).scheme in {"postgres", "postgresql"}:
            parts = conninfo_to_dict(server) | options
            if password and parts.get("password"):
                raise ImproperlyConfigured("DATABASE_URL holds a password and DATABASE_PASSWORD is set; remove one.")
            return {
                "NAME": parts.pop("dbname", ""),
                "USER": parts.pop("user", ""),
                "PASSWORD": parts.pop("password", password),
                "HOST": parts.pop("host", ""),
                "PORT": int(parts.pop("port", 0) or 0) or "",
                "OPTIONS": parts,
                "DISABLE_SERVER_SIDE_CURSORS": without_cursors,
            }
    raise ImproperlyConfigured(
        "DATABASE_URL must look like postgresql://user:password@host:5432/name, with special characters of the "
        "password percent-encoded; only PostgreSQL 16 or newer is supported."
    )


def key_prefix_of(database: Mapping[str, object]) -> str:
    """A prefix for keys that processes with the same database share, and others do not."""
    address = ":".join(str(database.get(part, "")) for part in ("HOST", "PORT", "NAME"))
    return f"linkedin-ads:{hashlib.sha256(address.encode()).hexdigest()[:12]}:"


def generated_secret(name: str, data_dir: Path, *, may_generate: bool) -> str:
    """A secret that is generated once and kept under `data_dir`."""
    if not may_generate:
        raise ImproperlyConfigured(
            f"{name} is not set; production needs it in the environment, or in a file that {name}_FILE names "
            "(see .env.example)."
        )
    try:
        return _generated_secrets(data_dir)[name]
    except OSError as error:
        raise ImproperlyConfigured(
            f"DATA_DIR {data_dir} cannot be used ({error.strerror}); make it a folder that can be written to and has "
            "space left, or set DATA_DIR to another one."
        ) from error


def _generated_secrets(data_dir: Path) -> dict[str, str]:
    path = data_dir / "secrets.json"
    if not path.exists():
        fresh = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        }
        data_dir.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(fresh))
        # Linking fails where another process was first: then its secrets count.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    stored: dict[str, str] = json.loads(path.read_text())
    return stored
