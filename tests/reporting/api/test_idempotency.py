"""A POST that is sent again with its Idempotency-Key is carried out once."""

import threading
from typing import Any
from unittest.mock import patch

import pytest
import redis
from django.test import Client

from accounts.models import AdAccount, ApiToken, User
from accounts.roles import Role
from accounts.shell import valkey
from ingestion.models import SyncLog
from reporting.api import idempotency, urls
from reporting.api.views import View
from reporting.models import CheckRequest, Snapshot
from tests import builders
from tests.conftest import signed_in
from tests.reporting.api.asking import error, token_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept(db: None) -> None:
    for key in valkey.client().scan_iter(valkey.key("idempotency", "*")):
        valkey.client().delete(key)


def send(browser: Client, path: str, body: dict[str, Any] | None = None, key: str = "a-key") -> Any:
    headers = {"Idempotency-Key": key}
    return browser.post(f"/api/v1/{path}", body or {}, content_type="application/json", headers=headers)


@pytest.mark.parametrize("what", ["sync", "audit", "snapshots"])
def test_it_is_carried_out_once(as_alice: Client, bobs_ad_account: AdAccount, what: str) -> None:
    builders.make_sync_run(account=bobs_ad_account)
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "sync": (f"ad-accounts/{bobs_ad_account.pk}/sync", {"force": True}),
        "audit": (f"ad-accounts/{bobs_ad_account.pk}/audit", {}),
        "snapshots": ("snapshots", {"ad_account_id": bobs_ad_account.pk}),
    }
    path, body = asked[what]
    first, second = (send(as_alice, path, body) for _ in range(2))
    assert (first.status_code, first.has_header("Idempotent-Replayed")) == (202, False)
    assert (second.status_code, second["Idempotent-Replayed"]) == (202, "true")
    assert (second.json(), second["Location"]) == (first.json(), first["Location"])
    rows: dict[str, Any] = {
        "sync": SyncLog.objects.filter(status="queued"),
        "audit": CheckRequest.objects,
        "snapshots": Snapshot.objects,
    }
    assert rows[what].count() == 1


def test_without_the_header_every_request_is_its_own(as_alice: Client, bobs_ad_account: AdAccount) -> None:
    for days in (7, 8):
        body = {"ad_account_id": bobs_ad_account.pk, "days": days}
        answer = as_alice.post("/api/v1/snapshots", body, content_type="application/json")
        assert (answer.status_code, answer.has_header("Idempotent-Replayed")) == (202, False)
    assert Snapshot.objects.count() == 2


def test_the_key_of_another_request_is_refused(as_alice: Client, bobs_ad_account: AdAccount) -> None:
    body = {"ad_account_id": bobs_ad_account.pk, "days": 7}
    assert send(as_alice, "snapshots", body).status_code == 202
    assert error(send(as_alice, "snapshots", body | {"days": 8}))[:2] == (422, "key_reused")
    assert error(send(as_alice, f"ad-accounts/{bobs_ad_account.pk}/sync", body))[:2] == (422, "key_reused")
    # The order of the fields makes no other body.
    assert send(as_alice, "snapshots", dict(reversed(body.items()))).status_code == 202
    assert send(as_alice, "snapshots", body | {"days": 8}, key="another").status_code == 202
    assert Snapshot.objects.count() == 2


def test_a_key_is_its_senders_own(as_alice: Client, bobs_ad_account: AdAccount) -> None:
    other = signed_in(builders.make_user(role=Role.OWNER))
    for browser in (as_alice, other):
        answer = send(browser, "snapshots", {"ad_account_id": bobs_ad_account.pk})
        assert (answer.status_code, answer.has_header("Idempotent-Replayed")) == (202, False)


def test_what_was_refused_may_be_sent_again(as_alice: Client, bobs_ad_account: AdAccount) -> None:
    path = f"ad-accounts/{bobs_ad_account.pk}/audit"
    assert send(as_alice, path).status_code == 409
    builders.make_sync_run(account=bobs_ad_account)
    assert send(as_alice, path).status_code == 202


