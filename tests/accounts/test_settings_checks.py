from dataclasses import replace
from datetime import date
from secrets import token_urlsafe
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks

from accounts.settings_checks import encryption_keys, linkedin_app, version_warnings


def ids(messages: Any) -> list[str]:
    return [message.id for message in messages]


def test_w001_says_when_no_linkedin_app_is_configured(settings: Any) -> None:
    settings.LINKEDIN_CLIENT_ID, settings.LINKEDIN_CLIENT_SECRET = "id", ""
    (warning,) = linkedin_app()
    assert warning.id == "accounts.W001"
    assert "LINKEDIN_CLIENT_SECRET" in (warning.hint or "")
    settings.LINKEDIN_CLIENT_SECRET = "secret"
    assert linkedin_app() == []


@pytest.mark.parametrize("bad", ["", "not a key", "ключ", "c2hvcnQ="])
def test_e001_says_which_key_is_bad_without_showing_it(settings: Any, bad: str) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), bad]
    (error,) = encryption_keys()
    assert error.id == "accounts.E001"
    assert "entry 2" in error.msg
    assert not bad or bad not in error.msg
    assert "Fernet.generate_key" in (error.hint or "")


def test_e001_says_when_there_is_no_key(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []
    assert ids(encryption_keys()) == ["accounts.E001"]
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert encryption_keys() == []


@pytest.mark.parametrize(
    ("version", "today", "words"),
    [
        ("202607", date(2026, 11, 21), None),
        ("202607", date(2027, 5, 15), None),
        ("202607", date(2027, 5, 16), "switches off API version 202607 on 2027-07-15"),
        ("202607", date(2027, 7, 15), "has switched off"),
        ("202603", date(2027, 3, 15), "switches off API version 202603 on 2027-03-16"),
        ("202512", date(2026, 11, 21), "not one that LinkedIn serves"),
        ("202612", date(2027, 9, 1), None),
        ("202612", date(2027, 11, 1), "on 2027-12-15"),
        ("2026-07", date(2026, 11, 21), "not one that LinkedIn serves"),
        ("20267", date(2026, 11, 21), "not one that LinkedIn serves"),
        ("202613", date(2026, 11, 21), "not one that LinkedIn serves"),
        ("", date(2026, 11, 21), "not one that LinkedIn serves"),
    ],
)
def test_w002_warns_sixty_days_before_the_version_ends(version: str, today: date, words: str | None) -> None:
    warnings = version_warnings(version=version, today=today)
    assert ids(warnings) == (["accounts.W002"] if words else [])
    if words:
        assert words in warnings[0].msg
        assert "LINKEDIN_API_VERSION" in (warnings[0].hint or "")


@pytest.fixture
def in_production(settings: Any) -> Any:
    """Settings of an installation without warnings."""
    settings.EMBEDDED_SERVERS = replace(settings.EMBEDDED_SERVERS, postgresql=False)
    settings.SITE_URL = "https://ads.example.com"
    settings.LINKEDIN_REDIRECT_URI = "https://ads.example.com/linkedin/callback/"
    settings.LINKEDIN_CLIENT_ID, settings.LINKEDIN_CLIENT_SECRET = "the-ads-app", "the-secret"
    settings.LINKEDIN_LOGIN_CLIENT_ID = "the-login-app"
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.SECRET_KEY = token_urlsafe(50)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    settings.SECURE_SSL_REDIRECT, settings.SECURE_PROXY_SSL_HEADER = True, ("HTTP_X_FORWARDED_PROTO", "https")
    settings.DEBUG = False
    settings.PROXY_NETWORKS = ["10.0.0.0/8"]
    settings.REDIS_URL = "rediss://:a-long-password-of-valkey@valkey.example.com:6379/0"
    return settings


def our_ids() -> list[str]:
    return [one for one in ids(run_checks(include_deployment_checks=True)) if one.startswith("accounts.")]


def test_a_complete_production_setup_gets_no_warning(in_production: Any) -> None:
    assert our_ids() == []


@pytest.mark.parametrize(
    ("check", "changes", "remedy"),
    [
        ("accounts.W006", {"DEBUG": True}, "DEBUG=false"),
        ("accounts.W006", {"DEBUG": True, "SITE_URL": "http://127.0.0.1:8000"}, "DEBUG=false"),
        ("accounts.W004", {"SECRET_KEY": "x1y2z3"}, "token_urlsafe"),
        ("accounts.W004", {"SECRET_KEY": "ab" * 40}, "token_urlsafe"),
        ("accounts.W004", {"SECRET_KEY": "django-insecure-" + token_urlsafe(50)}, "token_urlsafe"),
        ("accounts.W005", {"LINKEDIN_REDIRECT_URI": "https://old.example.com/linkedin/callback/"}, "SITE_URL"),
        ("accounts.W005", {"LINKEDIN_REDIRECT_URI": "http://ads.example.com/linkedin/callback/"}, "SITE_URL"),
        ("accounts.W003", {"LINKEDIN_LOGIN_CLIENT_ID": "the-ads-app"}, "second app"),
        ("accounts.W007", {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, "EMAIL_HOST"),
        ("accounts.W008", {"SECURE_PROXY_SSL_HEADER": None}, "BEHIND_PROXY"),
        ("accounts.W009", {"SITE_URL": "http://ads.example.com"}, "https address"),
    ],
)
def test_problems_in_production_are_reported_with_their_remedy(
    in_production: Any, check: str, changes: dict[str, Any], remedy: str
) -> None:
    for name, value in changes.items():
        setattr(in_production, name, value)
    [message] = [one for one in run_checks(include_deployment_checks=True) if one.id == check]
    assert remedy in (message.hint or "")
    assert in_production.SECRET_KEY not in f"{message.msg}{message.hint}"


def test_a_local_machine_may_debug_and_print_its_mail(in_production: Any) -> None:
    in_production.EMBEDDED_SERVERS = replace(in_production.EMBEDDED_SERVERS, postgresql=True)
    in_production.SITE_URL = "http://127.0.0.1:8000"
    in_production.LINKEDIN_REDIRECT_URI = "http://127.0.0.1:8000/linkedin/callback/"
    in_production.SECURE_SSL_REDIRECT, in_production.SECURE_PROXY_SSL_HEADER = False, None
    in_production.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    in_production.DEBUG = True
    assert our_ids() == ["accounts.W009"]


def test_the_checks_run_at_start_up(settings: Any) -> None:
    settings.LINKEDIN_CLIENT_ID = ""
    settings.FIELD_ENCRYPTION_KEYS = ["bad"]
    settings.LINKEDIN_API_VERSION = "202401"
    assert {"accounts.W001", "accounts.E001", "accounts.W002"} <= set(ids(run_checks(include_deployment_checks=True)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"AUDIT_SYSLOG": "logs.example.com"}, "AUDIT_SYSLOG: it must look like udp://host:514"),
        ({"AUDIT_WEBHOOK_URL": "https://siem.example.com/in"}, "AUDIT_WEBHOOK_SECRET is needed"),
        (
            {"AUDIT_WEBHOOK_URL": "siem.example.com", "AUDIT_WEBHOOK_SECRET": token_urlsafe(30)},
            "AUDIT_WEBHOOK_URL must look like https://",
        ),
        ({"AUDIT_ALERTS": ["removed", "coffee_made"]}, "AUDIT_ALERTS names coffee_made"),
    ],
)
def test_e020_says_why_the_audit_trail_cannot_go_out(in_production: Any, changes: dict[str, Any], words: str) -> None:
    for name, value in changes.items():
        setattr(in_production, name, value)
    [error] = [one for one in run_checks() if one.id == "accounts.E020"]
    assert words in error.msg
    assert ".env.example" in (error.hint or "")
    assert in_production.AUDIT_WEBHOOK_SECRET not in error.msg or not in_production.AUDIT_WEBHOOK_SECRET


def test_an_audit_trail_that_can_go_out_is_fine(in_production: Any) -> None:
    in_production.AUDIT_SYSLOG = "tls://logs.example.com?ca=/etc/ca.pem"
    in_production.AUDIT_WEBHOOK_URL, in_production.AUDIT_WEBHOOK_SECRET = "https://siem.example.com/", token_urlsafe(30)
    in_production.AUDIT_ALERTS = ["none"]
    assert our_ids() == []
