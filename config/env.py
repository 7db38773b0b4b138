"""Typed readers of the environment; the only place that looks at it.

A reader fails loudly, with the variable's name and what it should hold. Values come from the process
environment first, then from the file named by `ENV_FILE` (default `.env`). A secret may lie in a file of its own,
which the variable with `_FILE` behind its name leads to.
"""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

_env = environ.Env()
environ.Env.read_env(BASE_DIR / os.environ.get("ENV_FILE", ".env"))


def text(name: str, default: str = "") -> str:
    """The variable as text; empty counts as not set."""
    return os.environ.get(name, "").strip() or default


def secret(name: str) -> str:
    """The variable as text, or what the file holds that `<name>_FILE` leads to; empty counts as not set."""
    value, path = text(name), text(f"{name}_FILE")
    if not path:
        return value
    if value:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; take one of them away.")
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        raise ImproperlyConfigured(
            f"{name}_FILE leads to {path}, which cannot be read ({why}); let it lead to a text file that the user "
            "of this process may read."
        ) from None


def integer(name: str, default: int, *, at_least: int, at_most: int) -> int:
    """A whole number within its bounds."""
    raw = text(name, str(default))
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {raw!r}; give a whole number such as {default}.") from None
    if not at_least <= value <= at_most:
        raise ImproperlyConfigured(f"{name} is {value}; give a number from {at_least} to {at_most}.")
    return value


def boolean(name: str, default: bool) -> bool:
    """true or false, in the usual spellings."""
    raw = text(name, str(default)).lower()
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is {raw!r}; give true or false.")


def choice(name: str, default: str, choices: Sequence[str]) -> str:
    """One of a few words."""
    value = text(name, default).lower()
    if value in choices:
        return value
    raise ImproperlyConfigured(f"{name} is {value!r}; give {' or '.join(choices)}.")


def texts(name: str, default: str = "") -> list[str]:
    """A comma-separated list without empty entries."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def url(name: str, default: str) -> str:
    """An absolute http(s) address, without the slash at its end."""
    value = text(name, default).rstrip("/")
    with contextlib.suppress(ValueError):
        parts = urlsplit(value)
        if parts.scheme in {"http", "https"} and parts.netloc:
            return value
    raise ImproperlyConfigured(f"{name} is {value!r}; give an address such as {default}.")


def origin(name: str, default: str) -> str:
    """Scheme, host and port of an http(s) address; a path would be lost, so it is refused."""
    value = url(name, default)
    if value != origin_of(value):
        raise ImproperlyConfigured(f"{name} is {value!r}; give it without user, path or query, such as {default}.")
    return value


def origin_of(address: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def host_of(address: str) -> str:
    """The host of an address, without its port."""
    return urlsplit(address).hostname or ""


def database(name: str, *, password: str) -> dict[str, object]:
    """Django's database settings from a postgresql:// address; its password may come by itself."""
    value = secret(name)
    # An address that cannot be taken apart is explained like one of another database, without quoting it.
    with contextlib.suppress(ValueError):
        if urlsplit(value).scheme in {"postgres", "postgresql"}:
            settings: dict[str, object] = _env.db_url_config(value)
            if password and settings.get("PASSWORD"):
                raise ImproperlyConfigured(f"{name} holds a password and DATABASE_PASSWORD gives one; take one away.")
            return settings | ({"PASSWORD": password} if password else {})
    raise ImproperlyConfigured(
        f"{name} must look like postgresql://user:password@host:5432/name, with special characters of the "
        "password percent-encoded; only PostgreSQL 16 or newer is supported."
    )


def key_prefix_of(database: Mapping[str, object]) -> str:
    """A prefix for keys that processes with the same database share, and others do not."""
    address = ":".join(str(database.get(part, "")) for part in ("HOST", "PORT", "NAME"))
    return f"linkedin-ads:{hashlib.sha256(address.encode()).hexdigest()[:12]}:"


def local_secret(name: str, data_dir: Path, *, may_generate: bool) -> str:
    """A secret from the environment, or one generated once and kept under `data_dir`."""
    value = secret(name)
    if value:
        return value
    if not may_generate:
        raise ImproperlyConfigured(
            f"{name} is not set; production needs it in the environment, or in a file that {name}_FILE leads to "
            "(see .env.example)."
        )
    try:
        return _generated_secrets(data_dir)[name]
    except OSError as error:
        raise ImproperlyConfigured(
            f"DATA_DIR {data_dir} cannot be used ({error.strerror}); make it a folder that can be written, with "
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
        # Linking fails where another process was first: then its secrets are the ones.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    stored: dict[str, str] = json.loads(path.read_text())
    return stored
