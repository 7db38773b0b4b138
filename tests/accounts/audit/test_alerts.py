"""Which events alert owners, on the page and by mail."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import audit_trail
from accounts.audit import alert_rules, alerts, delivery
from accounts.models import AuditAlert, AuditEvent, User
from accounts.roles import Role
from tests.builders import make_ad_account, make_user

pytestmark = pytest.mark.django_db


def rules() -> list[str]:
    return list(AuditAlert.objects.order_by("pk").values_list("rule", flat=True))


@pytest.mark.parametrize(
    ("kind", "detail", "rule"),
    [
        ("role_changed", {"user_email": "bob@example.com", "before": "viewer", "after": "owner"}, "made_owner"),
        ("user_added", {"user_email": "bob@example.com", "role": "owner"}, "owner_added"),
        ("user_invited", {"user_email": "bob@example.com", "role": "owner"}, "owner_added"),
        ("api_token_issued", {"token": "laac_1234", "scope": "read"}, "token_issued"),
        ("consent_given_by_another_member", {"connection_id": 1}, "consent_replaced"),
        ("user_removed", {"user_email": "bob@example.com"}, "removed"),
        ("ad_account_removed", {"name": "Brand", "rows": 3}, "removed"),
        ("exported", {"what": "the audit trail"}, "people_exported"),
        ("exported", {"what": "API tokens as CSV (export 3)"}, "people_exported"),
        ("reporting_role_changed", {"role": "looker", "change": "created"}, "bi_role_changed"),
        ("backup_restored", {"made_at": "2026-11-29"}, "backup_restored"),
    ],
)
def test_an_event_that_matters_alerts(kind: str, detail: dict[str, Any], rule: str) -> None:
    audit_trail.record(kind, **detail)
    assert rules() == [rule]


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("role_changed", {"before": "owner", "after": "viewer"}),
        ("user_added", {"role": "viewer"}),
        ("login", {"ip": "127.0.0.1"}),
        ("login_failed", {"user_email": "bob@example.com"}),
        ("exported", {"what": "campaigns (campaigns)"}),
    ],
)
def test_everyday_events_alert_nobody(kind: str, detail: dict[str, Any]) -> None:
    audit_trail.record(kind, **detail)
    assert rules() == []


def test_many_refused_sign_ins_alert_once_for_all_of_them(settings: Any) -> None:
    settings.AUDIT_ALERT_SIGN_INS_REFUSED = 3
    start = timezone.now()
    with time_machine.travel(start - timedelta(minutes=16)):
        for _ in range(2):
            audit_trail.record("login_failed", user_email="bob@example.com")
    with time_machine.travel(start):
        for kind in ("login_failed", "locked_out"):
            audit_trail.record(kind, user_email="bob@example.com")
            assert rules() == []
        for _ in range(5):
            audit_trail.record("login_failed", user_email="charlie@example.com")
    assert rules() == ["sign_ins_refused"]
    with time_machine.travel(start + timedelta(minutes=16)):
        for _ in range(3):
            audit_trail.record("login_failed", user_email="bob@example.com")
    assert rules() == ["sign_ins_refused"] * 2


@pytest.mark.parametrize(
    ("setting", "raised"),
    [(["none"], []), (["token_issued"], []), (["removed", "token_issued"], ["removed"]), (["all"], ["removed"])],
)
def test_the_setting_chooses_what_alerts(settings: Any, setting: list[str], raised: list[str]) -> None:
    settings.AUDIT_ALERTS = setting
    audit_trail.record("user_removed")
    assert rules() == raised


def test_every_rule_names_kinds_that_exist() -> None:
    named = {kind for rule in alert_rules.RULES.values() for kind in rule.kinds}
    # All of those about the second step are recorded, or none.
    of_the_second_step = {"second_step_failed", "second_step_reset", "sign_in_link_created"}
    assert named - set(AuditEvent.Kind.values) in (set(), of_the_second_step)


def test_owners_get_one_mail_about_everything_new(alice: User, mailoutbox: list[Any]) -> None:
    make_user(email="anne@example.com", role=Role.OWNER)
    make_user(email="gone@example.com", role=Role.OWNER, is_active=False)
    ad_account = make_ad_account(name="Brand <b>")
    audit_trail.record("user_removed", actor=alice, user_email="bob@example.com")
    audit_trail.record("ad_account_removed", ad_account_id=ad_account.pk, actor=alice, name="Brand <b>", rows=3)
    assert delivery.deliver_due(now=timezone.now())["mail"] == 2
    [mail] = mailoutbox
    assert sorted(mail.to) == ["alice@example.com", "anne@example.com"]
    assert mail.subject == "A person or an ad account was removed"
    assert "alice@example.com removed bob@example.com" in mail.body
    assert "Brand <b>" in mail.body
    assert "/admin/accounts/auditalert/" in mail.body
    assert delivery.deliver_due(now=timezone.now())["mail"] == 0
    assert len(mailoutbox) == 1


def test_a_mail_of_several_kinds_counts_them(alice: User, mailoutbox: list[Any]) -> None:
    audit_trail.record("user_removed", actor=alice, user_email="bob@example.com")
    audit_trail.record("api_token_issued", actor=alice, token="laac_1", scope="read")
    delivery.deliver_due(now=timezone.now())
    assert mailoutbox[0].subject == "2 alerts"


def test_a_name_cannot_add_lines_to_the_subject_or_forge_a_message(alice: User, mailoutbox: list[Any]) -> None:
    audit_trail.record("ad_account_removed", name="Brand\nBcc: mallory@example.com", rows=1)
    delivery.deliver_due(now=timezone.now())
    assert "\n" not in mailoutbox[0].subject
    assert list(mailoutbox[0].message().keys()).count("Bcc") == 0


def test_without_owners_nobody_is_written_to(mailoutbox: list[Any]) -> None:
    audit_trail.record("user_removed")
    assert delivery.deliver_due(now=timezone.now())["mail"] == 1
    assert mailoutbox == []


def test_an_owner_marks_alerts_as_seen(as_alice: Client, alice: User) -> None:
    audit_trail.record("user_removed", actor=alice, user_email="bob@example.com")
    [alert] = AuditAlert.objects.all()
    page = as_alice.get(reverse("admin:accounts_auditalert_changelist")).content.decode()
    assert "A person or an ad account was removed" in page
    assert "alice@example.com removed bob@example.com" in page
    chosen = {"action": "mark_as_seen", "_selected_action": [alert.pk]}
    as_alice.post(reverse("admin:accounts_auditalert_changelist"), chosen)
    alert.refresh_from_db()
    assert alert.seen_at
    assert alert.seen_by == alice
    assert not alerts.unseen().exists()
