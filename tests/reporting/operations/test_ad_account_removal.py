"""Removing an ad account takes everything of it, nothing of others, and it stays away."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags
from django_celery_beat.models import PeriodicTask

from accounts.models import AdAccount, AdAccountAccess, AuditEvent, RemovedAdAccount, User
from ingestion.models import CreativeDailyMetric, SyncLog
from ingestion.timetable.freshness import pass_gate
from reporting import tasks
from reporting.checks import findings
from reporting.operations import ad_account_removal
from tests.builders import (
    NOW,
    make_access,
    make_ad_account,
    make_campaign,
    make_creative,
    make_creative_day,
    make_rejected_record,
    make_sync_run,
)
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin
from tests.second_database import contents

pytestmark = pytest.mark.django_db


def page(ad_account: AdAccount) -> str:
    return reverse("reporting:remove_ad_account", args=[ad_account.pk])


def make_full_ad_account() -> AdAccount:
    ad_account = make_ad_account(name="Leaving")
    make_creative_day(creative=make_creative(campaign=make_campaign(account=ad_account)))
    make_rejected_record(run=make_sync_run(account=ad_account), account=ad_account)
    make_access(ad_account=ad_account)
    return ad_account


def refers_to_an_ad_account(table: str, ad_account_id: int) -> bool:
    """Whether any column of a table holds this number, whatever its name."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} one WHERE one::text ~ %s", [rf"\m{ad_account_id}\M"])
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_everything_of_the_ad_account_goes_and_nothing_of_another(settings):
    with simulated_linkedin(settings, ad_accounts=2) as linkedin:
        linkedin.connect()
        leaving, staying = linkedin.ad_account_ids
        before = _only(linkedin, staying)
        linkedin.sync(leaving, first_day=linkedin.today - timedelta(days=30))
        findings.check_ad_account(leaving, now=linkedin.now())
        make_access(ad_account=AdAccount.objects.get(pk=leaving))

        rows = ad_account_removal.rows_of(leaving)
        ad_account_removal.begin(AdAccount.objects.get(pk=leaving), actor=None, now=NOW)
        assert ad_account_removal.carry_out(leaving, now=lambda: NOW) >= sum(rows.values())

        # Its number stands in the trail, in the mark, and for copies that have to delete its rows.
        left = {table for table in contents() if refers_to_an_ad_account(table, leaving)}
        assert left == {"removed_ad_accounts", "audit_events", "deleted_rows"}
        after = {table: said for table, said in contents().items() if table in before}
        assert after == before

        # LinkedIn still lists it: neither discovery nor a sync brings it back.
        assert linkedin.discover() == [staying]
        assert not PeriodicTask.objects.filter(args=f"[{leaving}]").exists()
        assert linkedin.sync(staying, force=True).status == "success"
        assert not AdAccount.objects.filter(pk=leaving).exists()

        RemovedAdAccount.objects.get().delete()
        assert linkedin.discover() == [leaving, staying]


def _only(linkedin: SimulatedLinkedIn, staying: int) -> dict[str, tuple[int, str]]:
    """The rows of the tables that hold LinkedIn's facts, while they are those of the other ad account alone."""
    linkedin.sync(staying, first_day=linkedin.today - timedelta(days=30))
    findings.check_ad_account(staying, now=linkedin.now())
    facts = {
        "campaigns",
        "creatives",
        "campaign_daily_metrics",
        "creative_daily_metrics",
        "audience_demographics",
        "account_daily_totals",
        "findings",
        "audits",
    }
    return {table: said for table, said in contents().items() if table in facts}


def test_rows_are_counted_by_what_people_call_them():
    assert ad_account_removal.rows_of(make_full_ad_account().pk) == {
        "creative day": 1,
        "rejected record": 1,
        "creative": 1,
        "campaign": 1,
        "sync run": 1,
        "covered days": 11,
        "ad account grant": 1,
    }


def test_it_goes_in_chunks_and_the_progress_is_stored(monkeypatch):
    ad_account = make_ad_account()
    creative = make_creative(campaign=make_campaign(account=ad_account))
    for days in range(7):
        make_creative_day(creative=creative, date=NOW.date() - timedelta(days=days))
    monkeypatch.setattr(ad_account_removal, "_CHUNK", 3)
    ad_account_removal.begin(ad_account, actor=None, now=NOW)
    seen: list[int] = []
    assert ad_account_removal.carry_out(ad_account.pk, now=lambda: NOW, on_progress=seen.append) == 9
    assert seen == [3, 6, 7, 8, 9, 9]
    mark = RemovedAdAccount.objects.get()
    assert (mark.rows_found, mark.rows_removed, mark.finished_at) == (9, 9, NOW)


