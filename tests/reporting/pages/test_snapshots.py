"""The page of snapshots: as each person may see them, taken by those who may, downloaded on record."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AdAccount, AuditEvent, User
from accounts.roles import Role
from ingestion.processes.work_requests import message_of
from reporting import tasks
from reporting.models import Snapshot
from reporting.snapshots import snapshot_store
from tests.builders import make_ad_account, make_campaign, make_campaign_day, make_user
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(snapshot_folder: Path) -> Path:
    return snapshot_folder


@pytest.fixture
def as_analyst() -> Client:
    return signed_in(make_user(email="ana@example.com", role=Role.ANALYST))


def written(ad_account: AdAccount, **earlier: int) -> Snapshot:
    snapshot = snapshot_store.write_after_sync(ad_account.pk, now=timezone.now() - timedelta(**earlier))
    assert snapshot
    return snapshot


def take(browser: Client, account: AdAccount, **changes: Any) -> Any:
    return browser.post("/snapshots/take/", {"ad_account": account.pk, "days": 7} | changes)


def shown(browser: Client, address: str = "/snapshots/") -> str:
    return browser.get(address).content.decode()


def test_without_any_it_says_what_to_do(as_analyst: Client) -> None:
    assert "The first one is taken automatically after the next" in shown(as_analyst)
    assert "Connect LinkedIn" in shown(as_analyst)
    make_ad_account()
    assert "Take a snapshot" in shown(as_analyst)


def test_they_are_listed_with_what_was_left_out(
    as_analyst: Client, settings: Any, django_assert_max_num_queries: Any
) -> None:
    account = make_ad_account(name="Brand & Co")
    make_campaign_day(campaign=make_campaign(account=account), date=timezone.now().date() - timedelta(days=2))
    whole = written(account, days=2)
    Snapshot.objects.filter(pk=whole.pk).update(
        data_as_of=timezone.now() - timedelta(days=3), confirmed_as_of=timezone.now() - timedelta(days=1)
    )
    settings.SNAPSHOT_MAX_BYTES = whole.size_bytes - 1
    assert written(account, days=1).dropped
    for _ in range(20):
        written(make_ad_account())
    with django_assert_max_num_queries(12):
        page = shown(as_analyst)
    assert "Brand &amp; Co" in page
    assert "campaigns.daily_metrics" in page
    assert "unchanged as of" in page
    assert f'href="/snapshots/{whole.pk}/document/"' in page
    narrowed = shown(as_analyst, f"/snapshots/?ad_account={account.pk}")
    assert narrowed.count("/document/") == 2


def test_older_ones_are_on_the_next_page(as_analyst: Client, bobs_ad_account: AdAccount) -> None:
    for number in range(51):
        assert snapshot_store.write_now(bobs_ad_account, days=1, now=timezone.now() - timedelta(minutes=number))
    assert "Older" in shown(as_analyst)
    assert shown(as_analyst, "/snapshots/?page=2").count("/document/") == 1
    assert as_analyst.get("/snapshots/?page=3").status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?page=0", 400),
        ("?page=99999999999999999999", 400),
        ("?ad_account=²", 400),
        ("?ad_account=-1&page=x", 400),
        ("?days=7", 400),
        ("?ad_account=404", 404),
    ],
)
def test_an_address_that_asks_for_what_is_not_there_is_refused(as_analyst: Client, query: str, status: int) -> None:
    answer = as_analyst.get(f"/snapshots/{query}")
    assert answer.status_code == status
    assert 'href="/snapshots/"' in answer.content.decode()


def test_a_viewer_sees_those_of_granted_ad_accounts(
    as_bob: Client, as_charlie: Client, bobs_ad_account: AdAccount
) -> None:
    mine, other = written(bobs_ad_account), written(make_ad_account(name="Secret brand"))
    page = shown(as_bob)
    assert f"/snapshots/{mine.pk}/document/" in page
    assert "Secret brand" not in page
    assert "Take a snapshot now" not in page
    assert as_bob.get(f"/snapshots/{other.pk}/document/").status_code == 404
    assert as_charlie.get(f"/snapshots/{mine.pk}/document/").status_code == 404


# --- taking one ---


def test_one_is_taken_and_written_by_a_worker(
    as_analyst: Client, bobs_ad_account: AdAccount, django_capture_on_commit_callbacks: Any
) -> None:
    with (
        patch.object(tasks.write_snapshot, "delay", side_effect=tasks.write_snapshot),
        django_capture_on_commit_callbacks(execute=True),
    ):
        assert take(as_analyst, bobs_ad_account)["Location"] == "/snapshots/"
        assert "queued" in shown(as_analyst)
        assert 'hx-trigger="every 2s"' in shown(as_analyst)
    snapshot = Snapshot.objects.get()
    part = as_analyst.get("/snapshots/", headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith('<div id="snapshots"')
    assert "hx-get" not in part
    assert f"/snapshots/{snapshot.pk}/document/" in part
    assert "By a person: ana@example.com" in part
    event = AuditEvent.objects.get(kind="snapshot_taken")
    assert (event.actor_email, event.ad_account_id, event.detail["days"]) == ("ana@example.com", bobs_ad_account.pk, 7)


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, 302), (Role.MANAGER, 302), (Role.ANALYST, 302), (Role.VIEWER, 403)]
)
def test_who_may_take_one(bob: User, bobs_ad_account: AdAccount, role: Role, status: int) -> None:
    bob.role = role
    bob.save()
    assert take(signed_in(bob), bobs_ad_account).status_code == status
    assert Snapshot.objects.exists() is (status == 302)


@pytest.mark.parametrize(
    "wrong", [{"days": 0}, {"days": 367}, {"days": "soon"}, {"ad_account": 404}, {"ad_account": ""}]
)
def test_a_wish_that_makes_no_sense_is_told(
    as_analyst: Client, bobs_ad_account: AdAccount, wrong: dict[str, Any]
) -> None:
    response = take(as_analyst, bobs_ad_account, **wrong)
    assert response.status_code == 400
    assert 'role="alert"' in response.content.decode()
    assert not Snapshot.objects.exists()


def test_what_failed_says_why(as_analyst: Client, bobs_ad_account: AdAccount, alice: User, settings: Any) -> None:
    settings.SNAPSHOT_MAX_BYTES = 1000
    snapshot = snapshot_store.queue(bobs_ad_account, days=7, asked_by=alice, now=timezone.now())
    snapshot_store.write_queued(message_of(snapshot), now=timezone.now())
    page = shown(as_analyst)
    assert "raise SNAPSHOT_MAX_BYTES" in page
    assert f"/snapshots/{snapshot.pk}/document/" not in page
    response = as_analyst.get(f"/snapshots/{snapshot.pk}/document/", follow=True)
    assert "This snapshot could not be written." in response.content.decode()
    snapshot_store.write_after_sync(bobs_ad_account.pk, now=timezone.now())
    assert shown(as_analyst).count("raise SNAPSHOT_MAX_BYTES") == 2


# --- downloads ---


def test_a_download_is_the_document_and_on_record(as_bob: Client, bobs_ad_account: AdAccount) -> None:
    snapshot = written(bobs_ad_account)
    response: Any = as_bob.get(f"/snapshots/{snapshot.pk}/document/")
    assert json.loads(b"".join(response.streaming_content))["ad_account"]["id"] == bobs_ad_account.pk
    assert response["Content-Type"] == "application/json"
    assert response["Content-Disposition"] == f'attachment; filename="{snapshot.file_name}"'
    assert snapshot.file_name.startswith(f"ad-account-{bobs_ad_account.pk}_")
    assert "no-store" in response["Cache-Control"]
    assert int(response["Content-Length"]) == snapshot.size_bytes
    event = AuditEvent.objects.get(kind="exported")
    assert (event.actor_email, event.ad_account_id) == ("bob@example.com", bobs_ad_account.pk)
    assert event.detail["what"] == f"snapshot {snapshot.pk} of the ad account {bobs_ad_account.pk}"


def test_a_row_without_its_file_says_what_to_do(as_analyst: Client, bobs_ad_account: AdAccount, folder: Path) -> None:
    snapshot = written(bobs_ad_account)
    (folder / snapshot.stored_as).unlink()
    response = as_analyst.get(f"/snapshots/{snapshot.pk}/document/", follow=True)
    assert "Take a new one" in response.content.decode()
    assert not AuditEvent.objects.filter(kind="exported").exists()
