import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from accounts.consents.connections import (
    ConnectionTokens,
    ad_accounts_only_it_reads,
    connections_to_refresh,
    end,
    mark_needs_consent,
    missing_scopes,
    refresh_before_the_end,
    store_grant,
    usable_connection,
)
from accounts.consents.signals import linkedin_connected
from accounts.errors import NoUsableConnection, OAuthError
from accounts.models import AuditEvent, LinkedInConnection, User
from tests.accounts.consents.scripted_linkedin import TOKENS, ScriptedLinkedIn, scripted_linkedin
from tests.builders import NOW, make_ad_account, make_connection, make_grant, make_role

DEAD = {
    "error": "invalid_request",
    "error_description": "The provided authorization grant or refresh token is invalid, expired or revoked",
}
State = LinkedInConnection.State


@pytest.fixture
def linkedin(settings: Any) -> Iterator[ScriptedLinkedIn]:
    """A token endpoint that renews."""
    with scripted_linkedin((200, TOKENS)) as script:
        settings.LINKEDIN_AUTH_BASE_URL = script.url
        settings.LINKEDIN_CLIENT_ID = "the-client-id"
        settings.LINKEDIN_CLIENT_SECRET = "the-client-secret"
        yield script


def tokens_of(connection: LinkedInConnection, **changes: Any) -> ConnectionTokens:
    return ConnectionTokens(connection.pk, now=lambda: NOW, **changes)


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
    heard: list[int] = []

    def listen(connection_id: int, **_: Any) -> None:
        heard.append(connection_id)

    others, linkedin_connected.receivers = linkedin_connected.receivers, []
    linkedin_connected.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            connection = store_grant(user=alice, grant=make_grant(), now=NOW)
            assert heard == []
        assert heard == [connection.pk]
        with django_capture_on_commit_callbacks(execute=True):
            store_grant(user=alice, grant=make_grant(), now=NOW, announce=False)
        assert heard == [connection.pk]
    finally:
        linkedin_connected.receivers = others
        linkedin_connected.sender_receivers_cache.clear()


@pytest.mark.django_db
def test_a_consent_without_a_person_is_kept_once() -> None:
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


# --- usable_connection ---


@pytest.mark.django_db
def test_usable_connection_is_the_one_that_lasts_longest() -> None:
    ad_account = make_ad_account()
    for days in (100, 300, 200):
        connection = make_connection(refresh_token_expires_at=NOW + timedelta(days=days))
        make_role(connection=connection, ad_account=ad_account)
    best = LinkedInConnection.objects.get(refresh_token_expires_at=NOW + timedelta(days=300))
    assert usable_connection(ad_account.pk, now=NOW) == best


@pytest.mark.django_db
def test_an_ended_access_token_is_usable_while_it_can_be_renewed() -> None:
    role = make_role(connection=make_connection(access_token_expires_at=NOW - timedelta(days=1)))
    assert usable_connection(role.ad_account_id, now=NOW) == role.connection


@pytest.mark.parametrize(
    "changes",
    [
        {"state": State.NEEDS_CONSENT},
        {"state": State.REVOKED},
        {"access_token_expires_at": NOW, "refresh_token": None},
        {"access_token_expires_at": NOW, "refresh_token_expires_at": NOW},
    ],
)
@pytest.mark.django_db
def test_a_connection_that_needs_consent_is_not_usable(changes: dict[str, Any]) -> None:
    role = make_role(connection=make_connection(**changes))
    with pytest.raises(NoUsableConnection, match="connect LinkedIn again") as caught:
        usable_connection(role.ad_account_id, now=NOW)
    assert caught.value.kind == "consent"
    assert LinkedInConnection.objects.get().state == changes.get("state", State.NEEDS_CONSENT)


