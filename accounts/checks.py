"""What can be wrong in the settings of this room, said at start-up with a remedy."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, register

# Source: LinkedIn Marketing, "Versioning", read 2026-11-21.
_SUNSETS: Final = {
    "202601": date(2027, 1, 15),
    "202602": date(2027, 2, 15),
    "202603": date(2027, 3, 16),
    "202604": date(2027, 4, 15),
    "202605": date(2027, 5, 15),
    "202606": date(2027, 6, 15),
    "202607": date(2027, 7, 15),
}
_NOTICE: Final = timedelta(days=60)
_MAKE_KEY = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


@register(deploy=True)
def linkedin_app(**_: Any) -> list[CheckMessage]:
    """accounts.W001: nobody can connect LinkedIn. Before the first day that is no news for every command."""
    if settings.LINKEDIN_CLIENT_ID and settings.LINKEDIN_CLIENT_SECRET:
        return []
    return [
        checks.Warning(
            "No LinkedIn app is configured, so LinkedIn cannot be connected.",
            hint="Set LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET from LinkedIn's Developer Portal.",
            id="accounts.W001",
        )
    ]


@register
def login_app(**_: Any) -> list[CheckMessage]:
    """accounts.W003: signing in would end the consents that read ads."""
    if not settings.LINKEDIN_LOGIN_CLIENT_ID or settings.LINKEDIN_LOGIN_CLIENT_ID != settings.LINKEDIN_CLIENT_ID:
        return []
    return [
        checks.Warning(
            "People sign in with the LinkedIn app that reads ads, so each login may end that member's consent.",
            hint="Make a second app in LinkedIn's Developer Portal and name it in LINKEDIN_LOGIN_CLIENT_ID.",
            id="accounts.W003",
        )
    ]


@register
def encryption_keys(**_: Any) -> list[CheckMessage]:
    """accounts.E001: tokens could not be stored. The message counts keys and never shows one."""
    keys: Sequence[str] = settings.FIELD_ENCRYPTION_KEYS
    bad = [place for place, key in enumerate(keys, start=1) if not _is_key(key)]
    if keys and not bad:
        return []
    what = f"entry {', '.join(map(str, bad))} is not a Fernet key" if bad else "there is no key"
    return [
        checks.Error(
            f"FIELD_ENCRYPTION_KEYS cannot encrypt LinkedIn tokens: {what}.",
            hint=f"Make one with `{_MAKE_KEY}`; put new keys first, keep old ones behind, comma-separated.",
            id="accounts.E001",
        )
    ]


@register
def linkedin_version(**_: Any) -> list[CheckMessage]:
    """accounts.W002: LinkedIn refuses the version, or will soon."""
    return version_warnings(version=settings.LINKEDIN_API_VERSION, today=datetime.now(UTC).date())


def version_warnings(*, version: str, today: date) -> list[CheckMessage]:
    """Warnings about a version of LinkedIn's Marketing API as seen on one day."""
    sunset = sunset_of(version)
    if sunset and today < sunset - _NOTICE:
        return []
    if sunset is None:
        what = f"LINKEDIN_API_VERSION {version!r} is not one that LinkedIn serves."
    elif today >= sunset:
        what = f"LinkedIn has switched off API version {version} on {sunset}."
    else:
        what = f"LinkedIn switches off API version {version} on {sunset}."
    newest = max(_SUNSETS)
    hint = f"Set LINKEDIN_API_VERSION to a newer release (YYYYMM, such as {newest}) and restart."
    return [checks.Warning(what, hint=hint, id="accounts.W002")]


def sunset_of(version: str) -> date | None:
    """The day LinkedIn refuses a version; None for what it does not serve. A release lives about a year."""
    if version in _SUNSETS:
        return _SUNSETS[version]
    try:
        released = datetime.strptime(version, "%Y%m").replace(tzinfo=UTC).date()
    except ValueError:
        return None
    if len(version) != 6 or version < min(_SUNSETS):
        return None
    return released.replace(year=released.year + 1, day=15)


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True
