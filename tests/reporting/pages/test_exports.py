"""The page of exports: requested from a form or from a list that is too long, followed, cancelled, fetched."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.models import AuditEvent, User
from accounts.roles import Role
from accounts.sign_in.second_step import session
from ingestion.processes.work_requests import message_of
from reporting.exports import export_job, export_store
from reporting.models import Export
from tests.accounts.sign_in.second_step.people import give_app, passed
from tests.builders import make_campaign, make_user
from tests.conftest import signed_in
from tests.reporting.exports.exporting import ask, content_of, csv_rows, export, sheets

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(export_folder: Path) -> Path:
    return export_folder


def shown(browser: Client, address: str = "/exports/") -> str:
    return browser.get(address).content.decode()


def request(browser: Client, **fields: Any) -> Any:
    return browser.post("/exports/ask/", {"of": "campaigns", "file_format": "csv"} | fields)


def written() -> Export:
    one = Export.objects.get()
    export_job.run(message_of(one))
    return Export.objects.get()


def test_it_says_what_to_do_first(as_bob: Client) -> None:
    page = shown(as_bob)
    assert "No exports yet" in page
    assert 'hx-get="/exports/' not in page


@pytest.mark.parametrize("role", Role)
def test_everybody_exports_what_they_see(role: Role) -> None:
    browser = signed_in(make_user(role=role))
    make_campaign()
    assert request(browser)["Location"] == "/exports/"
    page = shown(browser)
    assert 'hx-get="/exports/' in page
    assert "next" in page
    one = written()
    assert one.rows == (0 if role == Role.VIEWER else 1)
    assert f"/exports/{one.pk}/file/" in shown(browser)
    assert browser.get(f"/exports/{one.pk}/file/").getvalue() == content_of(one)


def test_days_and_dialects_of_the_form(as_alice: Client) -> None:
    fields = {"of": "campaign-metrics", "first_day": "2026-11-01", "last_day": "2026-11-19"}
    request(as_alice, **fields, file_format="csv:excel")
    one = Export.objects.get()
    assert (one.file_format, one.dialect) == ("csv", "excel")
    assert one.parameters == {"date_from": ["2026-11-01"], "date_to": ["2026-11-19"]}
    one.delete()
    request(as_alice, **fields | {"of": "reports/performance"}, file_format="parquet")
    assert Export.objects.get().parameters == {"first_day": ["2026-11-01"], "last_day": ["2026-11-19"]}


def test_a_form_says_what_is_wrong(as_alice: Client) -> None:
    refused = request(as_alice, first_day="2026-11-01")
    assert refused.status_code == 400
    assert "This list has no days" in refused.content.decode()
    assert request(as_alice, of="people").status_code == 400
    assert request(as_alice, file_format="pdf").status_code == 400
    backwards = request(as_alice, of="campaign-metrics", first_day="2026-11-02", last_day="2026-11-01")
    assert backwards.status_code == 400
    assert "swap them" in backwards.content.decode()
    assert not Export.objects.exists()


def test_who_waits_sees_for_how_many(as_alice: Client, alice: User) -> None:
    for of in ("campaigns", "ad-accounts"):
        export_store.take(message_of(ask(alice, of)), now=Export.objects.latest("pk").asked_at)
    ask(alice, "creatives")
    ask(alice, "sync-logs")
    page = as_alice.get("/exports/", headers={"HX-Request": "true"}).content.decode()
    assert "1 before it" in re.sub("</?data[^>]*>", "", page)
    assert page.count("being written") == 2
    assert "<html" not in page


def test_cancelling(as_alice: Client, as_bob: Client, alice: User) -> None:
    one = ask(alice, "campaigns")
    assert as_bob.post(f"/exports/{one.pk}/cancel/").status_code == 404
    assert as_alice.post(f"/exports/{one.pk}/cancel/").status_code == 302
    assert "cancelled" in shown(as_alice)
    assert "nothing to cancel" in as_alice.post(f"/exports/{one.pk}/cancel/", follow=True).content.decode()


def test_a_file_in_pieces(as_alice: Client, alice: User) -> None:
    make_campaign()
    one = export(alice, "campaigns")
    part = as_alice.get(f"/exports/{one.pk}/file/", headers={"Range": "bytes=3-"})
    assert (part.status_code, part.getvalue()) == (206, content_of(one)[3:])
    beyond = as_alice.get(f"/exports/{one.pk}/file/", headers={"Range": "bytes=99999-"})
    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{one.size_bytes}")


def test_what_is_gone_is_explained_on_the_page(as_alice: Client, alice: User) -> None:
    one = export(alice, "campaigns")
    export_store.expire(Export.objects.all())
    answer = as_alice.get(f"/exports/{one.pk}/file/", follow=True)
    assert answer.redirect_chain == [("/exports/", 302)]
    assert "no longer kept" in answer.content.decode()


# --- lists that are too long ---


@pytest.mark.parametrize("written_as", ["csv", "excel", "excel-comma", "xlsx"])
def test_a_list_that_is_too_long_leads_to_an_export(
    as_alice: Client, monkeypatch: pytest.MonkeyPatch, written_as: str
) -> None:
    monkeypatch.setattr("accounts.shell.admin_exports.MAX_DIRECT_ROWS", 1)
    for name in ("Mine;1", "Mine;2", "Other"):
        make_campaign(name=name)
    answer = as_alice.get(f"/admin/ingestion/campaign/export/{written_as}/?q=Mine")
    assert answer.status_code == 302
    asked = {name: value for name, [value] in parse_qs(urlsplit(answer["Location"]).query).items()}
    assert asked == {"of": "lists/ingestion.campaign", "as": written_as, "filters": "q=Mine"}
    page = shown(as_alice, answer["Location"])
    assert "Export campaigns" in page
    assert not AuditEvent.objects.filter(kind="exported").exists()
    assert as_alice.post("/exports/ask/", asked).status_code == 302
    one = written()
    assert (one.state, one.rows, one.rows_expected) == ("written", 2, 2)
    if written_as == "xlsx":
        assert "Mine;1" in sheets(content_of(one))[0]
    else:
        names = {row["name"] for row in csv_rows(content_of(one), ";" if written_as == "excel" else ",")}
        assert names == {"Mine;1", "Mine;2"}


def test_lists_of_people_are_for_owners(as_alice: Client, as_bob: Client) -> None:
    asked = {"of": "lists/accounts.auditevent", "as": "csv", "filters": ""}
    assert as_bob.post("/exports/ask/", asked).status_code == 400
    assert as_alice.post("/exports/ask/", asked).status_code == 302
    one = written()
    assert one.rows == 1
    User.objects.filter(email="alice@example.com").update(role="manager")
    assert "no longer see" in as_alice.get(f"/exports/{one.pk}/file/", follow=True).content.decode()


@pytest.mark.parametrize("of", ["lists/accounts.user", "lists/accounts.apitoken", "lists/nothing.atall", "people", ""])
def test_other_lists_are_not_exported(as_alice: Client, of: str) -> None:
    asked = {"of": of, "as": "csv", "filters": ""}
    assert as_alice.post("/exports/ask/", asked).status_code == 400
    assert as_alice.get("/exports/new/", asked).status_code == 400


def test_a_list_is_no_parquet(as_alice: Client) -> None:
    asked = {"of": "lists/ingestion.campaign", "as": "parquet", "filters": ""}
    assert "choose one of csv" in as_alice.post("/exports/ask/", asked).content.decode()


def test_wrong_filters_are_refused(as_alice: Client) -> None:
    asked = {"of": "lists/ingestion.campaign", "as": "csv", "filters": "nonsense=1"}
    assert as_alice.post("/exports/ask/", asked).status_code == 400


# --- CSV for Excel ---


@pytest.mark.parametrize(
    "address", ["/actions/findings.csv?dialect=excel", "/report/sections/spend/?format=csv&dialect=excel"]
)
def test_pages_write_csv_for_excel(as_alice: Client, address: str) -> None:
    content = as_alice.get(address).getvalue()
    assert content.startswith(b"\xef\xbb\xbf")
    assert b";" in content
    assert as_alice.get(address.replace("excel", "lotus")).status_code == 400


@pytest.mark.parametrize("address", ["/admin/ingestion/campaign/", "/actions/", "/report/"])
def test_pages_offer_csv_for_excel(as_alice: Client, address: str) -> None:
    make_campaign()
    page = shown(as_alice, address)
    assert "CSV for Excel" in page
    assert "excel-comma" in page


def test_days_that_are_swapped_keep_the_form(as_bob: Client) -> None:
    response = request(as_bob, of="campaign-metrics", first_day="2026-11-20", last_day="2026-11-01")
    assert response.status_code == 400
    page = response.content.decode()
    assert "The last day is before the first one; swap them." in page
    assert "2026-11-20" in page


def test_null_characters_in_filters_are_refused(as_alice: Client) -> None:
    response = as_alice.post("/exports/ask/", {"of": "lists/ingestion.campaign", "as": "csv", "filters": "q=a%00b"})
    assert response.status_code == 400
    assert not Export.objects.exists()


def test_the_audit_trail_needs_a_fresh_second_step(alice: User) -> None:
    """To be requested, and to be fetched: it names people."""
    give_app(alice)
    stale, fresh = passed(alice, seconds_ago=session.FRESH_MINUTES * 60 + 5), passed(alice)
    wanted = {"of": "lists/accounts.auditevent", "as": "csv", "filters": ""}
    assert stale.post("/exports/ask/", wanted)["Location"].startswith("/people/second-step/")
    assert not Export.objects.exists()
    assert fresh.post("/exports/ask/", wanted)["Location"] == "/exports/"
    file = f"/exports/{written().pk}/file/"
    assert stale.get(file)["Location"].startswith("/people/second-step/")
    assert fresh.get(file).getvalue().startswith(b"happened_at")
