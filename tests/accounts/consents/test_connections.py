from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database

from accounts.consents.connections import end, mark_needs_consent, missing_scopes, store_grant, what_to_do
from accounts.consents.signals import linkedin_connected
from accounts.models import AuditEvent, LinkedInConnection, User
from tests.accounts.consents.consent_trail import consent_events
from tests.accounts.consents.scripted_linkedin import ScriptedLinkedIn
from tests.builders import NOW, make_connection, make_grant

State = LinkedInConnection.State


# --- store_grant ---


def test_store_grant_makes_a_connection_and_records_it(alice: User) -> None:
    grant = make_grant()
    connection = store_grant(user=alice, grant=grant, now=NOW)
    stored = LinkedInConnection.objects.get()
    assert stored == connection
    assert (stored.user, stored.state, stored.trouble) == (alice, State.ACTIVE, None)
    assert (stored.access_token, stored.refresh_token) == (grant.access_token, grant.refresh_token)
    assert stored.scopes == ["r_ads", "r_ads_reporting"]
    event = AuditEvent.objects.get()
    assert (event.kind, event.actor_id, event.actor_email) == ("consent_given", alice.pk, "alice@example.com")
    assert event.detail == {"connection_id": stored.pk, "scopes": ["r_ads", "r_ads_reporting"]}


def test_a_new_consent_heals_the_earlier_connection(alice: User) -> None:
    earlier = make_connection(user=alice, state=State.NEEDS_CONSENT, trouble="ended", refreshed_at=NOW)
    store_grant(user=alice, grant=make_grant(access_token="fresh", refresh_token=None), now=NOW)
    stored = LinkedInConnection.objects.get()
    assert stored.pk == earlier.pk
    assert (stored.state, stored.trouble, stored.refreshed_at) == (State.ACTIVE, None, None)
    assert (stored.access_token, stored.refresh_token, stored.connected_at) == ("fresh", None, NOW)


def test_a_new_consent_replaces_tokens_whose_key_is_lost(alice: User) -> None:
    make_connection(user=alice)
    with database.cursor() as cursor:
        cursor.execute("UPDATE linkedin_connections SET access_token = 'x', refresh_token = 'y'")
    store_grant(user=alice, grant=make_grant(access_token="fresh"), now=NOW)
    assert LinkedInConnection.objects.get().access_token == "fresh"


def test_store_grant_announces_after_commit(alice: User, django_capture_on_commit_callbacks: Any) -> None:
    received: list[int] = []

    def listen(connection_id: int, **_: Any) -> None:
        received.append(connection_id)

    others, linkedin_connected.receivers = linkedin_connected.receivers, []
    linkedin_connected.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            connection = store_grant(user=alice, grant=make_grant(), now=NOW)
            assert received == []
        assert received == [connection.pk]
        with django_capture_on_commit_callbacks(execute=True):
            store_grant(user=alice, grant=make_grant(), now=NOW, announce=False)
        assert received == [connection.pk]
    finally:
        linkedin_connected.receivers = others
        linkedin_connected.sender_receivers_cache.clear()


@pytest.mark.django_db
def test_a_consent_without_a_person_is_stored_once() -> None:
    for _ in range(2):
        store_grant(user=None, grant=make_grant(), now=NOW)
    assert LinkedInConnection.objects.get().user is None


# --- missing_scopes ---


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        ({"r_ads", "r_ads_reporting"}, []),
        ({"rw_ads", "r_ads_reporting", "openid"}, []),
        ({"r_ads"}, ["r_ads_reporting"]),
        ({"r_ads_reporting"}, ["r_ads"]),
        ({"openid"}, ["r_ads", "r_ads_reporting"]),
        (set(), []),
    ],
)
def test_missing_scopes_names_what_a_sync_needs(scopes: set[str], missing: list[str]) -> None:
    assert missing_scopes(make_grant(scopes=frozenset(scopes))) == missing
    assert missing_scopes(LinkedInConnection(scopes=sorted(scopes))) == missing


