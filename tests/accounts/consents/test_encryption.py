from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.db import connection as database

from accounts.errors import UndecryptableToken
from accounts.models import LinkedInConnection
from tests.builders import make_connection

pytestmark = pytest.mark.django_db

TOKEN = "AQX-clear-token-" + "z" * 1000


def column() -> str:
    with database.cursor() as cursor:
        cursor.execute("SELECT access_token FROM linkedin_connections")
        stored: str = cursor.fetchone()[0]
    return stored


def test_the_column_does_not_hold_the_clear_token() -> None:
    make_connection(access_token=TOKEN, refresh_token=None)
    assert "clear" not in column()
    stored = LinkedInConnection.objects.get()
    assert (stored.access_token, stored.refresh_token) == (TOKEN, None)


def test_keys_can_be_rotated(settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [old]
    make_connection(access_token=TOKEN)

    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    connection = LinkedInConnection.objects.get()
    assert connection.access_token == TOKEN
    connection.save()

    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert LinkedInConnection.objects.get().access_token == TOKEN


def test_a_lost_key_is_reported_with_its_remedy(settings: Any) -> None:
    make_connection(access_token=TOKEN)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(UndecryptableToken, match="FIELD_ENCRYPTION_KEYS") as caught:
        LinkedInConnection.objects.get()
    assert column() not in str(caught.value)
    assert LinkedInConnection.objects.defer("access_token", "refresh_token").get().pk


def test_an_invalid_key_is_reported_with_its_remedy(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = ["not a key"]
    with pytest.raises(ImproperlyConfigured, match="generate_key") as caught:
        make_connection()
    assert "not a key" not in str(caught.value)
