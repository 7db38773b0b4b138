"""Findings over the API: read whole, narrowed, ordered, as files; decided on by those who may; checked now."""

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import AdAccount, AuditEvent, User
from accounts.roles import Role
from reporting import tasks
from reporting.checks import findings
from reporting.models import CheckRequest, CheckRun, Finding
from reporting.queries.check_facts import ad_account_facts
from tests import builders
from tests.builders import NOW, make_finding
from tests.conftest import signed_in
from tests.reporting.api.asking import error, every_row, get, token_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def analyst() -> User:
    return builders.make_user(email="ana@example.com", first_name="Ana", role=Role.ANALYST)


@pytest.fixture
def finding(bobs_ad_account: AdAccount) -> Finding:
    campaign = builders.make_campaign(account=bobs_ad_account, name="Spring")
    return make_finding(
        campaign=campaign, changed_at=NOW, history=[{"at": NOW.isoformat(), "what": "found", "by": None, "detail": ""}]
    )


def post(person: User | None, path: str, scope: str = "read_and_change", **body: Any) -> Any:
    headers = token_of(person, scope) if person else {}
    return Client().post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)


def decide(person: User | None, finding: Finding, what: str, **body: Any) -> Any:
    return post(person, f"findings/{finding.pk}/{what}", **body)


# --- reading ---


def test_a_finding_whole(as_bob: Client, finding: Finding, bobs_ad_account: AdAccount) -> None:
    make_finding()
    [row] = every_row(as_bob, "findings")
    assert row == {
        "id": finding.pk,
        "ad_account_id": bobs_ad_account.pk,
        "campaign_id": finding.campaign_id,
        "campaign_name": "Spring",
        "creative_id": None,
        "creative_name": None,
        "rule_id": "audience_network",
        "title": "LinkedIn Audience Network is on",
        "severity": "warning",
        "sentence": "Spring also runs on LinkedIn Audience Network.",
        "evidence": [{"label": "Spend in 30 days", "value": "1234.50", "unit": "money"}],
        "why": row["why"],
        "remedy": row["remedy"],
        "money_at_stake": "1234.5000000000",
        "stake": row["stake"],
        "currency": "EUR",
        "state": "open",
        "assignee": None,
        "snoozed_until": None,
        "accepted_reason": None,
        "fixed_at": None,
        "saved": None,
        "first_seen_at": "2026-11-20T12:00:00Z",
        "last_seen_at": "2026-11-20T12:00:00Z",
        "reopened_at": None,
        "changed_at": "2026-11-20T12:00:00Z",
        "times_seen": 1,
    }
    assert "clear “LinkedIn Audience Network”" in row["remedy"]
    history = [{"at": "2026-11-20T12:00:00Z", "what": "found", "by": None, "detail": ""}]
    assert get(as_bob, f"findings/{finding.pk}") == row | {"history": history}


def test_findings_of_others_are_not_found(as_bob: Client, as_charlie: Client, finding: Finding) -> None:
    other = make_finding()
    assert as_bob.get(f"/api/v1/findings/{other.pk}").status_code == 404
    assert get(as_charlie, "findings")["count"] == 0
    assert as_charlie.get(f"/api/v1/findings/{finding.pk}").status_code == 404