@pytest.mark.django_db
def test_an_end_without_a_refresh_token_is_not_stored() -> None:
    connection = store_grant(user=None, grant=make_grant(refresh_token=None), now=NOW)
    assert (connection.refresh_token_expires_at, connection.consent_ends_at) == (None, NOW + timedelta(days=60))


# --- What to do ---


@pytest.mark.django_db
def test_what_to_do_names_every_remedy() -> None:
    ended = make_connection(access_token_expires_at=NOW, refresh_token=None, scopes=["r_ads"])
    lost = make_connection(state=State.NEEDS_CONSENT, trouble="Connect again.", scopes=["r_ads"])
    assert what_to_do(make_connection(), now=NOW) == ""
    assert what_to_do(lost, now=NOW) == "Connect again."
    assert what_to_do(ended, now=NOW).startswith("LinkedIn no longer accepts this consent")
    assert "Lacks r_ads_reporting, which syncs need" in what_to_do(ended, now=NOW)


# --- Marked ---


@pytest.mark.django_db
def test_mark_needs_consent_leaves_a_revoked_connection_alone() -> None:
    active, revoked = make_connection(), make_connection(state=State.REVOKED)
    for connection in (active, revoked):
        mark_needs_consent(connection.pk, trouble="LinkedIn ended it; connect LinkedIn again.")
        connection.refresh_from_db()
    assert (active.state, revoked.state) == (State.NEEDS_CONSENT, State.REVOKED)
    assert active.trouble == "LinkedIn ended it; connect LinkedIn again."


# --- Ended by a person ---


@pytest.mark.django_db
def test_end_revokes_both_tokens_and_forgets_them(linkedin: ScriptedLinkedIn, alice: User) -> None:
    connection = make_connection(user=alice)
    assert end(connection.pk, actor=alice, now=NOW) is None
    assert [path for path, _ in linkedin.asked] == ["/oauth/v2/revoke"] * 2
    assert [form["token"] for form in linkedin.forms()] == [connection.refresh_token, connection.access_token]
    connection.refresh_from_db()
    assert (connection.state, connection.access_token, connection.refresh_token) == (State.REVOKED, None, None)
    event = AuditEvent.objects.get()
    assert (event.kind, event.actor_id, event.detail) == (
        "consent_revoked", alice.pk, {"connection_id": connection.pk},
    )  # fmt: skip
    assert end(connection.pk, actor=alice, now=NOW) is None
    assert (len(linkedin.asked), AuditEvent.objects.count()) == (2, 1)


@pytest.mark.django_db
def test_a_linkedin_that_does_not_answer_does_not_stop_the_end(linkedin: ScriptedLinkedIn, alice: User) -> None:
    linkedin.answers[0] = (503, b"busy")
    connection = make_connection(user=alice)
    trouble = end(connection.pk, actor=alice, now=NOW)
    assert "try again in a few minutes" in str(trouble)
    assert len(linkedin.asked) == 1
    connection.refresh_from_db()
    assert (connection.state, connection.access_token) == (State.REVOKED, None)
    assert consent_events() == [("consent_revoked", connection.pk), ("consent_not_revoked_at_linkedin", connection.pk)]


@pytest.mark.django_db
def test_a_consent_whose_key_is_lost_can_be_ended(linkedin: ScriptedLinkedIn, alice: User) -> None:
    connection = make_connection(user=alice)
    with database.cursor() as cursor:
        cursor.execute("UPDATE linkedin_connections SET access_token = 'x', refresh_token = 'y'")
    assert "FIELD_ENCRYPTION_KEYS" in str(end(connection.pk, actor=alice, now=NOW))
    assert linkedin.asked == []
    connection.refresh_from_db()
    assert (connection.state, connection.refresh_token) == (State.REVOKED, None)
