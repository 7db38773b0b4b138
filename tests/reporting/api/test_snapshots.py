"""Snapshots over the API: listed, taken, downloaded, each only where one may."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client

from accounts.models import AdAccount, AuditEvent, User
from accounts.roles import Role
from reporting import tasks
from reporting.models import Snapshot
from reporting.snapshots import snapshot_store
from reporting.snapshots.document import SCHEMA_VERSION
from tests import builders
from tests.builders import NOW
from tests.conftest import signed_in
from tests.reporting.api.asking import error, get, token_of
from tests.reporting.snapshots.reading import assert_valid

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(snapshot_folder: Path) -> Path:
    return snapshot_folder


@pytest.fixture
def snapshot(bobs_ad_account: AdAccount) -> Snapshot:
    builders.make_sync_run(account=bobs_ad_account)
    found = snapshot_store.write_after_sync(bobs_ad_account.pk, now=NOW)
    assert found
    return found


def take(person: User, scope: str = "read_and_sync", **body: Any) -> Any:
    headers = token_of(person, scope)
    return Client().post("/api/v1/snapshots", body, content_type="application/json", headers=headers)


def test_a_snapshot(as_bob: Client, snapshot: Snapshot) -> None:
    assert get(as_bob, f"snapshots/{snapshot.pk}") == {
        "id": snapshot.pk,
        "ad_account_id": snapshot.ad_account_id,
        "state": "written",
        "trigger": "sync",
        "first_day": "2026-10-21",
        "last_day": "2026-11-19",
        "asked_at": "2026-11-20T12:00:00Z",
        "generated_at": "2026-11-20T12:00:00Z",
        "data_as_of": "2026-11-20T11:59:00Z",
        "confirmed_as_of": "2026-11-20T11:59:00Z",
        "schema_version": SCHEMA_VERSION,
        "size_bytes": snapshot.size_bytes,
        "dropped": [],
        "trouble": "",
    }


def test_who_sees_which(as_bob: Client, as_charlie: Client, alice: User, snapshot: Snapshot) -> None:
    other = snapshot_store.write_after_sync(builders.make_ad_account().pk, now=NOW)
    assert other
    assert [row["id"] for row in get(signed_in(alice), "snapshots", order="asked_at")["results"]] == [
        snapshot.pk,
        other.pk,
    ]
    assert [row["id"] for row in get(as_bob, "snapshots")["results"]] == [snapshot.pk]
    assert get(as_charlie, "snapshots")["results"] == []
    for path in (f"snapshots/{other.pk}", f"snapshots/{other.pk}/document"):
        assert as_bob.get(f"/api/v1/{path}").status_code == 404


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"state": "written"}, 1),
        ({"state": "queued,failed"}, 0),
        ({"asked_at_from": "2026-11-20T12:00:00Z"}, 1),
        ({"asked_at_before": "2026-11-20T12:00:00Z"}, 0),
    ],
)
def test_filters(as_bob: Client, snapshot: Snapshot, filters: dict[str, str], count: int) -> None:
    assert get(as_bob, "snapshots", **filters)["count"] == count


def test_the_list_is_a_file_too(as_bob: Client, snapshot: Snapshot) -> None:
    response: Any = as_bob.get("/api/v1/snapshots?format=ndjson&fields=id,ad_account_id,dropped")
    [row] = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert row == {"id": snapshot.pk, "ad_account_id": snapshot.ad_account_id, "dropped": []}
    csv: Any = as_bob.get("/api/v1/snapshots?format=csv")
    assert b"2026-11-20T12:00:00Z" in b"".join(csv.streaming_content)


def test_the_document(bob: User, snapshot: Snapshot) -> None:
    response: Any = Client().get(f"/api/v1/snapshots/{snapshot.pk}/document", headers=token_of(bob))
    body = b"".join(response.streaming_content)
    assert_valid(json.loads(body))
    assert (response.status_code, response["Content-Type"], len(body)) == (
        200,
        "application/json",
        snapshot.size_bytes,
    )
    event = AuditEvent.objects.get(kind="exported")
    assert (event.actor_id, event.ad_account_id) == (bob.pk, snapshot.ad_account_id)


def test_a_document_that_is_gone_says_what_to_do(as_bob: Client, snapshot: Snapshot, folder: Path) -> None:
    (folder / snapshot.stored_as).unlink()
    response = as_bob.get(f"/api/v1/snapshots/{snapshot.pk}/document")
    assert error(response)[:2] == (404, "not_found")
    assert "file of this snapshot is missing" in error(response)[2]
    assert "take a new snapshot" in response.json()["remedy"]


def test_one_is_taken(alice: User, bobs_ad_account: AdAccount, django_capture_on_commit_callbacks: Any) -> None:
    with (
        patch.object(tasks.write_snapshot, "delay", side_effect=tasks.write_snapshot) as told,
        django_capture_on_commit_callbacks(execute=True),
    ):
        response = take(alice, ad_account_id=bobs_ad_account.pk, days=7)
        assert response.status_code == 202
        waiting = response.json()
        again = take(alice, ad_account_id=bobs_ad_account.pk, days=7).json()
    assert (waiting["state"], waiting["first_day"], waiting["last_day"]) == ("queued", "2026-11-13", "2026-11-19")
    assert again["id"] == waiting["id"], "it waits already"
    assert {call.args for call in told.call_args_list} == {(waiting["id"], 1)}
    path = f"snapshots/{waiting['id']}"
    assert response["Location"] == f"http://testserver/api/v1/{path}"
    assert get(signed_in(alice), path)["state"] == "written"


def test_it_is_not_there_before_it_is_written(alice: User, bobs_ad_account: AdAccount) -> None:
    waiting = take(alice, ad_account_id=bobs_ad_account.pk).json()
    assert (waiting["first_day"], waiting["last_day"]) == ("2026-10-21", "2026-11-19")
    response = signed_in(alice).get(f"/api/v1/snapshots/{waiting['id']}/document")
    assert error(response) == (404, "not_found", "This snapshot is still being written; try again in a moment.")


@pytest.mark.parametrize(
    ("role", "scope", "status"),
    [
        (Role.OWNER, "read_and_sync", 202),
        (Role.MANAGER, "read_and_sync", 202),
        (Role.ANALYST, "read_and_sync", 202),
        (Role.OWNER, "read", 403),
        (Role.VIEWER, "read_and_sync", 403),
    ],
)
def test_who_may_take_one(bob: User, bobs_ad_account: AdAccount, role: Role, scope: str, status: int) -> None:
    """A token is worth what its person may now, whatever they were when it was issued."""
    bob.role = Role.OWNER
    bob.save()
    headers = token_of(bob, scope)
    bob.role = role
    bob.save()
    body = {"ad_account_id": bobs_ad_account.pk}
    response = Client().post("/api/v1/snapshots", body, content_type="application/json", headers=headers)
    assert response.status_code == status
    assert Snapshot.objects.exists() is (status == 202)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "ad_account_id"),
        ({"ad_account_id": "x"}, 400, "ad_account_id"),
        ({"ad_account_id": 2**70}, 400, "ad_account_id"),
        ({"ad_account_id": 404}, 400, "ad_account_id"),
        ({"ad_account_id": 404, "days": 0}, 400, "days"),
        ({"ad_account_id": 404, "days": 367}, 400, "days"),
    ],
)
def test_a_wish_that_makes_no_sense(alice: User, body: dict[str, Any], status: int, field: str | None) -> None:
    response = take(alice, **body)
    assert (response.status_code, response.json()["field"]) == (status, field)


def test_strangers_take_nothing(bobs_ad_account: AdAccount) -> None:
    assert Client().post("/api/v1/snapshots", {"ad_account_id": bobs_ad_account.pk}).status_code == 401
