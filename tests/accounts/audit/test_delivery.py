"""Every event reaches every destination that is configured: none is lost, and one that comes twice has the same id."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts import audit_trail
from accounts.audit import delivery, outbox
from accounts.audit.outbox import Destination
from accounts.models import AuditDelivery, AuditEvent, User
from tests.accounts.audit.test_syslog import frames, read_all, stream_receiver
from tests.accounts.audit.test_webhook import LOOPBACK, http_receiver, is_signed_with

KEY = "a secret of more than thirty-two characters"


@pytest.fixture
def webhook(settings: Any) -> Any:
    settings.AUDIT_ALERTS = ["none"]
    settings.AUDIT_WEBHOOK_SECRET, settings.AUDIT_WEBHOOK_NETWORKS = KEY, LOOPBACK
    settings.AUDIT_WEBHOOK_URL = "http://127.0.0.1:1/nobody-is-there"
    return settings


def waiting() -> list[tuple[int, int]]:
    """Event and attempts."""
    return list(AuditDelivery.objects.order_by("event_id").values_list("event_id", "attempts"))


@pytest.mark.django_db
def test_nothing_waits_where_nothing_is_configured() -> None:
    audit_trail.record("login")
    assert waiting() == []


@pytest.mark.django_db
def test_an_event_waits_from_its_own_transaction_on(webhook: Any) -> None:
    with transaction.atomic():
        audit_trail.record("login")
        transaction.set_rollback(True)
    assert waiting() == []
    event = audit_trail.record("login")
    assert waiting() == [(event.pk, 0)]


@pytest.mark.django_db
def test_the_webhook_gets_each_event_once_in_order(webhook: Any, alice: User) -> None:
    events = [audit_trail.record("login", actor=alice, ip="192.0.2.1"), audit_trail.record("logout", actor=alice)]
    with http_receiver() as received:
        webhook.AUDIT_WEBHOOK_URL = received.url
        assert delivery.deliver_due(now=timezone.now())["webhook"] == 2
        assert delivery.deliver_due(now=timezone.now())["webhook"] == 0
    assert [headers["webhook-id"] for headers, _ in received.requests] == [f"audit-event-{one.pk}" for one in events]
    assert all(is_signed_with(KEY.encode(), headers, body) for headers, body in received.requests)
    assert json.loads(received.requests[0][1]) == {
        "id": events[0].pk,
        "installation": webhook.SITE_URL,
        "happened_at": events[0].happened_at.isoformat(),
        "kind": "login",
        "sentence": "alice@example.com signed in from 192.0.2.1",
        "actor_id": alice.pk,
        "actor_email": "alice@example.com",
        "ad_account_id": None,
        "alerts": [],
        "detail": {"ip": "192.0.2.1"},
    }
    assert waiting() == []


@pytest.mark.django_db
def test_a_receiver_that_is_down_gets_everything_later(webhook: Any) -> None:
    events = [audit_trail.record("login"), audit_trail.record("logout")]
    now = timezone.now()
    assert delivery.deliver_due(now=now)["webhook"] == 0
    assert waiting() == [(event.pk, 1) for event in events]
    assert str(AuditDelivery.objects.values_list("last_error", flat=True).distinct().get()).startswith(
        "The receiver cannot"
    )
    with http_receiver(503, 503) as received:
        webhook.AUDIT_WEBHOOK_URL = received.url
        # Not before a minute has passed, then after two more.
        assert delivery.deliver_due(now=now + timedelta(seconds=59))["webhook"] == 0
        assert received.requests == []
        for minutes in (1, 3, 7):
            delivery.deliver_due(now=now + timedelta(minutes=minutes, seconds=1))
    # The second is not tried while the first finds the receiver down.
    assert [headers["webhook-id"] for headers, _ in received.requests] == [
        *[f"audit-event-{events[0].pk}"] * 3,
        f"audit-event-{events[1].pk}",
    ]
    assert waiting() == []


@pytest.mark.django_db
def test_everything_that_waited_goes_out_at_once(webhook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_BATCH", 3)
    for _ in range(8):
        audit_trail.record("login")
    with http_receiver() as received:
        webhook.AUDIT_WEBHOOK_URL = received.url
        assert delivery.deliver_due(now=timezone.now())["webhook"] == 8
    assert waiting() == []


@pytest.mark.django_db(transaction=True)
def test_an_event_without_a_transaction_of_its_caller_has_its_way_out(
    webhook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either both are stored or neither is."""
    monkeypatch.setattr(outbox, "enqueue", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        audit_trail.record("login")
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_an_event_that_is_refused_does_not_hold_up_the_others(webhook: Any) -> None:
    events = [audit_trail.record("login") for _ in range(3)]
    with http_receiver(204, 400) as received:
        webhook.AUDIT_WEBHOOK_URL = received.url
        assert delivery.deliver_due(now=timezone.now())["webhook"] == 2
    assert waiting() == [(events[1].pk, 1)]


@pytest.mark.django_db
def test_syslog_gets_a_batch_over_one_connection(settings: Any, alice: User) -> None:
    settings.SITE_URL, settings.AUDIT_ALERTS = "https://ads.example.com", ["removed"]
    with stream_receiver(read_all) as (port, received):
        settings.AUDIT_SYSLOG = f"tcp://127.0.0.1:{port}"
        audit_trail.record("login", actor=alice, agent="two\nlines, ключ")
        audit_trail.record("user_removed", actor=alice, user_email="bob@example.com")
        assert delivery.deliver_due(now=timezone.now())["syslog"] == 2
    first, second = frames(received[0])
    assert first.startswith(b"<109>1 ")
    assert b" ads.example.com linkedin-ads - login - {" in first
    assert b"\n" not in first
    assert json.loads(first[first.index(b"{") :])["detail"] == {"agent": "two\nlines, ключ"}
    # A warning, since owners are alerted.
    assert second.startswith(b"<108>1 ")
    assert AuditDelivery.objects.filter(destination="syslog").count() == 0


@pytest.mark.django_db
def test_destinations_do_not_wait_for_each_other(webhook: Any, alice: User, mailoutbox: list[Any]) -> None:
    webhook.AUDIT_ALERTS, webhook.AUDIT_SYSLOG = ["all"], "tcp://127.0.0.1:1"
    event = audit_trail.record("user_removed", actor=alice)
    assert delivery.deliver_due(now=timezone.now()) == {"mail": 1, "syslog": 0, "webhook": 0}
    assert len(mailoutbox) == 1
    assert {one.destination for one in event.deliveries.all()} == {"syslog", "webhook"}


@pytest.mark.django_db
def test_a_mail_server_that_is_down_gets_the_alert_later(settings: Any, alice: User) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    audit_trail.record("user_removed", actor=alice)
    assert delivery.deliver_due(now=timezone.now())["mail"] == 0
    assert [attempts for _, attempts in waiting()] == [1]


@pytest.mark.django_db
def test_what_waits_for_a_destination_that_was_switched_off_goes_nowhere(webhook: Any) -> None:
    audit_trail.record("login")
    webhook.AUDIT_WEBHOOK_URL = ""
    assert delivery.deliver_due(now=timezone.now())["webhook"] == 0
    assert waiting() == []


@pytest.mark.django_db
def test_what_a_dead_process_had_claimed_is_due_again(webhook: Any) -> None:
    event = audit_trail.record("login")
    now = timezone.now()
    [claimed] = outbox.claim(Destination.WEBHOOK, now=now)
    assert outbox.claim(Destination.WEBHOOK, now=now + timedelta(seconds=1)) == []
    again = outbox.claim(Destination.WEBHOOK, now=now + outbox.LEASE)
    assert [one.event_id for one in again] == [claimed.event_id] == [event.pk]


@pytest.mark.django_db
def test_waits_grow_and_stay_below_a_quarter_of_an_hour(webhook: Any) -> None:
    event, now = audit_trail.record("login"), timezone.now()
    waits = []
    for _ in range(12):
        row = event.deliveries.get()
        outbox.failed([row], error="down", now=now)
        waits.append(round((event.deliveries.get().next_attempt_at - now).total_seconds() / 60))
    assert waits == [1, 2, 4, 8, *[10] * 8]


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_event_once(webhook: Any) -> None:
    events = [audit_trail.record("login") for _ in range(40)]
    with http_receiver() as received:
        webhook.AUDIT_WEBHOOK_URL = received.url
        workers = [threading.Thread(target=_deliver_and_hang_up) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    sent = sorted(int(headers["webhook-id"].rpartition("-")[2]) for headers, _ in received.requests)
    assert sent == [event.pk for event in events]
    assert waiting() == []


def _deliver_and_hang_up() -> None:
    try:
        delivery.deliver_due(now=timezone.now())
    finally:
        connection.close()


@pytest.mark.django_db
def test_no_secret_leaves_with_the_trail(webhook: Any) -> None:
    """Not even the address, whose path may be one, is kept with what failed."""
    audit_trail.record("login")
    webhook.AUDIT_WEBHOOK_URL = "https://127.0.0.1:1/services/a-secret-path"
    delivery.deliver_due(now=timezone.now())
    error = AuditDelivery.objects.get().last_error or ""
    assert "a-secret-path" not in error
    assert KEY not in error