@pytest.mark.django_db
def test_without_a_role_there_is_no_access() -> None:
    role = make_role(lost_at=NOW)
    make_role(connection=role.connection)
    with pytest.raises(NoUsableConnection, match="Campaign Manager") as caught:
        usable_connection(role.ad_account_id, now=NOW)
    assert caught.value.kind == "access"


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
def test_least_life_renews_earlier(linkedin: ScriptedLinkedIn) -> None:
    connection = make_connection()
    assert tokens_of(connection, least_life=timedelta(days=51)).current() == "new-access-token"


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
def test_a_token_near_its_end_serves_while_it_cannot_be_renewed(linkedin: ScriptedLinkedIn, answer: Any) -> None:
    linkedin.answers[0] = answer
    changes = {} if answer else {"refresh_token": None}
    connection = make_connection(access_token_expires_at=NOW + timedelta(minutes=1), **changes)
    assert tokens_of(connection).current() == connection.access_token
    assert LinkedInConnection.objects.get().state == State.ACTIVE


@pytest.mark.django_db
def test_trouble_on_the_way_does_not_ask_for_a_new_consent(linkedin: ScriptedLinkedIn) -> None:
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
def test_tokens_refuse_to_be_asked_inside_a_transaction() -> None:
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


# --- ended by a person ---


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
    assert events() == [("consent_revoked", connection.pk), ("consent_not_revoked_at_linkedin", connection.pk)]


@pytest.mark.django_db
def test_a_consent_whose_key_is_lost_can_be_ended(linkedin: ScriptedLinkedIn, alice: User) -> None:
    connection = make_connection(user=alice)
    with database.cursor() as cursor:
        cursor.execute("UPDATE linkedin_connections SET access_token = 'x', refresh_token = 'y'")
    assert "FIELD_ENCRYPTION_KEYS" in str(end(connection.pk, actor=alice, now=NOW))
    assert linkedin.asked == []
    connection.refresh_from_db()
    assert (connection.state, connection.refresh_token) == (State.REVOKED, None)


@pytest.mark.django_db
def test_an_ended_consent_is_used_no_more_and_a_new_one_replaces_it(linkedin: ScriptedLinkedIn, alice: User) -> None:
    role = make_role(connection=make_connection(user=alice))
    end(role.connection_id, actor=alice, now=NOW)
    with pytest.raises(NoUsableConnection):
        usable_connection(role.ad_account_id, now=NOW)
    with pytest.raises(NoUsableConnection):
        tokens_of(role.connection).current()
    store_grant(user=alice, grant=make_grant(), now=NOW)
    assert usable_connection(role.ad_account_id, now=NOW) == role.connection


@pytest.mark.django_db
def test_only_it_reads_what_no_other_living_connection_has_a_role_on() -> None:
    connection, other, dead = make_connection(), make_connection(), make_connection(state=State.NEEDS_CONSENT)
    alone, shared, with_dead, lost_by_other = (make_ad_account() for _ in range(4))
    for ad_account in (alone, shared, with_dead, lost_by_other):
        make_role(connection=connection, ad_account=ad_account)
    make_role(connection=other, ad_account=shared)
    make_role(connection=dead, ad_account=with_dead)
    make_role(connection=other, ad_account=lost_by_other, lost_at=NOW)
    make_role(connection=connection, lost_at=NOW)
    assert set(ad_accounts_only_it_reads(connection.pk, now=NOW)) == {alone, with_dead, lost_by_other}


# --- refreshed before the end ---

WEEK = timedelta(days=7)


def events() -> list[tuple[str, Any]]:
    stored = AuditEvent.objects.order_by("pk")
    return [(event.kind, event.detail["connection_id"]) for event in stored]


@pytest.mark.django_db
def test_active_connections_that_end_within_a_week_are_due() -> None:
    make_connection(access_token_expires_at=NOW + WEEK + timedelta(seconds=1))
    make_connection(access_token_expires_at=NOW, state=State.NEEDS_CONSENT)
    make_connection(access_token_expires_at=NOW, state=State.REVOKED)
    due = [make_connection(access_token_expires_at=NOW + days * WEEK / 7).pk for days in (7, 1, -3)]
    assert connections_to_refresh(now=NOW) == due


