"""A session ends after its hours, however busy it is."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.builders import make_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


def is_signed_in(browser: Client) -> bool:
    return browser.get("/admin/").status_code == 200


def test_a_busy_session_ends_all_the_same(as_bob: Client, settings: Any) -> None:
    settings.SESSION_HOURS = 2
    start = timezone.now()
    for minutes in range(0, 120, 20):
        with time_machine.travel(start + timedelta(minutes=minutes)):
            assert is_signed_in(as_bob), minutes
    with time_machine.travel(start + timedelta(minutes=120)):
        assert not is_signed_in(as_bob)
    # For good: the session itself is gone.
    assert not is_signed_in(as_bob)


def test_signing_in_again_begins_anew(client: Client, settings: Any) -> None:
    settings.SESSION_HOURS = 2
    person = make_user(email="dora@example.com", password=PASSWORD)
    start = timezone.now()
    for hours in (0, 1.5, 3):
        with time_machine.travel(start + timedelta(hours=hours)):
            client.post("/admin/login/", {"username": person.email, "password": PASSWORD})
            assert is_signed_in(client)


def test_a_session_that_a_wrong_clock_began_ends_in_time(as_bob: Client, bob: User, settings: Any) -> None:
    settings.SESSION_HOURS = 2
    start = timezone.now()
    with time_machine.travel(start + timedelta(minutes=90)):
        assert is_signed_in(as_bob)
    with time_machine.travel(start):
        assert is_signed_in(as_bob)
    with time_machine.travel(start + timedelta(minutes=121)):
        assert not is_signed_in(as_bob)
