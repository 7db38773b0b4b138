import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from accounts.consents.tokens import ConnectionTokens, connections_to_renew, renew_ahead
from accounts.errors import NoUsableConnection, OAuthError
from accounts.models import AuditEvent, LinkedInConnection
from tests.accounts.consents.consent_trail import consent_events
from tests.accounts.consents.scripted_linkedin import TOKENS, ScriptedLinkedIn
from tests.builders import NOW, make_connection

DEAD = {
    "error": "invalid_request",
    "error_description": "The provided authorization grant or refresh token is invalid, expired or revoked",
}
State = LinkedInConnection.State


def tokens_of(connection: LinkedInConnection, **changes: Any) -> ConnectionTokens:
    return ConnectionTokens(connection.pk, now=lambda: NOW, **changes)


# --- ConnectionTokens ---


@pytest.mark.django_db
def test_current_gives_the_stored_token_and_reads_it_once(
    linkedin: ScriptedLinkedIn, django_assert_num_queries: Any
) -> None:
    connection = make_connection()
    tokens = tokens_of(connection)
    assert tokens.current() == connection.access_token
    with django_assert_num_queries(0):
        assert tokens.current() == connection.access_token
    assert linkedin.asked == []


@pytest.mark.django_db
def test_current_renews_a_token_that_ends_within_five_minutes(linkedin: ScriptedLinkedIn) -> None:
    connection = make_connection(access_token_expires_at=NOW + timedelta(minutes=5))
    assert tokens_of(connection).current() == "new-access-token"
    stored = LinkedInConnection.objects.get()
    assert (stored.access_token, stored.refresh_token) == ("new-access-token", "new-refresh-token")
    assert stored.access_token_expires_at == NOW + timedelta(days=60)
    assert (stored.refreshed_at, stored.state) == (NOW, State.ACTIVE)
    assert linkedin.forms()[0]["refresh_token"] == connection.refresh_token


@pytest.mark.django_db
def test_min_lifetime_renews_earlier(linkedin: ScriptedLinkedIn) -> None:
    connection = make_connection()
    assert tokens_of(connection, min_lifetime=timedelta(days=51)).current() == "new-access-token"


@pytest.mark.django_db
def test_a_refresh_that_brings_no_refresh_token_keeps_the_old_one(linkedin: ScriptedLinkedIn) -> None:
    linkedin.answers[0] = (200, {"access_token": "new-access-token", "expires_in": 100})
    connection = make_connection(access_token_expires_at=NOW)
    tokens_of(connection).current()
    stored = LinkedInConnection.objects.get()
    assert stored.refresh_token == connection.refresh_token
    assert stored.refresh_token_expires_at == connection.refresh_token_expires_at
    assert stored.scopes == connection.scopes


@pytest.mark.parametrize("answer", [(503, b"busy"), (400, DEAD), None])
@pytest.mark.django_db
def test_a_token_near_its_end_works_while_it_cannot_be_renewed(linkedin: ScriptedLinkedIn, answer: Any) -> None:
    linkedin.answers[0] = answer
    changes = {} if answer else {"refresh_token": None}
    connection = make_connection(access_token_expires_at=NOW + timedelta(minutes=1), **changes)
    assert tokens_of(connection).current() == connection.access_token
    assert LinkedInConnection.objects.get().state == State.ACTIVE


@pytest.mark.django_db
def test_a_network_error_does_not_require_a_new_consent(linkedin: ScriptedLinkedIn) -> None:
    linkedin.answers[0] = (503, b"busy")
    connection = make_connection(access_token_expires_at=NOW)
    with pytest.raises(OAuthError) as caught:
        tokens_of(connection).current()
    assert caught.value.kind == "network"
    assert LinkedInConnection.objects.get().state == State.ACTIVE


@pytest.mark.django_db
def test_renew_gives_a_new_token(linkedin: ScriptedLinkedIn) -> None:
    tokens = tokens_of(make_connection())
    assert tokens.renew(tokens.current()) == "new-access-token"
    assert tokens.current() == "new-access-token"
    assert len(linkedin.asked) == 1


@pytest.mark.django_db
def test_renew_takes_what_another_process_got(linkedin: ScriptedLinkedIn) -> None:
    connection = make_connection()
    tokens = tokens_of(connection)
    rejected = tokens.current()
    connection.access_token = "from-another-process"
    connection.save()
    assert tokens.renew(rejected) == "from-another-process"
    assert linkedin.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"connected_at": NOW - timedelta(seconds=59)},
        {"refreshed_at": NOW - timedelta(seconds=59)},
    ],
)
@pytest.mark.django_db
def test_a_brand_new_token_is_not_renewed(linkedin: ScriptedLinkedIn, changes: dict[str, Any]) -> None:
    """LinkedIn answers 401 to a new token for some seconds; the caller pauses and tries it again."""
    connection = make_connection(**changes)
    assert tokens_of(connection).renew(connection.access_token or "") == connection.access_token
    assert linkedin.asked == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("answer", [(400, DEAD), None])
