import pytest
from django.db import transaction

from accounts import audit
from accounts.errors import AuditTrailIsAppendOnly
from accounts.models import AuditEvent, User

pytestmark = pytest.mark.django_db


def test_record_keeps_who_did_what(alice: User) -> None:
    audit.record("ad_account_granted", actor=alice, ad_account_id=5, user_email="bob@example.com")
    event = AuditEvent.objects.get()
    assert (event.kind, event.actor_id, event.actor_email) == (
        "ad_account_granted",
        alice.pk,
        "alice@example.com",
    )
    assert (event.ad_account_id, event.detail) == (5, {"user_email": "bob@example.com"})


def test_an_event_without_an_actor_is_the_systems() -> None:
    event = audit.record("token_refreshed")
    assert (event.actor_id, event.actor_email, event.detail) == (None, None, {})


def test_an_event_outlives_its_actor(alice: User) -> None:
    audit.record("consent_given", actor=alice)
    alice.delete()
    assert AuditEvent.objects.get().actor_email == "alice@example.com"


def test_an_event_goes_with_the_transaction_it_belongs_to() -> None:
    with transaction.atomic():
        audit.record("consent_given")
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()


def test_an_event_is_never_changed() -> None:
    event = audit.record("consent_given")
    event.kind = "something_else"
    with pytest.raises(AuditTrailIsAppendOnly):
        event.save()


def test_an_event_is_never_deleted() -> None:
    event = audit.record("consent_given")
    with pytest.raises(AuditTrailIsAppendOnly):
        event.delete()


def test_events_are_never_deleted_together() -> None:
    audit.record("consent_given")
    with pytest.raises(AuditTrailIsAppendOnly):
        AuditEvent.objects.all().delete()
