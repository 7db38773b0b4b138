"""Celery tasks, called as functions."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.db import connection as database

from accounts import tasks
from accounts.models import LinkedInConnection, User
from tests.accounts.consents.scripted_linkedin import TOKENS, ScriptedLinkedIn, scripted_linkedin
from tests.builders import NOW, make_connection

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def linkedin(settings: Any) -> Iterator[ScriptedLinkedIn]:
    """A token endpoint that renews tokens."""
    with scripted_linkedin((200, TOKENS)) as script, time_machine.travel(NOW, tick=False):
        settings.LINKEDIN_AUTH_BASE_URL = script.url
        settings.LINKEDIN_CLIENT_ID = "the-client-id"
        settings.LINKEDIN_CLIENT_SECRET = "the-client-secret"
        yield script


def test_every_ending_token_is_renewed_although_one_cannot_be(
    linkedin: ScriptedLinkedIn, caplog: pytest.LogCaptureFixture
) -> None:
    tomorrow = NOW + timedelta(days=1)
    unreadable = make_connection(access_token_expires_at=tomorrow)
    with database.cursor() as cursor:
        cursor.execute("UPDATE linkedin_connections SET access_token = 'x' WHERE id = %s", [unreadable.pk])
    dead = make_connection(access_token_expires_at=NOW, refresh_token=None)
    good, later = make_connection(access_token_expires_at=tomorrow), make_connection()
    with caplog.at_level(logging.WARNING):
        assert tasks.refresh_tokens() == {"ending": 3, "failed": 2}
    assert "FIELD_ENCRYPTION_KEYS" in caplog.messages[0]
    states = dict(LinkedInConnection.objects.values_list("pk", "state"))
    assert states == {unreadable.pk: "active", dead.pk: "needs_consent", good.pk: "active", later.pk: "active"}
    assert [form["refresh_token"] for form in linkedin.forms()] == [good.refresh_token]


def test_a_network_error_is_logged_and_tried_again_next_hour(
    linkedin: ScriptedLinkedIn, caplog: pytest.LogCaptureFixture
) -> None:
    linkedin.answers[0] = (503, b"busy")
    make_connection(access_token_expires_at=NOW)
    with caplog.at_level(logging.WARNING):
        assert tasks.refresh_tokens() == {"ending": 1, "failed": 1}
    assert "try again in a few minutes" in caplog.messages[0]
    linkedin.answers[0] = (200, TOKENS)
    assert tasks.refresh_tokens() == {"ending": 1, "failed": 0}
    assert tasks.refresh_tokens() == {"ending": 0, "failed": 0}


def test_a_mail_server_that_is_down_delays_a_warning(
    alice: User, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    end = NOW + timedelta(days=14)
    make_connection(user=alice, access_token_expires_at=end, refresh_token_expires_at=end)
    with monkeypatch.context() as down, caplog.at_level(logging.WARNING):
        down.setattr(EmailMessage, "send", _refuse)
        assert tasks.warn_of_ending_consents() == {"sent": 0, "failed": 1}
    assert "check the EMAIL_ settings" in caplog.messages[0]
    assert tasks.warn_of_ending_consents() == {"sent": 1, "failed": 0}
    assert tasks.warn_of_ending_consents() == {"sent": 0, "failed": 0}
    assert len(mailoutbox) == 1


def _refuse(message: EmailMessage) -> int:
    raise SMTPServerDisconnected("please run connect() first")