def test_the_second_of_two_at_once_waits_for_the_first(
    as_alice: Client, alice: User, bobs_ad_account: AdAccount
) -> None:
    in_between: list[Any] = []
    take = idempotency.Key.keep

    def keep_later(key: idempotency.Key, response: Any) -> None:
        in_between.append(send(signed_in(alice), "snapshots", {"ad_account_id": bobs_ad_account.pk}))
        take(key, response)

    with patch.object(idempotency.Key, "keep", keep_later):
        assert send(as_alice, "snapshots", {"ad_account_id": bobs_ad_account.pk}).status_code == 202
    assert error(in_between[0])[:2] == (409, "conflict")
    assert Snapshot.objects.count() == 1


def test_two_processes_claim_a_key_once(alice: User) -> None:
    claimed: list[bool] = []

    def claim() -> None:
        claimed.append(bool(valkey.client().set(valkey.key("idempotency", alice.pk, "x"), "{}", ex=60, nx=True)))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == [False] * 7 + [True]


@pytest.mark.parametrize("key", ["", " ", "é", "x" * 256, "a b"])
def test_a_key_that_is_none_is_refused(as_alice: Client, bobs_ad_account: AdAccount, key: str) -> None:
    answer = send(as_alice, "snapshots", {"ad_account_id": bobs_ad_account.pk}, key=key)
    assert (answer.status_code, answer.json()["field"]) == (400, "Idempotency-Key")
    assert not Snapshot.objects.exists()


def test_without_valkey_nothing_is_carried_out(as_alice: Client, bobs_ad_account: AdAccount) -> None:
    with patch.object(valkey, "client", side_effect=redis.ConnectionError):
        answer = send(as_alice, "snapshots", {"ad_account_id": bobs_ad_account.pk})
    assert error(answer)[:2] == (503, "unavailable")
    assert not Snapshot.objects.exists()


# --- rights, as they are when it is sent again ---


def _posts(ad_account: AdAccount) -> dict[str, tuple[str, dict[str, Any]]]:
    finding = builders.make_finding(campaign=builders.make_campaign(account=ad_account))
    return {
        "sync": (f"ad-accounts/{ad_account.pk}/sync", {"force": True}),
        "audit": (f"ad-accounts/{ad_account.pk}/audit", {}),
        "snapshots": ("snapshots", {"ad_account_id": ad_account.pk}),
        "accept": (f"findings/{finding.pk}/accept", {"reason": "It is wanted."}),
    }


@pytest.mark.parametrize("what", ["sync", "audit", "snapshots", "accept"])
@pytest.mark.parametrize("loss", ["role", "role and grant", "ad account"])
def test_a_reply_is_not_sent_again_to_somebody_who_may_no_longer(
    snapshot_folder: Any, bobs_ad_account: AdAccount, what: str, loss: str
) -> None:
    builders.make_sync_run(account=bobs_ad_account)
    path, body = _posts(bobs_ad_account)[what]
    person = builders.make_user(role=Role.MANAGER)
    browser = signed_in(person)
    assert send(browser, path, body).status_code in {200, 202}
    assert send(browser, path, body)["Idempotent-Replayed"] == "true"
    if loss == "ad account":
        SyncLog.objects.filter(status="queued").delete()
        bobs_ad_account.delete()
    else:
        User.objects.filter(pk=person.pk).update(role=Role.VIEWER)
        if loss == "role":
            builders.make_access(user=person, ad_account=bobs_ad_account)
    answer = send(browser, path, body)
    status, _, detail = error(answer)
    assert status in ({400, 404} if loss == "ad account" else {403})
    assert not answer.has_header("Idempotent-Replayed")
    assert "you may not see" in detail if loss == "ad account" else detail


def test_a_reply_is_not_sent_again_to_a_token_that_only_reads(alice: User, bobs_ad_account: AdAccount) -> None:
    path, body = _posts(bobs_ad_account)["sync"]
    syncs, reads = Client(headers=token_of(alice, "read_and_sync")), Client(headers=token_of(alice))
    assert [send(program, path, body).status_code for program in (syncs, syncs, reads)] == [202, 202, 403]
    ApiToken.objects.update(scope="read")
    assert send(syncs, path, body).status_code == 403


def test_every_view_that_changes_something_says_who_may() -> None:
    """What is not said is refused as a bug."""
    callbacks: list[Any] = [pattern.callback for pattern in urls.router.urls]
    posting = {one.cls for one in callbacks if "post" in one.actions}
    assert {view.__name__ for view in posting} == {"AdAccounts", "Exports", "Findings", "Snapshots"}
    assert all(view.check_may_change is not View.check_may_change for view in posting)