def test_a_dead_grant_is_marked_although_an_error_is_raised(linkedin: ScriptedLinkedIn, answer: Any) -> None:
    linkedin.answers[0] = answer
    connection = make_connection(**({} if answer else {"refresh_token": None}))
    tokens = tokens_of(connection)
    for _ in range(2):
        with pytest.raises(NoUsableConnection, match="connect LinkedIn again") as caught:
            tokens.renew(connection.access_token or "")
        assert caught.value.kind == "consent"
    stored = LinkedInConnection.objects.get()
    assert stored.state == State.NEEDS_CONSENT
    assert "connect LinkedIn again" in (stored.trouble or "")
    assert len(linkedin.asked) == (1 if answer else 0)


@pytest.mark.django_db(transaction=True)
def test_tokens_refuse_to_work_inside_a_transaction() -> None:
    """Its rollback would take the mark with it."""
    connection = make_connection()
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        tokens_of(connection).current()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("shared", [True, False], ids=["one sync", "many processes"])
def test_eight_threads_renew_once(linkedin: ScriptedLinkedIn, shared: bool) -> None:
    connection = make_connection()
    all_tokens = [tokens_of(connection)] * 8 if shared else [tokens_of(connection) for _ in range(8)]
    start = threading.Barrier(8)

    def renew(tokens: ConnectionTokens) -> str:
        start.wait()
        renewed = tokens.renew(connection.access_token or "")
        assert database.connection is None, "the thread keeps a database connection"
        return renewed

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(renew, all_tokens)) == {"new-access-token"}
    assert len(linkedin.asked) == 1


# --- Renewed ahead ---

WEEK = timedelta(days=7)


@pytest.mark.django_db
def test_active_connections_that_end_within_a_week_are_due() -> None:
    make_connection(access_token_expires_at=NOW + WEEK + timedelta(seconds=1))
    make_connection(access_token_expires_at=NOW, state=State.NEEDS_CONSENT)
    make_connection(access_token_expires_at=NOW, state=State.REVOKED)
    due = [make_connection(access_token_expires_at=NOW + days * WEEK / 7).pk for days in (7, 1, -3)]
    assert connections_to_renew(now=NOW) == due


@pytest.mark.django_db
def test_a_token_is_renewed_a_week_before_its_end_and_recorded(linkedin: ScriptedLinkedIn) -> None:
    connection = make_connection(access_token_expires_at=NOW + WEEK)
    renew_ahead(connection.pk, now=lambda: NOW)
    connection.refresh_from_db()
    assert (connection.access_token, connection.refreshed_at) == ("new-access-token", NOW)
    event = AuditEvent.objects.get()
    assert (event.kind, event.actor_id) == ("consent_refreshed", None)
    assert event.detail == {"connection_id": connection.pk, "ends_at": "2027-01-19T12:00:00+00:00"}
    renew_ahead(connection.pk, now=lambda: NOW)
    assert len(linkedin.asked) == 1


@pytest.mark.django_db
def test_a_token_that_ends_with_its_consent_is_not_renewed_every_hour(linkedin: ScriptedLinkedIn) -> None:
    """Five days before its end LinkedIn gives tokens for five days, so renewing gains nothing."""
    end = NOW + timedelta(days=5)
    connection = make_connection(access_token_expires_at=end, refresh_token_expires_at=end + timedelta(seconds=1))
    renew_ahead(connection.pk, now=lambda: NOW)
    assert linkedin.asked == []
    with pytest.raises(NoUsableConnection):
        renew_ahead(connection.pk, now=lambda: end + timedelta(seconds=1))
    assert consent_events() == [("consent_lost", connection.pk)]


@pytest.mark.django_db
def test_a_dead_refresh_token_is_sent_once_and_the_access_token_works_until_it_expires(
    linkedin: ScriptedLinkedIn,
) -> None:
    linkedin.answers[0] = (400, DEAD)
    connection = make_connection(access_token_expires_at=NOW + timedelta(days=3))
    for _ in range(2):
        renew_ahead(connection.pk, now=lambda: NOW)
    assert len(linkedin.asked) == 1
    connection.refresh_from_db()
    assert (connection.state, connection.refresh_token, connection.refresh_token_expires_at) == ("active", None, None)
    assert "connect LinkedIn again" in (connection.trouble or "")
    with pytest.raises(NoUsableConnection):
        renew_ahead(connection.pk, now=lambda: NOW + timedelta(days=3))
    assert consent_events() == [("consent_not_renewable", connection.pk), ("consent_lost", connection.pk)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seconds", [5184000, 86400], ids=["for two months", "for a day"])
def test_eight_workers_refresh_once(linkedin: ScriptedLinkedIn, seconds: int) -> None:
    """Even if the new token expires within the week, the others use it."""
    linkedin.answers[0] = (200, {**TOKENS, "expires_in": seconds})
    connection = make_connection(access_token_expires_at=NOW + timedelta(hours=1))
    start = threading.Barrier(8)

    def work(_: int) -> None:
        start.wait()
        renew_ahead(connection.pk, now=lambda: NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(linkedin.asked) == 1
    assert consent_events() == [("consent_refreshed", connection.pk)]


@pytest.mark.django_db
def test_a_removed_connection_says_connect_again() -> None:
    with pytest.raises(NoUsableConnection, match="connect LinkedIn again"):
        ConnectionTokens(404, now=lambda: NOW).current()


@pytest.mark.django_db
def test_repr_hides_the_token() -> None:
    tokens = tokens_of(make_connection(access_token="hidden"))
    tokens.current()
    assert "hidden" not in repr(tokens)
