"""Start-up checks of this room's settings; each message names a remedy."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, register

from accounts.audit import alert_rules, syslog, webhook
from accounts.consents.linkedin_app import missing_settings
from accounts.sign_in import single_sign_on

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
# As Django's own security.W009, which runs only with `check --deploy`.
_SECRET_LENGTH: Final = 50
_SECRET_VARIETY: Final = 5
_PLACEHOLDERS: Final = (
    "django-insecure-",
    "changeme",
    "change-me",
    "change_me",
    "replace",
    "secret",
    "your-",
    "example",
)
_MAKE_SECRET = "python -c 'import secrets; print(secrets.token_urlsafe(50))'"  # noqa: S105
_MAKE_KEY = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


@register(deploy=True)
def linkedin_app(**_: object) -> list[CheckMessage]:
    """accounts.W001: nobody can connect LinkedIn. Only at deployment, so that not every command repeats it."""
    if not missing_settings():
        return []
    return [
        checks.Warning(
            "No LinkedIn app is configured, so LinkedIn cannot be connected.",
            hint="Set LINKEDIN_CLIENT_ID and LINKEDIN_CLIENT_SECRET from LinkedIn's Developer Portal.",
            id="accounts.W001",
        )
    ]


@register
def login_app(**_: object) -> list[CheckMessage]:
    """accounts.W003: signing in could end the consents that read ads."""
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
def encryption_keys(**_: object) -> list[CheckMessage]:
    """accounts.E001: tokens cannot be stored. The message counts keys and never shows one."""
    keys: Sequence[str] = settings.FIELD_ENCRYPTION_KEYS
    bad = [place for place, key in enumerate(keys, start=1) if not _is_key(key)]
    if keys and not bad:
        return []
    what = f"entry {', '.join(map(str, bad))} is not a Fernet key" if bad else "there is no key"
    return [
        checks.Error(
            f"FIELD_ENCRYPTION_KEYS cannot encrypt LinkedIn tokens: {what}.",
            hint=f"Make one with `{_MAKE_KEY}`; separate keys by commas, new ones first, and keep the old ones.",
            id="accounts.E001",
        )
    ]


@register
def debug_in_production(**_: object) -> list[CheckMessage]:
    """accounts.W006: visitors could read tracebacks and settings."""
    if not (settings.DEBUG and _in_production()):
        return []
    return [
        checks.Warning(
            "DEBUG is on although this looks like production: the database is your own or SITE_URL is https.",
            hint="Set DEBUG=false and restart; errors are in the log.",
            id="accounts.W006",
        )
    ]


@register
def guessable_secret_key(**_: object) -> list[CheckMessage]:
    """accounts.W004: whoever guesses it can forge sessions."""
    key: str = settings.SECRET_KEY
    varied = len(key) >= _SECRET_LENGTH and len(set(key)) >= _SECRET_VARIETY
    if varied and not key.lower().startswith(_PLACEHOLDERS):
        return []
    return [
        checks.Warning(
            "SECRET_KEY is short, repetitive or a placeholder, so sessions can be forged.",
            hint=f"Make one with `{_MAKE_SECRET}` and restart; everybody signs in again.",
            id="accounts.W004",
        )
    ]


@register
def redirect_host(**_: object) -> list[CheckMessage]:
    """accounts.W005: people would return from LinkedIn to a host that does not know their session."""
    site, back = urlsplit(settings.SITE_URL), urlsplit(settings.LINKEDIN_REDIRECT_URI)
    if (site.scheme, site.netloc) == (back.scheme, back.netloc):
        return []
    return [
        checks.Warning(
            f"LinkedIn sends people back to {back.scheme}://{back.netloc}, but SITE_URL is {settings.SITE_URL}.",
            hint="Leave LINKEDIN_REDIRECT_URI empty, and register SITE_URL/linkedin/callback/ on the LinkedIn app.",
            id="accounts.W005",
        )
    ]


@register
def audit_destinations(**_: object) -> list[CheckMessage]:
    """accounts.E020: events of the audit trail would wait for ever."""
    wrong = []
    if settings.AUDIT_SYSLOG:
        wrong += _trouble(lambda: syslog.server_of(settings.AUDIT_SYSLOG), "AUDIT_SYSLOG: ")
    if settings.AUDIT_WEBHOOK_URL:
        secret, networks = settings.AUDIT_WEBHOOK_SECRET, settings.AUDIT_WEBHOOK_NETWORKS
        wrong += _trouble(lambda: webhook.receiver_of(settings.AUDIT_WEBHOOK_URL, secret=secret, networks=networks))
    unknown = set(settings.AUDIT_ALERTS) - alert_rules.RULES.keys() - {alert_rules.ALL, alert_rules.NONE}
    if unknown:
        wrong.append(f"AUDIT_ALERTS names {', '.join(sorted(unknown))}, which is no alert.")
    hint = "Correct it and restart; .env.example has an example of each."
    return [checks.Error(f"The audit trail cannot go out. {one}", hint=hint, id="accounts.E020") for one in wrong]


def _trouble(read: Callable[[], object], prefix: str = "") -> list[str]:
    try:
        read()
    except ValueError as error:
        return [f"{prefix}{error}."]
    return []


@register(deploy=True)
def mail_goes_nowhere(**_: object) -> list[CheckMessage]:
    """accounts.W007: warnings about consents would end up in a log. Only at deployment, as W001."""
    if not settings.EMAIL_BACKEND.endswith("console.EmailBackend") or not _in_production():
        return []
    return [
        checks.Warning(
            "E-mails are printed instead of sent, so nobody is warned before a LinkedIn consent ends.",
            hint="Set EMAIL_HOST and the related settings, see .env.example.",
            id="accounts.W007",
        )
    ]


@register
def endless_redirect(**_: object) -> list[CheckMessage]:
    """accounts.W008: the web process serves plain http, so https ends in a proxy that it has to trust."""
    if not settings.SECURE_SSL_REDIRECT or settings.SECURE_PROXY_SSL_HEADER:
        return []
    return [
        checks.Warning(
            "SITE_URL is https but no proxy is declared, so every page redirects to itself endlessly.",
            hint="Let the proxy that terminates TLS set X-Forwarded-Proto and discard the value clients send, "
            "then set BEHIND_PROXY=true.",
            id="accounts.W008",
        )
    ]


@register(deploy=True)
def plain_http(**_: object) -> list[CheckMessage]:
    """accounts.W009: passwords and sessions would be sent in clear text."""
    if settings.SITE_URL.startswith("https://"):
        return []
    return [
        checks.Warning(
            f"SITE_URL is {settings.SITE_URL}: without https, passwords and sessions can be read in transit.",
            hint="Put a proxy with TLS in front, set SITE_URL to its https address and BEHIND_PROXY=true.",
            id="accounts.W009",
        )
    ]


@register
def nobody_signs_in(**_: object) -> list[CheckMessage]:
    """accounts.E002: single sign-on is the only way in, and it is not set up."""
    if not single_sign_on.is_the_only_way() or single_sign_on.is_configured():
        return []
    return [
        checks.Error(
            "SIGN_IN_WITH is sso, but no provider is set up, so nobody can sign in.",
            hint="Set OIDC_ENDPOINT, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET, or remove SIGN_IN_WITH.",
            id="accounts.E002",
        )
    ]


@register
def strangers_addresses(**_: object) -> list[CheckMessage]:
    """accounts.W010: anybody may have an account at this provider, with any address."""
    parts = urlsplit(settings.SOCIAL_AUTH_OIDC_OIDC_ENDPOINT)
    tenant = parts.path.strip("/").partition("/")[0].lower()
    is_open = parts.hostname == "accounts.google.com" or tenant in {"common", "organizations", "consumers"}
    if not (settings.OIDC_TRUST_EMAIL and is_open):
        return []
    return [
        checks.Warning(
            "OIDC_TRUST_EMAIL is on for a provider where anybody can have an account with an address of their choice.",
            hint="Remove OIDC_TRUST_EMAIL, or name your own tenant in OIDC_ENDPOINT.",
            id="accounts.W010",
        )
    ]


@register
def linkedin_version(**_: object) -> list[CheckMessage]:
    """accounts.W002: LinkedIn no longer serves the API version, or will stop soon."""
    return version_warnings(version=settings.LINKEDIN_API_VERSION, today=datetime.now(UTC).date())


def version_warnings(*, version: str, today: date) -> list[CheckMessage]:
    """Warnings about a version of LinkedIn's Marketing API on one day."""
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
    """The day LinkedIn stops serving a version; None if it does not serve it. A release lives about a year."""
    if version in _SUNSETS:
        return _SUNSETS[version]
    try:
        released = datetime.strptime(version, "%Y%m").replace(tzinfo=UTC).date()
    except ValueError:
        return None
    if len(version) != 6 or version < min(_SUNSETS):
        return None
    return released.replace(year=released.year + 1, day=15)


def _in_production() -> bool:
    """Whether people reach this installation over https, or its database is not the embedded one."""
    return settings.SITE_URL.startswith("https://") or not settings.EMBEDDED_SERVERS.postgresql


def _is_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True