@pytest.mark.parametrize(
    ("narrowed", "shown"),
    [
        ({}, {"plain", "critical", "mine", "sleeping", "awake", "fine", "done"}),
        ({"severity": "critical"}, {"critical"}),
        ({"severity": "critical,warning", "state": "open"}, {"plain", "critical", "mine", "awake"}),
        ({"rule_id": "no_impressions"}, {"critical"}),
        ({"state": "snoozed"}, {"sleeping"}),
        ({"state": "open"}, {"plain", "critical", "mine", "awake"}),
        ({"state": "accepted,fixed"}, {"fine", "done"}),
        ({"assignee": "me"}, {"mine"}),
        ({"assignee": "ANA@example.com"}, {"mine"}),
        ({"assignee": "nobody", "state": "fixed"}, {"done"}),
        ({"changed_at_from": (NOW + HOUR).isoformat()}, {"mine"}),
        ({"ad_account_id": "{critical}"}, {"critical"}),
    ],
)
def test_lists_are_narrowed(analyst: User, narrowed: dict[str, str], shown: set[str]) -> None:
    rows = {
        "plain": make_finding(),
        "critical": make_finding(severity="critical", rule_id="no_impressions"),
        "mine": make_finding(assigned_to=analyst, changed_at=NOW + HOUR),
        "sleeping": make_finding(state="snoozed", snoozed_until=NOW.date() + timedelta(days=1)),
        "awake": make_finding(state="snoozed", snoozed_until=NOW.date()),
        "fine": make_finding(state="accepted", accepted_reason="Known.", accepted_weight=1),
        "done": make_finding(state="fixed", fixed_at=NOW, saved=7),
    }
    asked = {name: value.format(critical=rows["critical"].ad_account_id) for name, value in narrowed.items()}
    found = {row["id"] for row in get(signed_in(analyst), "findings", **asked)["results"]}
    assert {name for name, row in rows.items() if row.pk in found} == shown


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "gone"},
        {"severity": "bad"},
        {"rule_id": "x"},
        {"changed_at_from": "soon"},
        {"ad_account_id": "x"},
        {"order": "weight"},
        {"status": "open"},
        {"fields": "weight"},
        {"page_size": "0"},
        {"assignee": "\0"},
        {"assignee": "nobody@example.com"},
    ],
)
def test_nonsense_is_refused(as_alice: Client, wrong: dict[str, str]) -> None:
    response = as_alice.get("/api/v1/findings", wrong)
    assert (response.status_code, response.json()["field"]) == (400, *wrong)


def test_orders_and_pages(as_alice: Client, django_assert_max_num_queries: Any) -> None:
    cheap = make_finding(money_at_stake=5, changed_at=NOW)
    grave = make_finding(severity="critical", rule_id="no_impressions", money_at_stake=None, changed_at=NOW + HOUR)
    dear = make_finding(money_at_stake=50, changed_at=NOW - HOUR)

    def ids(**order: str) -> list[int]:
        return [row["id"] for row in every_row(as_alice, "findings", page_size=2, **order)]

    assert ids() == ids(order="severity") == [grave.pk, dear.pk, cheap.pk]
    assert ids(order="changed_at") == [dear.pk, cheap.pk, grave.pk]
    assert ids(order="-id") == [dear.pk, grave.pk, cheap.pk]
    for _ in range(20):
        make_finding()
    with django_assert_max_num_queries(8):
        assert get(as_alice, "findings")["count"] == 23


def test_files(as_alice: Client) -> None:
    make_finding(campaign=builders.make_campaign(name="=1+1"), sentence="=1+1 runs")
    make_finding(state="fixed", fixed_at=NOW, saved=Decimal(7))
    fields = "id,campaign_name,sentence,evidence,money_at_stake,state,saved,last_seen_at"

    def file(file_format: str) -> bytes:
        answer: Any = as_alice.get("/api/v1/findings", {"format": file_format, "fields": fields, "order": "id"})
        assert answer["Content-Disposition"] == f'attachment; filename="findings.{file_format}"'
        return b"".join(answer.streaming_content)

    first, second = csv.DictReader(io.StringIO(file("csv").decode()))
    assert (first["campaign_name"], first["sentence"]) == ("'=1+1", "'=1+1 runs")
    assert first["evidence"] == "Spend in 30 days: 1234.50"
    assert (first["money_at_stake"], second["saved"]) == ("1234.5000000000", "7.0000000000")
    assert first["last_seen_at"] == "2026-11-20T12:00:00Z"
    line = json.loads(file("ndjson").decode().splitlines()[0])
    assert line["evidence"] == [{"label": "Spend in 30 days", "value": "1234.50", "unit": "money"}]
    assert line == {name: get(as_alice, "findings", order="id")["results"][0][name] for name in line}
    assert file("xlsx").startswith(b"PK")
    assert AuditEvent.objects.filter(kind="exported", detail__what="findings as CSV").count() == 1


# --- deciding ---