def test_a_removal_that_was_interrupted_is_gone_on_with(monkeypatch):
    ad_account = make_full_ad_account()
    ad_account_removal.begin(ad_account, actor=None, now=NOW)

    def die(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ad_account_removal.carry_out(ad_account.pk, now=lambda: NOW, on_progress=die)
    assert RemovedAdAccount.objects.get().finished_at is None
    assert tasks.remove_ad_account(ad_account.pk)["removed"] > 0
    assert not AdAccount.objects.filter(pk=ad_account.pk).exists()
    assert RemovedAdAccount.objects.get().finished_at is not None
    # Told twice, it finds nothing to do.
    assert tasks.remove_ad_account(ad_account.pk) == {"removed": 0}


def test_a_running_sync_ends_first_and_no_other_begins(time_machine):
    time_machine.move_to(NOW)
    ad_account = make_ad_account()
    run = make_sync_run(account=ad_account, status=SyncLog.Status.RUNNING, finished_at=None, heartbeat_at=NOW)
    ad_account_removal.begin(ad_account, actor=None, now=NOW)
    with pytest.raises(ad_account_removal.StillSyncing):
        ad_account_removal.carry_out(ad_account.pk, now=lambda: NOW)
    run.refresh_from_db()
    assert run.cancel_asked_at is not None
    gate = pass_gate(ad_account.pk, force=True, now=NOW)
    assert (gate.is_open, gate.reason) == (False, "it was removed, with all its data")
    SyncLog.objects.filter(pk=run.pk).update(status=SyncLog.Status.CANCELLED, finished_at=NOW)
    ad_account_removal.carry_out(ad_account.pk, now=lambda: NOW)
    assert not AdAccount.objects.exists()


def test_nothing_is_removed_that_was_not_marked():
    with pytest.raises(ValueError, match="marked"):
        ad_account_removal.carry_out(make_ad_account().pk, now=lambda: NOW)


def test_every_table_that_refers_to_a_large_one_goes_before_it():
    """Chunks are deleted without Django's cascade: what refers to them must be gone, or the database refuses."""
    order = list(ad_account_removal.LARGE)
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and field.related_model in order:
                assert model in order, f"{model._meta.label}.{field.name} refers to rows that go in chunks"
                assert order.index(model) < order.index(field.related_model)


# --- The page ---


def test_an_owner_sees_what_would_go_and_removes_it_by_its_number(
    as_alice: Client, alice: User, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    ad_account = make_full_ad_account()
    said = strip_tags(as_alice.get(page(ad_account)).content.decode())
    assert "These 17 rows will be permanently deleted" in said
    assert "1 creative day" in said
    assert "Cancel" in said

    refused = as_alice.post(page(ad_account), {"number": "yes"})
    assert refused.status_code == 400
    assert f"type its number: {ad_account.pk}. Nothing was removed." in refused.content.decode()
    assert not RemovedAdAccount.objects.exists()

    told: list[int] = []
    monkeypatch.setattr(tasks.remove_ad_account, "delay", told.append)
    with django_capture_on_commit_callbacks(execute=True):
        response = as_alice.post(page(ad_account), {"number": f" {ad_account.pk} "}, follow=True)
    assert f"You removed Leaving ({ad_account.pk})" in response.content.decode()
    assert told == [ad_account.pk]
    [event] = AuditEvent.objects.filter(kind="ad_account_removed")
    assert (event.actor_email, event.ad_account_id) == (alice.email, ad_account.pk)
    assert event.detail == {"name": "Leaving", "rows": 17}


def test_nobody_but_owners_removes(as_bob: Client, bobs_ad_account: AdAccount) -> None:
    assert as_bob.post(page(bobs_ad_account), {"number": bobs_ad_account.pk}).status_code == 403
    assert not RemovedAdAccount.objects.exists()


def test_the_way_there_is_on_the_ad_accounts_page_for_owners(as_alice: Client, as_bob: Client, bobs_ad_account) -> None:
    address = reverse("admin:accounts_adaccount_change", args=[bobs_ad_account.pk])
    assert page(bobs_ad_account) in as_alice.get(address).content.decode()
    assert page(bobs_ad_account) not in as_bob.get(address).content.decode()


def test_an_owner_lets_it_back_once_it_is_gone(as_alice: Client) -> None:
    going = RemovedAdAccount.objects.create(id=7, asked_at=NOW)
    address = reverse("admin:accounts_removedadaccount_delete", args=[going.pk])
    assert as_alice.post(address, {"post": "yes"}).status_code == 403
    RemovedAdAccount.objects.update(finished_at=NOW)
    assert as_alice.post(address, {"post": "yes"}).status_code == 302
    assert not RemovedAdAccount.objects.exists()
    assert AuditEvent.objects.get().kind == "ad_account_let_back"


# --- The command ---


def test_the_command_says_what_would_go_and_removes_only_when_told():
    ad_account = make_full_ad_account()
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"^Nothing was removed; add --yes to permanently remove Leaving"):
        call_command("delete_ad_account", ad_account.pk, stdout=out)
    assert "1 creative day" in out.getvalue()
    assert CreativeDailyMetric.objects.exists()
    call_command("delete_ad_account", ad_account.pk, "--yes", stdout=out)
    assert "with 17 rows." in out.getvalue()
    assert not AdAccount.objects.exists()
    assert not AdAccountAccess.objects.exists()
    assert AuditEvent.objects.get().detail["by"] == "command"
    with pytest.raises(CommandError, match="There is no ad account"):
        call_command("delete_ad_account", ad_account.pk, "--yes")
