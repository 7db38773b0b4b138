"""Exports over the API: requested by whoever may read, followed, fetched in pieces, cancelled, refused in time."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.api_tokens import token_store
from accounts.models import AdAccount, AdAccountAccess, AuditEvent, User
from accounts.shell import download_slots
from accounts.shell.downloads import MAX_DIRECT_ROWS
from ingestion.processes.work_requests import message_of
from reporting.exports import export_job, export_store, tasks
from reporting.models import Export
from tests import builders
from tests.builders import make_access, make_ad_account, make_campaign, make_user
from tests.conftest import signed_in
from tests.reporting.api.asking import error, get, token_of
from tests.reporting.exports.exporting import content_of, csv_rows, export

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(export_folder: Path) -> Path:
    return export_folder


def post(client: Client, body: Any, **more: Any) -> Any:
    return client.post("/api/v1/exports", body, content_type="application/json", **more)


def fetch(client: Client, one: Export, **headers: str) -> Any:
    return client.get(f"/api/v1/exports/{one.pk}/file", headers=headers)


def test_an_export_is_requested_written_and_fetched(
    as_alice: Client, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    campaign = make_campaign()
    body = {"of": "campaigns", "parameters": {"id": campaign.pk, "fields": ["id", "name"]}, "format": "csv"}
    with patch.object(tasks.write_export, "delay") as delay, django_capture_on_commit_callbacks(execute=True):
        response = post(as_alice, body)
    assert response.status_code == 202
    shown = response.json()
    delay.assert_called_once_with(shown["id"], 1)
    assert response["Location"] == f"http://testserver/api/v1/exports/{shown['id']}"
    assert shown == {
        "id": shown["id"],
        "of": "campaigns",
        "parameters": {"id": [str(campaign.pk)], "fields": ["id", "name"]},
        "format": "csv",
        "dialect": "",
        "state": "queued",
        "position": 1,
        "progress_percent": None,
        "rows": 0,
        "rows_expected": None,
        "size_bytes": 0,
        "digest": "",
        "asked_at": "2026-11-20T12:00:00Z",
        "started_at": None,
        "finished_at": None,
        "expires_at": None,
        "trouble": "",
        "file": None,
    }
    export_job.run(message_of(Export.objects.get()))
    written = get(as_alice, f"exports/{shown['id']}")
    assert (written["state"], written["position"], written["progress_percent"]) == ("written", None, 100)
    assert (written["rows"], written["expires_at"]) == (1, "2026-11-21T12:00:00Z")
    file = as_alice.get(written["file"])
    content = file.getvalue()
    assert file["Content-Disposition"] == f'attachment; filename="campaigns-{shown["id"]}.csv"'
    assert file["Content-Type"] == "text/csv; charset=utf-8"
    assert file["Content-Length"] == str(written["size_bytes"]) == str(len(content))
    assert file["ETag"] == f'"{written["digest"]}"' == f'"{hashlib.sha256(content).hexdigest()}"'
    assert csv_rows(content) == [{"id": str(campaign.pk), "name": campaign.name}]


def test_requests_and_files_are_on_record(as_alice: Client, alice: User) -> None:
    assert post(as_alice, {"of": "campaigns", "format": "xlsx"}).status_code == 202
    one = Export.objects.get()
    export_job.run(message_of(one))
    one.refresh_from_db()
    fetch(as_alice, one).getvalue()
    fetch(as_alice, one, Range="bytes=0-9").getvalue()
    fetch(as_alice, one, Range="bytes=10-").getvalue()
    fetch(as_alice, one, **{"If-None-Match": f'"{one.digest}"'})
    kinds = list(AuditEvent.objects.order_by("pk").values_list("kind", "actor_id", "detail__what"))
    fetched = ("exported", alice.pk, f"campaigns as XLSX (export {one.pk})")
    assert kinds == [("export_requested", alice.pk, "campaigns as XLSX"), fetched, fetched]


def test_a_file_that_is_taken_but_for_its_first_byte_is_on_record(as_alice: Client, alice: User) -> None:
    one = export(alice, "campaigns")
    for _ in range(2):
        fetch(as_alice, one, Range="bytes=1-").getvalue()
    assert AuditEvent.objects.filter(kind="exported", actor_id=alice.pk).count() == 1
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        fetch(as_alice, one, Range="bytes=1-").getvalue()
    assert AuditEvent.objects.filter(kind="exported", actor_id=alice.pk).count() == 2


@pytest.mark.parametrize(
    "body",
    [
        {"of": "campaigns", "format": "csv", "parameters": {"name": "\ud800"}},
        {"of": "campaigns", "format": "csv", "parameters": {"\ud800": "x"}},
        {"of": "\ud800", "format": "csv"},
    ],
)
def test_halves_of_characters_are_refused(as_alice: Client, body: Any) -> None:
    response = as_alice.post("/api/v1/exports", json.dumps(body), content_type="application/json")
    assert error(response)[0] == 400
    assert "surrogate" in response.json()["detail"]


def test_a_file_that_names_people_is_not_sent_by_the_api(as_alice: Client, alice: User) -> None:
    one = export(alice, "lists/accounts.auditevent")
    assert error(fetch(as_alice, one))[0] == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"of": "campaigns", "format": "pdf"}, "format"),
        ({"of": "people", "format": "csv"}, "of"),
        ({"of": "lists/accounts.user", "format": "csv"}, "of"),
        ({"format": "csv"}, "of"),
        ({"of": "campaigns"}, "format"),
        ({"of": "campaigns", "format": "csv", "colour": 1}, "colour"),
        ({"of": "campaigns", "format": "csv", "dialect": "lotus"}, "dialect"),
        ({"of": "campaigns", "format": "xlsx", "dialect": "excel"}, "dialect"),
        ({"of": "campaigns", "format": "csv", "parameters": {"colour": "red"}}, "colour"),
        ({"of": "campaigns", "format": "csv", "parameters": {"page": 1}}, "page"),
        ({"of": "campaigns", "format": "csv", "parameters": {"fields": "colour"}}, "fields"),
        ({"of": "campaigns", "format": "csv", "parameters": {"order": "colour"}}, "order"),
        ({"of": "campaigns", "format": "csv", "parameters": {"id": 404}}, "id"),
        ({"of": "campaigns", "format": "csv", "parameters": {"id": {"a": 1}}}, "parameters.id"),
        ({"of": "campaigns", "format": "csv", "parameters": {"id": []}}, "parameters.id"),
        ({"of": "campaigns", "format": "csv", "parameters": {"name": "a\0"}}, "parameters.name"),
        ({"of": "campaigns", "format": "csv", "parameters": [1]}, "parameters"),
        ({"of": "campaigns", "format": "csv", "parameters": {"name": "a" * 9000}}, "parameters"),
        ({"of": "campaigns", "format": "csv", "parameters": {"a" * 9000: "a"}}, "parameters"),
        ({"of": "campaign-metrics", "format": "csv", "parameters": {"date_from": "yesterday"}}, "date_from"),
        ({"of": "reports/performance", "format": "csv", "parameters": {"group_by": "colour"}}, "group_by"),
    ],
)
def test_what_cannot_be_exported_is_refused_when_it_is_requested(as_alice: Client, body: Any, field: str) -> None:
    response = post(as_alice, body)
    assert error(response)[0] == 400
    assert response.json()["field"] == field
    assert not Export.objects.exists()


def test_what_somebody_may_not_see_is_not_there(as_bob: Client) -> None:
    foreign = make_ad_account()
    for of in ("campaigns", "campaign-metrics", "reports/performance"):
        said = [
            post(as_bob, {"of": of, "format": "csv", "parameters": {"ad_account_id": one}}).json()["detail"]
            for one in (foreign.pk, 404)
        ]
        assert said[0] == said[1]


def test_a_token_that_only_reads_may_export(bob: User) -> None:
    assert post(Client(), {"of": "campaigns", "format": "csv"}, headers=token_of(bob)).status_code == 202
    assert post(Client(), {"of": "campaigns", "format": "csv"}).status_code == 401


def test_everybody_sees_their_own(as_alice: Client, as_bob: Client, alice: User, bob: User) -> None:
    mine, theirs = export(bob, "campaigns"), export(alice, "campaigns")
    assert [row["id"] for row in get(as_bob, "exports")["results"]] == [mine.pk]
    for address in (f"exports/{theirs.pk}", f"exports/{theirs.pk}/file", "exports/404"):
        assert error(as_bob.get(f"/api/v1/{address}"))[0] == 404
    assert error(as_bob.post(f"/api/v1/exports/{theirs.pk}/cancel"))[0] == 404
    assert get(as_alice, f"exports/{theirs.pk}")["state"] == "written"


# --- the file ---


def test_a_download_that_broke_off_is_continued(as_alice: Client, alice: User) -> None:
    for _ in range(5):
        make_campaign()
    one = export(alice, "campaigns")
    whole = content_of(one)
    first = fetch(as_alice, one, Range="bytes=0-99")
    assert (first.status_code, first["Content-Range"]) == (206, f"bytes 0-99/{len(whole)}")
    rest = fetch(as_alice, one, Range="bytes=100-", **{"If-Range": first["ETag"]})
    assert rest.status_code == 206
    assert first.getvalue() + rest.getvalue() == whole
    other = fetch(as_alice, one, Range="bytes=100-", **{"If-Range": '"of another file"'})
    assert (other.status_code, other.getvalue()) == (200, whole)
    beyond = fetch(as_alice, one, Range=f"bytes={len(whole)}-")
    assert (error(beyond)[0], beyond["Content-Range"]) == (416, f"bytes */{len(whole)}")
    assert fetch(as_alice, one, **{"If-None-Match": first["ETag"]}).status_code == 304
    head = as_alice.head(f"/api/v1/exports/{one.pk}/file")
    assert (head.status_code, head["Accept-Ranges"], head["Content-Length"]) == (200, "bytes", str(len(whole)))


def test_who_may_no_longer_see_all_of_it_gets_nothing(as_bob: Client, bob: User, bobs_ad_account: AdAccount) -> None:
    make_access(user=bob)
    one = export(bob, "campaigns")
    assert fetch(as_bob, one).getvalue() == content_of(one)
    AdAccountAccess.objects.get(user=bob, ad_account=bobs_ad_account).delete()
    for headers in ({}, {"Range": "bytes=1-"}, {"If-None-Match": f'"{one.digest}"'}):
        response = fetch(as_bob, one, **headers)
        assert error(response)[0] == 404
        assert "no longer see" in response.json()["detail"]
    bob.is_active = False
    bob.save()
    assert fetch(as_bob, one).status_code == 401


def test_who_is_no_longer_shown_colleagues_gets_no_file_that_has_them() -> None:
    analyst = make_user(role="analyst")
    ad_account = make_access(user=analyst).ad_account
    _, plain = token_store.issue(
        user=analyst, name="Sheet", scope="read", ad_account_ids=[ad_account.pk], now=builders.NOW, days=365
    )
    program = Client(headers={"Authorization": f"Bearer {plain}"})
    assert post(program, {"of": "findings", "format": "csv"}).status_code == 202
    one = Export.objects.get()
    export_job.run(message_of(one))
    one.refresh_from_db()
    assert fetch(program, one).getvalue()
    User.objects.filter(pk=analyst.pk).update(role="viewer")
    assert fetch(program, one).status_code == 404


def test_who_no_longer_sees_all_ad_accounts_gets_none_of_them(bob: User) -> None:
    analyst = make_user(role="analyst")
    one = export(analyst, "campaigns")
    User.objects.filter(pk=analyst.pk).update(role="viewer")
    assert fetch(signed_in(analyst), one).status_code == 404


@pytest.mark.parametrize(
    ("state", "said"),
    [("queued", "waits"), ("cancelled", "cancelled"), ("expired", "no longer kept")],
)
def test_what_is_not_there_says_why(as_alice: Client, alice: User, state: str, said: str) -> None:
    one = export(alice, "campaigns")
    if state == "expired":
        export_store.expire(Export.objects.all())
    else:
        assert post(as_alice, {"of": "campaigns", "format": "csv"}).status_code == 202
        one = Export.objects.get(state="queued")
        if state == "cancelled":
            assert as_alice.post(f"/api/v1/exports/{one.pk}/cancel").json()["state"] == "cancelled"
            assert error(as_alice.post(f"/api/v1/exports/{one.pk}/cancel"))[0] == 409
    status, _, detail = error(fetch(as_alice, one))
    assert status == 404
    assert said in detail


def test_a_file_that_is_gone_is_missed(as_alice: Client, alice: User) -> None:
    one = export(alice, "campaigns")
    one.document.storage.delete(one.stored_as)
    assert "DATA_DIR/exports" in error(fetch(as_alice, one))[2]


def test_figures_say_how_recent_they_are(as_alice: Client, alice: User, bobs_ad_account: AdAccount) -> None:
    builders.make_sync_run(account=bobs_ad_account)
    one = export(alice, "campaign-metrics", parameters={"date_from": ["2026-11-01"], "date_to": ["2026-11-19"]})
    file = fetch(as_alice, one)
    direct = as_alice.get("/api/v1/campaign-metrics?format=csv&date_from=2026-11-01&date_to=2026-11-19")
    assert file["Data-As-Of"] == "2026-11-20T11:59:00Z"
    for name in ("Data-As-Of", "Complete-Through", "Stored-Days"):
        assert file[name] == direct[name], name
    assert file.getvalue() == direct.getvalue()


def test_nobody_has_endless_requests_waiting(as_alice: Client) -> None:
    with patch.object(export_store, "MAX_WAITING_PER_PERSON", 1):
        assert post(as_alice, {"of": "campaigns", "format": "csv"}).status_code == 202
        assert error(post(as_alice, {"of": "creatives", "format": "csv"}))[0] == 429


# --- direct downloads ---


@pytest.mark.parametrize("path", ["campaigns", "campaign-metrics", "findings", "reports/performance"])
def test_a_large_file_names_the_export_to_ask_for(as_alice: Client, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        campaign = make_campaign()
        builders.make_campaign_day(campaign=campaign)
        builders.make_finding(campaign=campaign)
    for module in ("reporting.api.viewsets", "reporting.api.reports"):
        monkeypatch.setattr(f"{module}.MAX_DIRECT_ROWS", 1)
    parameters = {"first_day": "2026-11-19", "last_day": "2026-11-19"} if "/" in path else {"order": "id"}
    if path == "campaign-metrics":
        parameters = {"date_from": "2026-11-19", "fields": "date,spend"}
    if path == "findings":
        parameters = {"state": "open"}
    response = as_alice.get(f"/api/v1/{path}", {"format": "csv", "dialect": "excel", **parameters})
    assert error(response)[0] == 400
    asked = response.json()["export"]
    assert asked["address"].endswith("/api/v1/exports")
    assert asked["address"] in response.json()["remedy"]
    assert asked["body"] == {"of": path, "parameters": parameters, "format": "csv", "dialect": "excel"}
    assert post(as_alice, asked["body"]).status_code == 202
    export_job.run(message_of(Export.objects.get()))
    assert Export.objects.get().rows == 2
    assert as_alice.get(f"/api/v1/{path}", parameters).status_code == 200
    assert not AuditEvent.objects.filter(kind="exported").exists()


def test_as_many_rows_as_are_quick_are_sent(as_alice: Client) -> None:
    make_campaign()
    assert MAX_DIRECT_ROWS == 50_000
    assert as_alice.get("/api/v1/campaigns?format=csv").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_one_person_has_a_few_downloads_at_once(as_alice: Client, as_bob: Client, alice: User, settings: Any) -> None:
    settings.DOWNLOADS_AT_ONCE = 2
    first, second = (as_alice.get("/api/v1/campaigns?format=csv") for _ in range(2))
    for refused in (as_alice, Client(headers=token_of(alice))):
        assert error(refused.get("/api/v1/campaigns?format=xlsx"))[0] == 429
    assert as_alice.get("/api/v1/campaigns").status_code == 200
    assert as_bob.get("/api/v1/campaigns?format=csv").status_code == 200
    # Nothing of it was read.
    first.close()
    third = as_alice.get("/api/v1/campaigns?format=xlsx")
    assert third.status_code == 200
    assert second.getvalue()
    assert third.getvalue()
    assert as_alice.get("/api/v1/campaigns?format=ndjson").status_code == 200


def test_without_valkey_nobody_is_refused(as_alice: Client, no_valkey: None, settings: Any) -> None:
    settings.DOWNLOADS_AT_ONCE = 1
    assert [as_alice.get("/api/v1/campaigns?format=csv").status_code for _ in range(3)] == [200] * 3


def test_a_download_that_fails_leaves_its_place(as_alice: Client, settings: Any) -> None:
    settings.DOWNLOADS_AT_ONCE = 1
    with pytest.raises(RuntimeError), download_slots.room("7"):
        raise RuntimeError
    with download_slots.room("7") as slot:
        assert slot.name
        with pytest.raises(download_slots.NoneFree), download_slots.room("7"):
            pass


# --- CSV for Excel ---


def test_csv_for_excel(as_alice: Client) -> None:
    builders.make_campaign_day(campaign=make_campaign(name="Größe"))
    content = as_alice.get("/api/v1/campaigns?format=csv&dialect=excel&fields=id,name").getvalue()
    assert content.startswith("\ufeffid;name\n".encode())
    assert "Größe" in content.decode("utf-8-sig")
    content = as_alice.get("/api/v1/campaign-metrics?format=csv&dialect=excel&fields=spend,ctr_percent,cpc").getvalue()
    assert content.decode("utf-8-sig").split() == ["spend;ctr_percent;cpc", "50,0000000000;2,000000;2,5000000000"]
    comma = as_alice.get("/api/v1/campaign-metrics?format=csv&dialect=excel-comma&fields=spend").getvalue()
    assert comma.decode("utf-8-sig").split() == ["spend", "50.0000000000"]


@pytest.mark.parametrize(
    "parameters",
    [{"dialect": "lotus", "format": "csv"}, {"dialect": "excel", "format": "ndjson"}, {"dialect": "excel"}],
)
@pytest.mark.parametrize("path", ["campaigns", "campaign-metrics", "reports/performance", "reports/demographics"])
def test_other_dialects_are_refused(as_alice: Client, path: str, parameters: dict[str, str]) -> None:
    response = as_alice.get(f"/api/v1/{path}", parameters)
    assert error(response)[0] == 400
    assert response.json()["field"] == "dialect"


@pytest.mark.parametrize("role", ["owner", "analyst", "viewer"])
def test_a_token_that_names_ad_accounts_gets_their_rows_and_no_others(role: str) -> None:
    person = make_user(role=role)
    named, other = make_access(user=person).ad_account, make_access(user=person).ad_account
    mine = make_campaign(account=named)
    make_campaign(account=other)
    _, plain = token_store.issue(
        user=person, name="Sheet", scope="read", ad_account_ids=[named.pk], now=builders.NOW, days=365
    )
    program = Client(headers={"Authorization": f"Bearer {plain}"})
    shown = post(program, {"of": "campaigns", "format": "csv"}).json()
    one = Export.objects.get(pk=shown["id"])
    assert export_job.run(message_of(one)) == "written"
    one.refresh_from_db()
    assert one.ad_account_ids == [named.pk]
    assert [row["id"] for row in csv_rows(b"".join(fetch(program, one)))] == [str(mine.pk)]
    # What its person asked for in the browser holds more: it is not even listed.
    whole = export(person, "campaigns")
    assert whole.pk != one.pk
    assert fetch(program, whole).status_code == 404
    assert [shown["id"] for shown in get(program, "exports")["results"]] == [one.pk]
    assert program.post(f"/api/v1/exports/{whole.pk}/cancel").status_code == 404
