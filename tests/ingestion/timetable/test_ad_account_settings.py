"""Per-ad-account settings: who changes them, what syncs make of them."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from accounts.models import AdAccount, AuditEvent, User
from accounts.roles import Role
from ingestion.models import AdAccountSettings, SyncGate, SyncLog
from ingestion.sync.sync import sync_ad_account
from ingestion.timetable.ad_account_settings import paused_by
from ingestion.timetable.freshness import days_due, days_to_sync, freshness, pass_gate
from tests.builders import NOW, make_ad_account, make_sync_run, make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)
ADD = "/admin/ingestion/adaccountsettings/add/"


def change(ad_account: AdAccount) -> str:
    return reverse("admin:ingestion_adaccountsettings_change", args=[ad_account.pk])


def form(**values: Any) -> dict[str, Any]:
    return {"backfill_days": "", "notes": ""} | values


@pytest.fixture
def ad_account(db: None) -> AdAccount:
    return make_ad_account(name="The brand")


def test_a_manager_pauses_an_ad_account_and_goes_on(ad_account: AdAccount) -> None:
    manager = make_user(email="manager@example.com", role=Role.MANAGER)
    browser = signed_in(manager)
    sent = form(account=ad_account.pk, is_paused="on", backfill_days="30", notes="until spring")
    assert browser.post(ADD, sent).status_code == 302
    stored = AdAccountSettings.objects.get()
    assert (stored.account, stored.backfill_days, stored.is_paused, stored.paused_by) == (ad_account, 30, True, manager)
    assert browser.post(change(ad_account), form(backfill_days="30", notes="until spring")).status_code == 302
    stored.refresh_from_db()
    assert (stored.is_paused, stored.paused_by, stored.notes) == (False, None, "until spring")
    events = AuditEvent.objects.filter(kind="ad_account_settings_changed").order_by("pk")
    assert [(event.ad_account_id, event.detail["changed"], event.detail["is_paused"]) for event in events] == [
        (ad_account.pk, ["backfill_days", "is_paused", "notes"], True),
        (ad_account.pk, ["is_paused"], False),
    ]


def test_saving_without_a_change_is_not_recorded(as_alice: Client, ad_account: AdAccount) -> None:
    AdAccountSettings.objects.create(account=ad_account)
    assert as_alice.post(change(ad_account), form()).status_code == 302
    assert not AuditEvent.objects.exists()


def test_removing_them_is_recorded(as_alice: Client, ad_account: AdAccount) -> None:
    AdAccountSettings.objects.create(account=ad_account, is_paused=True)
    address = reverse("admin:ingestion_adaccountsettings_delete", args=[ad_account.pk])
    assert as_alice.post(address, {"post": "yes"}).status_code == 302
    assert paused_by([ad_account.pk]) == {}
    assert AuditEvent.objects.get().kind == "ad_account_settings_changed"


@pytest.mark.parametrize("days", ["0", "3651", "x"])
def test_a_backfill_has_bounds(as_alice: Client, ad_account: AdAccount, days: str) -> None:
    assert as_alice.post(ADD, form(account=ad_account.pk, backfill_days=days)).status_code == 200
    assert not AdAccountSettings.objects.exists()


def test_postgresql_holds_the_bounds_too(ad_account: AdAccount) -> None:
    with pytest.raises(IntegrityError, match="a_backfill_is_one_to_3650_days"):
        AdAccountSettings.objects.create(account=ad_account, backfill_days=0)


def test_a_first_sync_asks_for_the_ad_accounts_own_days(ad_account: AdAccount) -> None:
    AdAccountSettings.objects.create(account=ad_account, backfill_days=400)
    first = TODAY - timedelta(days=400)
    assert days_due(ad_account.pk, now=NOW) == (first, TODAY)
    assert days_to_sync(ad_account.pk, first_day=None, last_day=TODAY, now=NOW) == (first, TODAY)


def test_more_days_make_a_synced_ad_account_due(ad_account: AdAccount) -> None:
    make_sync_run(account=ad_account)
    assert not freshness(ad_account.pk, now=NOW).is_due
    AdAccountSettings.objects.create(account=ad_account, backfill_days=400)
    assert freshness(ad_account.pk, now=NOW).is_due


def test_a_paused_ad_account_is_synced_by_hand_alone(ad_account: AdAccount, alice: User) -> None:
    AdAccountSettings.objects.create(account=ad_account, is_paused=True, paused_by=alice)
    for trigger in (SyncLog.Trigger.SCHEDULE, SyncLog.Trigger.DISCOVERY):
        result = sync_ad_account(ad_account.pk, trigger=trigger, now=lambda: NOW)
        assert (result.status, result.reason) == ("skipped", "paused in its settings")
    assert SyncGate.objects.get().answer == "paused in its settings"
    assert pass_gate(ad_account.pk, force=False, by_hand=True, now=NOW).is_open
    assert pass_gate(ad_account.pk, force=True, by_hand=False, now=NOW).is_open


def test_who_paused_it_may_be_gone(ad_account: AdAccount) -> None:
    AdAccountSettings.objects.create(account=ad_account, is_paused=True)
    assert paused_by([ad_account.pk]) == {ad_account.pk: "a former user"}