def test_a_finding_is_assigned_snoozed_accepted_and_reopened(analyst: User, finding: Finding) -> None:
    assigned = decide(analyst, finding, "assign", assignee="ANA@example.com")
    assert (assigned.status_code, assigned.json()["assignee"]) == (200, "ana@example.com")
    assert assigned.json() == get(signed_in(analyst), f"findings/{finding.pk}")
    snoozed = decide(analyst, finding, "snooze", until="2026-12-01").json()
    assert (snoozed["state"], snoozed["snoozed_until"]) == ("snoozed", "2026-12-01")
    accepted = decide(analyst, finding, "accept", reason=" The client wants it. ").json()
    assert (accepted["state"], accepted["accepted_reason"]) == ("accepted", "The client wants it.")
    opened = decide(analyst, finding, "reopen").json()
    assert (opened["state"], opened["accepted_reason"]) == ("open", None)
    nobody = decide(analyst, finding, "assign", assignee=None).json()
    assert nobody["assignee"] is None
    assert [entry["what"] for entry in nobody["history"]] == [
        "found",
        "assigned",
        "snoozed",
        "accepted",
        "reopened",
        "assigned",
    ]
    assert {entry["by"] for entry in nobody["history"][1:]} == {"Ana"}
    assert AuditEvent.objects.filter(kind="finding_changed", actor_email="ana@example.com").count() == 5