@pytest.mark.django_db
def test_a_token_is_renewed_a_week_before_its_end_and_recorded(linkedin: ScriptedLinkedIn) -> None:
    connection = make_connection(access_token_expires_at=NOW + WEEK)
    refresh_before_the_end(connection.pk, now=lambda: NOW)
    connection.refresh_from_db()
    assert (connection.access_token, connection.refreshed_at) == ("new-access-token", NOW)
    event = AuditEvent.objects.get()
    assert (event.kind, event.actor_id) == ("consent_refreshed", None)
    assert event.detail == {"connection_id": connection.pk, "ends_at": "2027-01-19T12:00:00+00:00"}
    refresh_before_the_end(connection.pk, now=lambda: NOW)
    assert len(linkedin.asked) == 1


@pytest.mark.django_db
def test_a_token_that_ends_with_its_consent_is_not_renewed_every_hour(linkedin: ScriptedLinkedIn) -> None:
    """Five days before its end LinkedIn gives tokens for five days: asking again gains nothing."""
    end = NOW + timedelta(days=5)
    connection = make_connection(access_token_expires_at=end, refresh_token_expires_at=end + timedelta(seconds=1))
    refresh_before_the_end(connection.pk, now=lambda: NOW)
    assert linkedin.asked == []
    with pytest.raises(NoUsableConnection):
        refresh_before_the_end(connection.pk, now=lambda: end + timedelta(seconds=1))
    assert events() == [("consent_lost", connection.pk)]


@pytest.mark.django_db
def test_a_dead_refresh_token_is_asked_once_and_the_access_token_serves_to_its_end(linkedin: ScriptedLinkedIn) -> None:
    linkedin.answers[0] = (400, DEAD)
    connection = make_connection(access_token_expires_at=NOW + timedelta(days=3))
    for _ in range(2):
        refresh_before_the_end(connection.pk, now=lambda: NOW)
    assert len(linkedin.asked) == 1
    connection.refresh_from_db()
    assert (connection.state, connection.refresh_token, connection.refresh_token_expires_at) == ("active", None, None)
    assert "connect LinkedIn again" in (connection.trouble or "")
    with pytest.raises(NoUsableConnection):
        refresh_before_the_end(connection.pk, now=lambda: NOW + timedelta(days=3))
    assert events() == [("consent_not_renewable", connection.pk), ("consent_lost", connection.pk)]


@pytest.mark.django_db
def test_a_lost_consent_is_recorded_once_wherever_it_is_noticed() -> None:
    role = make_role(connection=make_connection(access_token_expires_at=NOW, refresh_token=None))
    for _ in range(2):
        with pytest.raises(NoUsableConnection):
            usable_connection(role.ad_account_id, now=NOW)
        mark_needs_consent(role.connection_id, trouble="LinkedIn ended it; connect LinkedIn again.")
    assert events() == [("consent_lost", role.connection_id)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seconds", [5184000, 86400], ids=["for two months", "for a day"])
def test_eight_workers_refresh_once(linkedin: ScriptedLinkedIn, seconds: int) -> None:
    """Also where what LinkedIn gives ends within the week: the others take it all the same."""
    linkedin.answers[0] = (200, {**TOKENS, "expires_in": seconds})
    connection = make_connection(access_token_expires_at=NOW + timedelta(hours=1))
    start = threading.Barrier(8)

    def work(_: int) -> None:
        start.wait()
        refresh_before_the_end(connection.pk, now=lambda: NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(linkedin.asked) == 1
    assert events() == [("consent_refreshed", connection.pk)]


@pytest.mark.django_db
def test_a_removed_connection_says_connect_again() -> None:
    with pytest.raises(NoUsableConnection, match="connect LinkedIn again"):
        ConnectionTokens(404, now=lambda: NOW).current()


@pytest.mark.django_db
def test_repr_hides_the_token() -> None:
    tokens = tokens_of(make_connection(access_token="hidden"))
    tokens.current()
    assert "hidden" not in repr(tokens)


@pytest.mark.django_db
def test_mark_needs_consent_leaves_a_revoked_connection_alone() -> None:
    active, revoked = make_connection(), make_connection(state=State.REVOKED)
    for connection in (active, revoked):
        mark_needs_consent(connection.pk, trouble="LinkedIn ended it; connect LinkedIn again.")
        connection.refresh_from_db()
    assert (active.state, revoked.state) == (State.NEEDS_CONSENT, State.REVOKED)
    assert active.trouble == "LinkedIn ended it; connect LinkedIn again."
