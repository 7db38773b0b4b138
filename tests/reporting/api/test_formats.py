"""Files: the same rows as the pages, no formulas, on record, limited, streamed."""

import csv
import io
import json
import tracemalloc
from datetime import timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AdAccount, AuditEvent, User
from accounts.shell.downloads import safe_cell
from reporting.api import files
from reporting.api.files import Lines
from tests import builders
from tests.builders import DAY, NOW
from tests.reporting.api.asking import error, get

pytestmark = pytest.mark.django_db

LISTS = (
    "ad-accounts", "campaigns", "creatives", "campaign-metrics", "creative-metrics", "demographics", "sync-logs",
    "rejected-records",
)  # fmt: skip
FORMULA = "=HYPERLINK(1)"


@pytest.fixture
def world(db: None) -> None:
    account = builders.make_ad_account(name=FORMULA)
    campaign = builders.make_campaign(account=account, name='Größe, "quoted"\nand more', serving_statuses=["A", "B"])
    creative = builders.make_creative(campaign=campaign, content_name="+1")
    builders.make_campaign_day(campaign=campaign)
    builders.make_creative_day(creative=creative)
    builders.make_segment(account=account, segment_name="@team")
    builders.make_rejected_record(run=builders.make_sync_run(account=account, errors="-1"))


def body(response: Any) -> bytes:
    assert response.status_code == 200, response.content
    assert response.streaming
    return response.getvalue()


def file_of(client: Client, path: str, file_format: str, **parameters: Any) -> bytes:
    return body(client.get(f"/api/v1/{path}", {"format": file_format, **parameters}))


@pytest.mark.parametrize("path", LISTS)
def test_ndjson_holds_what_the_pages_hold(as_alice: Client, world: None, path: str) -> None:
    lines = file_of(as_alice, path, "ndjson").decode().splitlines()
    assert [json.loads(line) for line in lines] == get(as_alice, path)["results"]


@pytest.mark.parametrize("path", LISTS)
def test_csv_from_postgresql_is_what_python_would_write(as_alice: Client, world: None, path: str) -> None:
    """Two ways to one file: text that is a formula defused, instants, lists and objects spelt alike."""
    [row] = get(as_alice, path)["results"]
    header, line = csv.reader(io.StringIO(file_of(as_alice, path, "csv").decode(), newline=""))
    assert header == list(row)
    model = {"ad-accounts": "ad_accounts"}.get(path, path)
    by_hand = files.download("csv", Lines(model, list(row), [_values(row)])).getvalue()
    assert line == list(csv.reader(io.StringIO(by_hand.decode(), newline="")))[1]


def _values(row: dict[str, Any]) -> list[Any]:
    return [_as_stored(value) for value in row.values()]


def _as_stored(value: Any) -> Any:
    is_instant = isinstance(value, str) and value[10:11] == "T" and value.endswith("Z")
    return f"{value[:19]}Z" if is_instant else value


def test_no_cell_is_a_formula(as_alice: Client, world: None) -> None:
    [row] = csv.DictReader(io.StringIO(file_of(as_alice, "ad-accounts", "csv").decode()))
    assert row["name"] == f"'{FORMULA}"
    with ZipFile(io.BytesIO(file_of(as_alice, "ad-accounts", "xlsx"))) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert FORMULA in sheet
    assert "<f>" not in sheet


def test_a_spreadsheet_holds_numbers_days_and_ids(as_alice: Client, world: None) -> None:
    with ZipFile(io.BytesIO(file_of(as_alice, "campaign-metrics", "xlsx", fields="date,campaign_id,spend"))) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == 2
    assert "<v>50</v>" in sheet
    assert f"<v>{(DAY.toordinal() - 693594)}</v>" in sheet


def test_reports_are_files_too(as_alice: Client, world: None) -> None:
    question = {"first_day": "2026-11-19", "last_day": "2026-11-19", "metrics": "clicks,cpc", "compare": "previous"}
    text = file_of(as_alice, "reports/performance", "csv", group_by="ad_account", **question).decode()
    [row] = csv.DictReader(io.StringIO(text))
    assert (row["label"], row["clicks"], row["cpc"], row["before_clicks"], row["change_percent_clicks"]) == (
        f"'{FORMULA}", "20", "2.5000000000", "0", "",
    )  # fmt: skip
    [line] = file_of(as_alice, "reports/demographics", "ndjson", pivot_type="job_title").decode().splitlines()
    assert (json.loads(line)["segment_name"], json.loads(line)["spend"]) == ("@team", "5.0000000000")


def test_a_viewer_exports_what_they_see(as_bob: Client, as_charlie: Client, world: None) -> None:
    assert len(file_of(as_bob, "ad-accounts", "csv").splitlines()) == 2
    for path in LISTS:
        assert len(file_of(as_charlie, path, "csv").splitlines()) == 1, path
        assert file_of(as_charlie, path, "ndjson") == b""
        assert file_of(as_charlie, path, "xlsx").startswith(b"PK")


def test_an_export_is_on_record(as_alice: Client, alice: User, world: None) -> None:
    get(as_alice, "campaigns")
    assert not AuditEvent.objects.filter(kind="exported").exists()
    file_of(as_alice, "campaigns", "csv", status="ACTIVE")
    event = AuditEvent.objects.get(kind="exported")
    assert (event.actor_id, event.detail) == (
        alice.pk,
        {"what": "campaigns as CSV", "filters": {"format": ["csv"], "status": ["ACTIVE"]}},
    )


