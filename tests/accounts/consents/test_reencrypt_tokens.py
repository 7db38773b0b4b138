"""`manage.py reencrypt_tokens`."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection as database

from accounts.models import AuditEvent, LinkedInConnection
from tests.builders import make_connection

pytestmark = pytest.mark.django_db

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def reencrypt() -> str:
    out = StringIO()
    call_command("reencrypt_tokens", stdout=out)
    return out.getvalue()


def stored_tokens() -> list[tuple[int, str | None, str | None]]:
    with database.cursor() as cursor:
        cursor.execute("SELECT id, access_token, refresh_token FROM linkedin_connections ORDER BY id")
        return cursor.fetchall()


def test_encrypting_again_is_recorded(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    make_connection()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    reencrypt()
    event = AuditEvent.objects.get()
    assert (event.kind, event.detail) == (
        "tokens_reencrypted",
        {"connections": 1, "unreadable": [], "by": "command"},
    )


def test_the_old_key_can_go_afterwards(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    connection = make_connection()
    without_refresh = make_connection(refresh_token=None)
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    assert reencrypt() == "2 connections are encrypted with the first key.\n"
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    stored = LinkedInConnection.objects.get(pk=connection.pk)
    assert (stored.access_token, stored.refresh_token) == (connection.access_token, connection.refresh_token)
    assert LinkedInConnection.objects.get(pk=without_refresh.pk).refresh_token is None


def test_an_ended_consent_has_nothing_to_encrypt() -> None:
    make_connection(state="revoked", access_token=None, refresh_token=None)
    make_connection()
    assert reencrypt() == "1 connection is encrypted with the first key.\n"


def test_what_no_key_opens_is_named_and_left_alone(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    lost = make_connection()
    before = stored_tokens()
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    good = make_connection()
    with pytest.raises(CommandError, match=f"No key opens the tokens of LinkedIn connection {lost.pk};") as error:
        reencrypt()
    assert error.value.returncode == 1
    assert stored_tokens()[:1] == before
    assert LinkedInConnection.objects.get(pk=good.pk).access_token == good.access_token
    assert str(good.access_token) not in str(error.value)