@pytest.mark.parametrize(
    ("what", "body", "field"),
    [
        ("assign", {}, "assignee"),
        ("assign", {"assignee": "bob@example.com"}, "assignee"),
        ("assign", {"assignee": "gone@example.com"}, "assignee"),
        ("snooze", {}, "until"),
        ("snooze", {"until": "soon"}, "until"),
        ("snooze", {"until": "2026-11-20"}, "until"),
        ("snooze", {"until": "2028-01-01"}, "until"),
        ("accept", {}, "reason"),
        ("accept", {"reason": "  "}, "reason"),
        ("accept", {"reason": "x" * 1001}, "reason"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(
    analyst: User, bob: User, finding: Finding, what: str, body: dict[str, Any], field: str
) -> None:
    response = decide(analyst, finding, what, **body)
    assert (response.status_code, response.json()["field"]) == (400, field)
    finding.refresh_from_db()
    assert (finding.state, finding.assigned_to, finding.changed_at) == ("open", None, NOW)


@pytest.mark.parametrize(
    ("role", "scope", "status"),
    [
        (Role.OWNER, "read_and_change", 200),
        (Role.MANAGER, "read_and_change", 200),
        (Role.ANALYST, "read_and_change", 200),
        (Role.VIEWER, "read_and_change", 403),
        (Role.OWNER, "read_and_sync", 403),
        (Role.OWNER, "read", 403),
    ],
)
def test_who_may_decide_and_check(bob: User, finding: Finding, role: Role, scope: str, status: int) -> None:
    """A token is worth what its person may now."""
    bob.role = Role.OWNER
    bob.save()
    headers = token_of(bob, scope)
    bob.role = role
    bob.save()
    builders.make_sync_run(account=finding.ad_account)
    path = f"/api/v1/findings/{finding.pk}"
    bodies = {
        "assign": {"assignee": None},
        "snooze": {"until": "2026-12-01"},
        "accept": {"reason": "Fine."},
        "reopen": {},
    }
    for what, body in bodies.items():
        answer = Client().post(f"{path}/{what}", body, content_type="application/json", headers=headers)
        assert answer.status_code == status
    path_of_check = f"/api/v1/ad-accounts/{finding.ad_account_id}/audit"
    assert Client().post(path_of_check, headers=headers).status_code == (202 if status == 200 else status)
    assert (
        Client().get(path, headers=headers).status_code
        == Client().get(path_of_check, headers=headers).status_code
        == 200
    )
    assert CheckRequest.objects.exists() is (status == 200)


def test_strangers_and_others_decide_nothing(analyst: User, as_charlie: Client, finding: Finding) -> None:
    assert decide(None, finding, "reopen").status_code == 401
    assert as_charlie.post(f"/api/v1/findings/{finding.pk}/reopen").status_code == 403
    assert post(analyst, "findings/404/reopen").status_code == 404


def test_a_fixed_finding_is_assigned_but_not_decided_about(analyst: User) -> None:
    done = make_finding(state="fixed", fixed_at=NOW)
    for what, body in (("snooze", {"until": "2026-12-01"}), ("accept", {"reason": "Fine."}), ("reopen", {})):
        assert error(decide(analyst, done, what, **body))[:2] == (409, "conflict")
    assert decide(analyst, done, "assign", assignee=None).status_code == 200
    assert decide(analyst, done, "assign", assignee="ana@example.com").json()["state"] == "fixed"


def test_deciding_twice_is_no_error(analyst: User, finding: Finding) -> None:
    for _ in range(2):
        assert decide(analyst, finding, "accept", reason="Fine.").status_code == 200
    assert AuditEvent.objects.filter(kind="finding_changed").count() == 1


# --- checks ---


def test_what_was_checked_and_what_was_not(as_bob: Client, bobs_ad_account: AdAccount) -> None:
    path = f"ad-accounts/{bobs_ad_account.pk}/audit"
    assert get(as_bob, path) == {
        "ad_account_id": bobs_ad_account.pk,
        "checked_at": None,
        "as_of": None,
        "campaigns": 0,
        "found": 0,
        "not_checked": [],
        "waiting_since": None,
        "trouble": "",
    }
    unjudged = [{"rule": "low_ctr", "reason": "LinkedIn sent no campaign type.", "count": 2}]
    CheckRun.objects.create(
        ad_account=bobs_ad_account, as_of=NOW - HOUR, judged_at=NOW, campaigns=3, found=1, unjudged=unjudged
    )
    assert get(as_bob, path) == {
        "ad_account_id": bobs_ad_account.pk,
        "checked_at": "2026-11-20T12:00:00Z",
        "as_of": "2026-11-20T11:00:00Z",
        "campaigns": 3,
        "found": 1,
        "waiting_since": None,
        "trouble": "",
        "not_checked": [{"rule_id": "low_ctr", "reason": "LinkedIn sent no campaign type.", "count": 2}],
    }
    assert as_bob.get(f"/api/v1/ad-accounts/{builders.make_ad_account().pk}/audit").status_code == 404


def test_check_now_is_the_same_as_after_a_sync(
    analyst: User, bobs_ad_account: AdAccount, monkeypatch: Any, django_capture_on_commit_callbacks: Any
) -> None:
    builders.make_campaign(account=bobs_ad_account, offsite_delivery_enabled=True)
    builders.make_sync_run(account=bobs_ad_account)
    queued: list[int] = []
    monkeypatch.setattr(tasks.check_ad_account, "delay", lambda ad_account_id, _delivery: queued.append(ad_account_id))
    path = f"ad-accounts/{bobs_ad_account.pk}/audit"
    with django_capture_on_commit_callbacks(execute=True):
        response = post(analyst, path)
    assert response.status_code == 202
    assert response["Location"] == f"http://testserver/api/v1/{path}"
    assert response.json()["waiting_since"] == "2026-11-20T12:00:00Z"
    assert queued == [bobs_ad_account.pk]
    assert AuditEvent.objects.get(kind="audit_started_by_hand").ad_account_id == bobs_ad_account.pk
    tasks.check_ad_account(*queued)
    state = get(signed_in(analyst), path)
    assert (state["waiting_since"], state["checked_at"]) == (None, "2026-11-20T12:00:00Z")
    assert state["found"] == get(signed_in(analyst), "findings")["count"] > 0


def test_without_data_there_is_nothing_to_check(analyst: User, bobs_ad_account: AdAccount) -> None:
    response = post(analyst, f"ad-accounts/{bobs_ad_account.pk}/audit")
    assert error(response)[:2] == (409, "conflict")
    assert "Sync it first" in response.json()["remedy"]
    assert not CheckRequest.objects.exists()


def test_a_request_that_comes_during_a_check_is_kept(analyst: User, finding: Finding, monkeypatch: Any) -> None:
    """A check removes requests made before it read, and none made later."""
    builders.make_sync_run(account=finding.ad_account)
    path = f"ad-accounts/{finding.ad_account_id}/audit"
    post(analyst, path)

    def ask_meanwhile(ad_account_id: int) -> Any:
        assert not CheckRequest.objects.exists()
        post(analyst, path)
        return ad_account_facts(ad_account_id)

    monkeypatch.setattr("reporting.checks.findings.ad_account_facts", ask_meanwhile)
    findings.check_ad_account(finding.ad_account_id, now=NOW)
    assert CheckRequest.objects.exists()
