"""Lists as files: whole, narrowed to what the person may see, harmless to spreadsheets, on record."""

import csv
import io
import zipfile
from typing import Any
from xml.etree import ElementTree

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.admin.base import FactAdmin
from accounts.models import AdAccount, AuditEvent
from tests.builders import make_ad_account, make_campaign, make_campaign_day

pytestmark = pytest.mark.django_db

FACTS = [model for model, one in admin.site._registry.items() if isinstance(one, FactAdmin)]


def address(model: str, file_format: str = "csv", app: str = "ingestion") -> str:
    return reverse(f"admin:{app}_{model}_export", args=[file_format])


def read(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.getvalue().decode())))


def cells(response: Any) -> list[list[str]]:
    """The first sheet of a spreadsheet, as text; constant memory writes text in place."""
    assert response.status_code == 200
    sheet = zipfile.ZipFile(io.BytesIO(response.getvalue())).read("xl/worksheets/sheet1.xml")
    name = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    rows = ElementTree.fromstring(sheet).iter(f"{name}row")
    assert b"<f>" not in sheet
    return [["".join(cell.itertext()) for cell in row.iter(f"{name}c")] for row in rows]


@pytest.mark.parametrize("model", FACTS, ids=lambda model: model._meta.label)
@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_every_table_is_a_file(as_alice: Client, model: Any, file_format: str) -> None:
    name, app = model._meta.model_name, model._meta.app_label
    response = as_alice.get(address(name, file_format, app))
    assert response.status_code == 200
    assert response["Content-Disposition"] == f'attachment; filename="{model._meta.db_table}.{file_format}"'
    assert response.getvalue()
    page = as_alice.get(reverse(f"admin:{app}_{name}_changelist")).content.decode()
    assert f'href="{address(name, file_format, app)}' in page


def test_columns_are_the_tables_and_money_stands_beside_its_currency(as_alice: Client) -> None:
    ad_account = make_ad_account(name="Ours", currency="SEK")
    row = make_campaign_day(campaign=make_campaign(account=ad_account, name="=1+1"), spend="1234.567")
    (exported,) = read(as_alice.get(address("campaigndailymetric")))
    assert {name: exported[name] for name in ("id", "campaign_id", "date", "spend", "ctr", "cpc")} == {
        "id": str(row.pk),
        "campaign_id": str(row.campaign_id),
        "date": "2026-11-19",
        "spend": "1234.5670000000",
        "ctr": "2.000000",
        "cpc": "61.7283500000",
    }
    assert (exported["currency"], exported["campaign_name"], exported["account_name"]) == ("SEK", "'=1+1", "Ours")


def test_a_spreadsheet_holds_numbers_and_no_formula(as_alice: Client) -> None:
    make_campaign(name="=HYPERLINK(1)", daily_budget="55.5")
    header, row = cells(as_alice.get(address("campaign", "xlsx")))
    assert header[:3] == ["id", "account_id", "name"]
    assert row[2] == "=HYPERLINK(1)"
    assert "55.5" in row


def test_a_file_is_narrowed_like_its_list(as_alice: Client) -> None:
    ours, theirs = make_ad_account(), make_ad_account()
    campaign = make_campaign(account=ours, name="Mine")
    make_campaign(account=theirs)
    for query in ({"ad_account": ours.pk}, {"q": "Mine"}):
        assert [row["id"] for row in read(as_alice.get(address("campaign"), query))] == [str(campaign.pk)]


def test_a_viewer_takes_away_what_they_may_see(as_bob: Client, as_charlie: Client, bobs_ad_account: AdAccount) -> None:
    mine = make_campaign(account=bobs_ad_account)
    make_campaign()
    assert [row["id"] for row in read(as_bob.get(address("campaign")))] == [str(mine.pk)]
    assert read(as_charlie.get(address("campaign"))) == []
    event = AuditEvent.objects.filter(kind="exported").order_by("pk").first()
    assert event is not None
    assert event.actor_email == "bob@example.com"
    assert event.detail == {"what": "campaigns (campaigns)", "rows": 1, "filters": {}}


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_too_many_rows_to_wait_for_lead_to_an_export(
    as_alice: Client, monkeypatch: pytest.MonkeyPatch, file_format: str
) -> None:
    monkeypatch.setattr("accounts.shell.admin_exports.MAX_DIRECT_ROWS", 1)
    make_campaign()
    make_campaign()
    response = as_alice.get(address("campaign", file_format), {"status": "ACTIVE"}, follow=True)
    assert response.redirect_chain[0][0].startswith("/exports/new/?of=lists%2Fingestion.campaign")
    assert "A worker writes such a file" in response.content.decode()
    assert not AuditEvent.objects.filter(kind="exported").exists()


@pytest.mark.django_db(transaction=True)
def test_one_person_has_a_few_downloads_at_once(as_alice: Client, settings: Any) -> None:
    settings.DOWNLOADS_AT_ONCE = 1
    make_campaign()
    first = as_alice.get(address("campaign"))
    refused = as_alice.get(address("campaign"), {"status": "ACTIVE"}, follow=True)
    assert refused.redirect_chain[0][0].endswith("/campaign/?status=ACTIVE")
    assert "Wait until one of them has ended" in refused.content.decode()
    first.close()
    assert as_alice.get(address("campaign")).status_code == 200


def test_other_formats_do_not_exist(as_alice: Client) -> None:
    assert as_alice.get(address("campaign", "exe")).status_code == 404
