"""Syncs over the API: started, refused, in the way of each other, planned."""

from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client

from accounts.models import AdAccount, AuditEvent, User
from accounts.roles import Role
from ingestion import tasks
from ingestion.models import SyncLog
from tests import builders
from tests.conftest import signed_in
from tests.reporting.api.asking import error, get, token_of

pytestmark = pytest.mark.django_db


def start(account: AdAccount, person: User | None, scope: str = "read_and_sync", **body: Any) -> Any:
    headers = token_of(person, scope) if person else {}
    path = f"/api/v1/ad-accounts/{account.pk}/sync"
    return Client().post(path, body, content_type="application/json", headers=headers)


def test_a_sync_is_queued(alice: User, bobs_ad_account: AdAccount, django_capture_on_commit_callbacks: Any) -> None:
    with (
        patch("ingestion.timetable.sync_requests.sync_ad_account.delay") as told,
        django_capture_on_commit_callbacks(execute=True),
    ):
        response = start(bobs_ad_account, alice)
    run = SyncLog.objects.get()
    assert response.status_code == 202
    assert response["Location"] == f"http://testserver/api/v1/sync-logs/{run.pk}"
    assert (run.status, run.asked_by, run.forced) == ("queued", alice, False)
    assert response.json() == {"reason": "", "run": get(signed_in(alice), f"sync-logs/{run.pk}")}
    told.assert_called_once_with(bobs_ad_account.pk, run_id=run.pk, delivery=1)
    assert AuditEvent.objects.get(kind="sync_started_by_hand").actor_id == alice.pk


def test_days_can_be_named(alice: User, bobs_ad_account: AdAccount) -> None:
    builders.make_sync_run(account=bobs_ad_account)
    response = start(bobs_ad_account, alice, first_day="2026-10-01", last_day="2026-10-31")
    run = response.json()["run"]
    assert (response.status_code, run["first_day"], run["last_day"]) == (202, "2026-10-01", "2026-10-31")


def test_fresh_data_is_left_alone_unless_forced(alice: User, bobs_ad_account: AdAccount) -> None:
    builders.make_sync_run(account=bobs_ad_account)
    response = start(bobs_ad_account, alice)
    assert response.status_code == 200
    assert response.json()["run"] is None
    assert response.json()["reason"].startswith("synced 1 minute ago")
    assert start(bobs_ad_account, alice, force=True).status_code == 202


def test_a_sync_that_turned_out_fresh_keeps_its_address(alice: User, bobs_ad_account: AdAccount) -> None:
    where = start(bobs_ad_account, alice)["Location"].removeprefix("http://testserver/api/v1/")
    builders.make_sync_run(account=bobs_ad_account)
    [queued] = SyncLog.objects.filter(status="queued")
    assert tasks.sync_ad_account(bobs_ad_account.pk, run_id=queued.pk)["status"] == "skipped"
    run = get(signed_in(alice), where)
    assert (run["id"], run["status"], run["errors"]) == (queued.pk, "skipped", None)
    assert run["reason"] == "synced 1 minute ago; next sync after 4 hours"
    assert run["finished_at"]
    listed = get(signed_in(alice), "sync-logs?status=skipped")["results"]
    assert [one["id"] for one in listed] == [queued.pk]


def test_a_sync_under_way_is_told(alice: User, bobs_ad_account: AdAccount) -> None:
    run = builders.make_sync_run(account=bobs_ad_account, status="running", finished_at=None, heartbeat_at=builders.NOW)
    response = start(bobs_ad_account, alice, force=True)
    assert error(response)[:2] == (409, "conflict")
    assert response.json()["run"]["id"] == run.pk
    assert response.json()["remedy"] == "Wait until it ends."
    assert SyncLog.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"first_day": "2026-10-02", "last_day": "2026-10-01"}, "last_day"),
        ({"first_day": "2026-12-01"}, "first_day"),
        ({"first_day": "soon"}, "first_day"),
        ({"force": "perhaps"}, "force"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    alice: User, bobs_ad_account: AdAccount, body: dict[str, str], field: str
) -> None:
    response = start(bobs_ad_account, alice, **body)
    assert (response.status_code, response.json()["field"]) == (400, field)
    assert not SyncLog.objects.exists()


@pytest.mark.parametrize(
    ("role", "scope", "status"),
    [
        (Role.OWNER, "read_and_sync", 202),
        (Role.MANAGER, "read_and_sync", 202),
        (Role.OWNER, "read", 403),
        (Role.ANALYST, "read_and_sync", 403),
        (Role.VIEWER, "read_and_sync", 403),
    ],
)
def test_who_may_start(bob: User, bobs_ad_account: AdAccount, role: Role, scope: str, status: int) -> None:
    """A token is worth what its person may now, whatever they were when it was issued."""
    headers = []
    for one in (Role.OWNER, role):
        bob.role = one
        bob.save()
        headers = headers or [token_of(bob, scope)]
    path = f"/api/v1/ad-accounts/{bobs_ad_account.pk}/sync"
    assert Client().post(path, content_type="application/json", headers=headers[0]).status_code == status
    assert SyncLog.objects.exists() is (status == 202)


def test_strangers_start_nothing(bobs_ad_account: AdAccount) -> None:
    assert start(bobs_ad_account, None).status_code == 401


def test_an_unknown_ad_account_is_not_found(alice: User) -> None:
    assert start(AdAccount(pk=404), alice).status_code == 404


def test_a_browser_needs_the_token_of_its_form(alice: User, bobs_ad_account: AdAccount) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice, "accounts.sign_in.password_backend.PasswordBackend")
    assert browser.post(f"/api/v1/ad-accounts/{bobs_ad_account.pk}/sync").status_code == 403
    assert not SyncLog.objects.exists()


def test_a_plan(as_bob: Client, bobs_ad_account: AdAccount) -> None:
    path = f"ad-accounts/{bobs_ad_account.pk}/plan"
    plan = get(as_bob, path, first_day="2026-11-01", last_day="2026-11-10")
    assert sum(plan.pop("calls").values()) == plan.pop("total_calls")
    assert sum(plan.pop("rows").values()) == plan.pop("total_rows") == 0
    assert plan.pop("seconds") > 0
    assert plan == {
        "ad_account_id": bobs_ad_account.pk,
        "first_day": "2026-11-01",
        "last_day": "2026-11-10",
        "entities_known": False,
    }
    assert as_bob.get(f"/api/v1/ad-accounts/{builders.make_ad_account().pk}/plan").status_code == 404
    assert as_bob.get(f"/api/v1/{path}?first_day=soon").status_code == 400
