from datetime import date
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks

from accounts.checks import encryption_keys, linkedin_app, version_warnings


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


def test_the_checks_run_at_start_up(settings: Any) -> None:
    settings.LINKEDIN_CLIENT_ID = ""
    settings.FIELD_ENCRYPTION_KEYS = ["bad"]
    settings.LINKEDIN_API_VERSION = "202401"
    assert {"accounts.W001", "accounts.E001", "accounts.W002"} <= set(ids(run_checks(include_deployment_checks=True)))