def test_the_kind_of_file_can_be_asked_for_by_header(as_alice: Client, world: None) -> None:
    response = as_alice.get("/api/v1/campaigns", headers={"Accept": "text/csv"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="campaigns.csv"'
    assert body(response).startswith(b"id,ad_account_id,name,")


def test_errors_stay_json(as_alice: Client) -> None:
    response = as_alice.get("/api/v1/campaigns?format=csv&order=colour")
    assert (error(response)[0], response["Content-Type"]) == (400, "application/problem+json")
    assert error(Client().get("/api/v1/campaigns?format=csv"))[0] == 401
    unknown = as_alice.get("/api/v1/campaigns?format=pdf")
    assert (unknown.status_code, unknown.json()["field"]) == (400, "format")


def test_csv_comes_while_queries_are_logged(as_alice: Client, world: None) -> None:
    with CaptureQueriesContext(connection):
        assert len(file_of(as_alice, "ad-accounts", "csv").splitlines()) == 2


@pytest.mark.exhaustive
def test_memory_does_not_grow_with_the_rows_of_a_report() -> None:
    """Two hundred thousand cells are some 20 MB where they are all kept."""
    rows = ([number, f"Campaign {number}", DAY, None, True] for number in range(40_000))
    tracemalloc.start()
    response: Any = files.download("ndjson", Lines("many", ["id", "name", "day", "nothing", "is_so"], rows))
    size = sum(len(chunk) for chunk in response.streaming_content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 300_000
    assert peak < 4_000_000


@pytest.mark.parametrize("path", ["campaign-metrics", "demographics", "reports/performance", "reports/demographics"])
def test_files_of_figures_say_how_recent_they_are(as_alice: Client, bobs_ad_account: AdAccount, path: str) -> None:
    builders.make_sync_run(account=bobs_ad_account)
    answer = get(as_alice, path)
    for file_format in ("csv", "ndjson", "xlsx"):
        response: Any = as_alice.get(f"/api/v1/{path}?format={file_format}")
        assert response.getvalue() is not None
        assert response["Data-As-Of"] == answer["data_as_of"] == "2026-11-20T11:59:00Z"
        assert response["Complete-Through"] == answer["complete_through"]
    assert not as_alice.get("/api/v1/campaigns?format=csv").has_header("Data-As-Of")


def test_json_from_postgresql_escapes_what_must_be(as_alice: Client) -> None:
    """Quotes, backslashes, what COPY itself would escape and the two characters that stand around its lines."""
    name = '"quoted" \\ back\\nslash \t\n\r \x01\x02\x1f \x7f \u2028 Größe 🎯 \\.'
    campaign = builders.make_campaign(name=name)
    [line] = file_of(as_alice, "campaigns", "ndjson").split(b"\n")[:-1]
    assert json.loads(line)["name"] == name
    assert line.startswith(f'{{"id":{campaign.pk},"ad_account_id":'.encode())


@pytest.mark.parametrize("microsecond", [0, 5, 120_000])
def test_instants_have_the_places_they_have(as_alice: Client, microsecond: int) -> None:
    builders.make_ad_account(fetched_at=NOW.replace(microsecond=microsecond))
    [row] = get(as_alice, "ad-accounts")["results"]
    assert json.loads(file_of(as_alice, "ad-accounts", "ndjson"))["fetched_at"] == row["fetched_at"]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "plain",
        "a=b",
        "ö=",
        " =1",
        "",
        'x;=1|"=2',
        "x\r\n-\n@",
        "＝,＠",
        "a\n＝1",
        "x\t=1",
        "-",
        "ö;+1",
    ],
)
def test_postgresql_defuses_what_python_defuses(as_alice: Client, text: str) -> None:
    builders.make_ad_account(name=text)
    body = file_of(as_alice, "ad-accounts", "csv", fields="name").decode()
    assert list(csv.reader(io.StringIO(body, newline="")))[1:] == ([[safe_cell(text)]] if text else [[""]])


def test_figures_are_in_order_where_somebody_asks(as_alice: Client) -> None:
    """And only there: millions of rows come faster as they lie."""
    campaign = builders.make_campaign()
    for day in (DAY, DAY - timedelta(days=2), DAY - timedelta(days=1)):
        builders.make_campaign_day(campaign=campaign, date=day)
    for order, is_reversed in (("date", False), ("-date", True)):
        lines = file_of(as_alice, "campaign-metrics", "csv", fields="date", order=order).decode().split()[1:]
        assert lines == sorted(lines, reverse=is_reversed)
        assert len(lines) == 3
    with CaptureQueriesContext(connection) as asked:
        file_of(as_alice, "campaign-metrics", "xlsx")
        file_of(as_alice, "campaigns", "xlsx")
    reads = [one["sql"] for one in asked if 'FROM "campaign' in one["sql"] and "COUNT(*)" not in one["sql"]]
    assert ["ORDER BY" in sql for sql in reads] == [False, True]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("file_format", ["csv", "ndjson"])
def test_who_stops_reading_frees_the_connection(as_alice: Client, file_format: str) -> None:
    """Megabytes are left to send; the statement ends, and the next one is served."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ad_accounts (id, name, currency, status, type, is_test, fetched_at)"
            " SELECT number, repeat('n', 200), 'USD', '', '', false, now() FROM generate_series(1, 30000) AS number"
        )
    response: Any = as_alice.get("/api/v1/ad-accounts", {"format": file_format})
    chunks = iter(response.streaming_content)
    assert next(chunks)
    assert next(chunks)
    backend: Any = connection.connection
    assert backend.info.transaction_status.name == "ACTIVE"
    response.close()
    # Closed altogether where it is older than CONN_MAX_AGE.
    assert backend.info.transaction_status.name in {"IDLE", "UNKNOWN"}
    assert AdAccount.objects.count() == 30_000
