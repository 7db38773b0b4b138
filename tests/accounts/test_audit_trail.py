from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import audit_trail
from accounts.errors import UnknownAuditKind
from accounts.models import AuditEvent, User

pytestmark = pytest.mark.django_db


def test_record_keeps_who_did_what(alice: User) -> None:
    audit_trail.record("ad_account_granted", actor=alice, ad_account_id=5, user_email="bob@example.com")
    event = AuditEvent.objects.get()
    assert (event.kind, event.actor_id, event.actor_email) == (
        "ad_account_granted",
        alice.pk,
        "alice@example.com",
    )
    assert (event.ad_account_id, event.detail) == (5, {"user_email": "bob@example.com"})


def test_an_event_without_an_actor_is_the_systems() -> None:
    event = audit_trail.record("consent_refreshed")
    assert (event.actor_id, event.actor_email, event.detail) == (None, None, {})


def test_an_event_of_unknown_kind_is_refused() -> None:
    with pytest.raises(UnknownAuditKind, match="'coffee_made' is not a kind of audit event"):
        audit_trail.record("coffee_made")
    assert not AuditEvent.objects.exists()


def test_an_event_outlives_its_actor(alice: User) -> None:
    audit_trail.record("consent_given", actor=alice)
    alice.delete()
    assert AuditEvent.objects.get().actor_email == "alice@example.com"


def test_an_event_goes_with_the_transaction_it_belongs_to() -> None:
    with transaction.atomic():
        audit_trail.record("consent_given")
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()


def test_an_event_is_never_changed() -> None:
    event = audit_trail.record("consent_given")
    event.kind = "consent_lost"
    with refused("UPDATE"):
        event.save()
    with refused("UPDATE"):
        AuditEvent.objects.update(actor_email="mallory@example.com")


def test_an_event_is_never_deleted() -> None:
    event = audit_trail.record("consent_given")
    with refused("DELETE"):
        event.delete()
    with refused("DELETE"):
        AuditEvent.objects.all().delete()


def test_events_are_refused_to_sql_that_is_not_ours() -> None:
    audit_trail.record("consent_given")
    for statement in (
        "UPDATE audit_events SET kind = 'login'",
        "DELETE FROM audit_events",
        "INSERT INTO audit_events SELECT * FROM audit_events ON CONFLICT (id) DO UPDATE SET kind = 'login'",
    ):
        with refused("UPDATE|DELETE"), connection.cursor() as cursor:
            cursor.execute(statement)
    assert AuditEvent.objects.get().kind == "consent_given"


def test_the_trail_is_never_emptied() -> None:
    """The test database is the one place where it may be, see `conftest.py`; this puts things back for a moment."""
    audit_trail.record("consent_given")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_events ENABLE TRIGGER audit_events_are_not_emptied")
        with refused("TRUNCATE"):
            cursor.execute("TRUNCATE audit_events, users CASCADE")
    assert AuditEvent.objects.exists()


@contextmanager
def refused(operation: str) -> Iterator[None]:
    with (
        pytest.raises(IntegrityError, match=f"audit trail is append-only: ({operation}) on audit_events is refused"),
        transaction.atomic(),
    ):
        yield
