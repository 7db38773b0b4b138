"""What `check --deploy` says of static files, the proxy and the ways to the databases, each with its remedy."""

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command

from accounts import deployment_checks

REMOTE = {"HOST": "db.example.com", "PASSWORD": "a-password-that-nobody-guesses", "OPTIONS": {"sslmode": "verify-full"}}
VALKEY = "rediss://:a-password-that-nobody-guesses@valkey.example.com"


@pytest.fixture
def production(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An installation without warnings."""
    settings.WHITENOISE_USE_FINDERS = True
    settings.BEHIND_PROXY, settings.PROXY_NETWORKS = True, ["10.0.0.0/8"]
    monkeypatch.setattr(deployment_checks, "_database", lambda: getattr(settings, "DATABASE", REMOTE))
    settings.REDIS_URL = VALKEY
    settings.METRICS_TOKEN = "a-token-that-nobody-guesses"
    settings.SITE_URL = "https://ads.example.com"
    settings.ALLOWED_HOSTS, settings.CSRF_TRUSTED_ORIGINS = ["ads.example.com"], ["https://ads.example.com"]
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = "mail.example.com", True, False
    settings.LINKEDIN_API_BASE_URL = "https://api.linkedin.com"
    settings.LINKEDIN_AUTH_BASE_URL = "https://www.linkedin.com"
    return settings


def found() -> dict[str, str]:
    """The ids of what this module's checks say, with message and remedy."""
    messages = run_checks(include_deployment_checks=True)
    return {str(one.id): f"{one.msg} {one.hint}" for one in messages if str(one.id).startswith("accounts.W02")}


def test_a_complete_installation_gets_no_warning(production: Any) -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("number", "changes", "words"),
    [
        ("021", {"PROXY_NETWORKS": []}, "Set PROXY_NETWORKS"),
        ("022", {"DATABASE": REMOTE | {"OPTIONS": {}}}, "sslmode=verify-full"),
        ("022", {"DATABASE": REMOTE | {"OPTIONS": {"sslmode": "require"}}}, "at db.example.com"),
        ("022", {"DATABASE": REMOTE | {"HOST": "127.0.0.1,192.0.2.1", "OPTIONS": {}}}, "192.0.2.1"),
        ("023", {"REDIS_URL": VALKEY.replace("rediss", "redis")}, "Use rediss://"),
        ("023", {"REDIS_URL": f"{VALKEY}?ssl_cert_reqs=none"}, "ssl_cert_reqs"),
        ("023", {"REDIS_URL": f"{VALKEY}?ssl_check_hostname=False"}, "ssl_check_hostname"),
        ("024", {"REDIS_URL": "rediss://valkey.example.com"}, "REDIS_PASSWORD"),
        ("024", {"REDIS_URL": "redis://127.0.0.1:6379"}, "REDIS_PASSWORD"),
        ("025", {"METRICS_TOKEN": "short"}, "METRICS_TOKEN: shorter"),
        ("025", {"DATABASE": REMOTE | {"PASSWORD": "short"}}, "DATABASE_PASSWORD: shorter"),
        ("025", {"REDIS_URL": "rediss://:short@valkey.example.com"}, "REDIS_PASSWORD: shorter"),
        ("026", {"ALLOWED_HOSTS": ["*"]}, "trust too much: *"),
        ("026", {"ALLOWED_HOSTS": [".example.com"]}, ".example.com"),
        ("026", {"CSRF_TRUSTED_ORIGINS": ["https://*.example.com"]}, "https://*.example.com"),
        ("026", {"CSRF_TRUSTED_ORIGINS": ["http://ads.example.com"]}, "http://ads.example.com"),
        ("027", {"EMAIL_USE_TLS": False}, "mail.example.com without TLS"),
        ("025", {"AUDIT_WEBHOOK_SECRET": "short"}, "AUDIT_WEBHOOK_SECRET: shorter"),
        ("029", {"AUDIT_SYSLOG": "udp://logs.example.com"}, "tls://"),
        ("029", {"AUDIT_SYSLOG": "tcp://192.0.2.7:601"}, "tls://"),
        ("029", {"AUDIT_WEBHOOK_URL": "http://siem.example.com/in"}, "AUDIT_WEBHOOK_URL: the audit trail leaves"),
        ("028", {"LINKEDIN_AUTH_BASE_URL": "http://proxy.example.com"}, "LINKEDIN_AUTH_BASE_URL"),
    ],
)
def test_each_weakness_is_named_with_its_remedy(
    production: Any, number: str, changes: dict[str, Any], words: str
) -> None:
    for name, value in changes.items():
        setattr(production, name, value)
    [(found_id, said)] = found().items()
    assert found_id == f"accounts.W{number}"
    assert words in said
    assert "short@" not in said
    assert "nobody-guesses" not in said


@pytest.mark.parametrize(
    "changes",
    [
        {"BEHIND_PROXY": False, "PROXY_NETWORKS": []},
        {"DATABASE": {"HOST": "", "OPTIONS": {}}},
        {"DATABASE": {"HOST": "/run/postgresql", "OPTIONS": {}}},
        {"DATABASE": {"HOST": "::1"}},
        {"REDIS_URL": "unix:///run/valkey.sock"},
        {"REDIS_URL": "redis://:a-password-that-nobody-guesses@localhost"},
        {"REDIS_URL": "rediss://valkey.example.com?ssl_certfile=/a.pem&ssl_keyfile=/a.key"},
        {"METRICS_TOKEN": ""},
        {"AUDIT_SYSLOG": "unix:///dev/log"},
        {"AUDIT_SYSLOG": "udp://127.0.0.1:514"},
        {"AUDIT_SYSLOG": "tls://logs.example.com"},
        {"AUDIT_WEBHOOK_URL": "http://localhost:8088/in"},
        {"EMAIL_HOST": "localhost", "EMAIL_USE_TLS": False},
        {"EMAIL_USE_TLS": False, "EMAIL_USE_SSL": True},
        {"LINKEDIN_API_BASE_URL": "http://127.0.0.1:8100"},
    ],
)
def test_what_stays_on_this_machine_or_is_encrypted_otherwise_is_fine(production: Any, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        setattr(production, name, value)
    assert found() == {}


def test_static_files_that_are_missing_or_of_another_version_are_counted(production: Any, tmp_path: Path) -> None:
    production.WHITENOISE_USE_FINDERS = False
    production.STATIC_ROOT = tmp_path / "static"
    [missing] = deployment_checks.static_files_collected()
    assert missing.id == "accounts.W020"
    assert "collectstatic" in (missing.hint or "")
    call_command("collectstatic", interactive=False, verbosity=0)
    assert deployment_checks.static_files_collected() == []
    changed = tmp_path / "static/reporting/pages.css"
    changed.write_text(changed.read_text() + "/* of another version */")
    [stale] = deployment_checks.static_files_collected()
    assert stale.msg.startswith("1 static files")
