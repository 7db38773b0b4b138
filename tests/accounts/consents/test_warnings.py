import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection as database

from accounts.consents.connections import store_grant
from accounts.consents.warnings import connections_to_warn_about, warn
from accounts.models import ConsentWarning, LinkedInConnection, User
from accounts.roles import Role
from tests.builders import NOW, make_connection, make_grant, make_user

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
State = LinkedInConnection.State


def ending(days: float, **changes: Any) -> LinkedInConnection:
    """A consent that ends in so many days, given a year before its end."""
    end = NOW + days * DAY
    values = {
        "access_token_expires_at": min(end, NOW + 50 * DAY),
        "refresh_token_expires_at": end,
        "connected_at": end - 365 * DAY,
    }
    return make_connection(**values | changes)


@pytest.mark.parametrize(
    ("days", "state", "days_left"),
    [(61, "active", 61), (60, "expiring", 60), (0.5, "expiring", 1), (0, "needs_consent", 0), (-3, "needs_consent", 0)],
)
def test_an_active_consent_is_shown_as_expiring_in_its_last_sixty_days(days: float, state: str, days_left: int) -> None:
    connection = ending(days)
    assert (connection.state_at(NOW), connection.days_left(NOW)) == (state, days_left)


def test_without_a_refresh_token_the_access_token_is_the_consent() -> None:
    connection = make_connection(refresh_token=None, refresh_token_expires_at=None)
    assert (connection.consent_ends_at, connection.state_at(NOW)) == (NOW + 50 * DAY, "expiring")


@pytest.mark.parametrize("state", [State.NEEDS_CONSENT, State.REVOKED])
def test_a_consent_that_is_over_is_not_expiring(state: str) -> None:
    assert ending(3, state=state).state_at(NOW) == state


def test_a_refresh_token_without_an_end_is_taken_to_live_a_year(alice: User) -> None:
    connection = store_grant(user=alice, grant=make_grant(refresh_token_expires_at=None), now=NOW)
    assert connection.consent_ends_at == NOW + 365 * DAY


def test_a_consent_gets_five_warnings_each_once(alice: User, mailoutbox: list[EmailMessage]) -> None:
    connection = ending(62)
    warned = []
    for hour in range(0, 24 * 62, 6):
        now = NOW + timedelta(hours=hour)
        if connections_to_warn_about(now=now) and warn(connection.pk, now=now):
            warned.append(hour / 24)
    assert warned == [2, 32, 48, 55, 61]
    assert [message.subject for message in mailoutbox] == [
        f"The LinkedIn consent ends in {days}" for days in ("60 days", "30 days", "14 days", "7 days", "1 day")
    ]


def test_an_installation_that_was_off_warns_only_of_the_nearest_step(alice: User) -> None:
    connection = ending(5)
    assert warn(connection.pk, now=NOW)
    assert list(ConsentWarning.objects.values_list("days", flat=True)) == [7]
    assert not warn(connection.pk, now=NOW)


def test_a_consent_of_sixty_days_gets_no_warning_on_its_first_day(alice: User) -> None:
    end = NOW + 60 * DAY
    connection = ending(60, access_token_expires_at=end, refresh_token=None, connected_at=NOW)
    assert connections_to_warn_about(now=NOW) == []
    assert connections_to_warn_about(now=NOW + 30 * DAY) == [connection.pk]


def test_the_message_names_who_what_and_where(settings: Any, alice: User, mailoutbox: list[EmailMessage]) -> None:
    settings.SITE_URL = "https://ads.example.com"
    settings.DEFAULT_FROM_EMAIL = "ads@example.com"
    maria = make_user(email="maria@example.com", first_name="Maria", last_name="O'Neil", role=Role.MANAGER)
    make_user(email="left@example.com", role=Role.OWNER, is_active=False)
    warn(ending(7, user=maria, trouble="LinkedIn no longer renews this consent.").pk, now=NOW)
    [message] = mailoutbox
    assert (message.to, message.from_email) == (["alice@example.com", "maria@example.com"], "ads@example.com")
    assert message.body == (
        "The LinkedIn consent of Maria O'Neil ends in 7 days, on 27 November 2026, 12:00 UTC.\n"
        "After that, its ad accounts are no longer synced. Stored data is kept.\n\n"
        "To renew it, Maria O'Neil needs to open this page and agree at LinkedIn:\n"
        "https://ads.example.com/linkedin/connect/\n\n"
        "LinkedIn no longer renews this consent.\n\n"
    )


def test_a_lost_consent_gets_one_warning_until_a_new_one(alice: User, mailoutbox: list[EmailMessage]) -> None:
    connection = ending(300, user=alice, state=State.NEEDS_CONSENT)
    for hour in range(3):
        warn(connection.pk, now=NOW + timedelta(hours=hour))
    [message] = mailoutbox
    assert message.subject == "LinkedIn needs a new consent"
    assert "Syncs then start again automatically" in str(message.body)
    store_grant(user=alice, grant=make_grant(), now=NOW + DAY)
    assert connections_to_warn_about(now=NOW + DAY) == []
    LinkedInConnection.objects.update(state=State.NEEDS_CONSENT)
    assert warn(connection.pk, now=NOW + 2 * DAY)


def test_there_is_no_warning_about_a_consent_that_a_person_ended(alice: User) -> None:
    connection = ending(3, state=State.REVOKED)
    assert connections_to_warn_about(now=NOW) == []
    assert not warn(connection.pk, now=NOW)


def test_without_recipients_the_warning_waits() -> None:
    connection = ending(7, user=None)
    assert not warn(connection.pk, now=NOW)
    assert connections_to_warn_about(now=NOW) == [connection.pk]


@pytest.mark.django_db(transaction=True)
def test_eight_workers_send_one_message(alice: User, mailoutbox: list[EmailMessage]) -> None:
    connection = ending(7)
    start = threading.Barrier(8)

    def work(_: int) -> bool:
        start.wait()
        try:
            return warn(connection.pk, now=NOW)
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(work, range(8))) == [False] * 7 + [True]
    assert len(mailoutbox) == 1
