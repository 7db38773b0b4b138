"""Every list with real requests: its whole body once, who sees what, filters, orders, pages."""

import csv
import io
import json
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import AdAccount, User
from accounts.roles import Role
from ingestion import catalogue
from ingestion.catalogue import Metric, Type
from ingestion.models import CampaignDailyMetric
from ingestion.timetable.schedules import schedule_syncs
from reporting.api.pagination import rows_after
from reporting.api.viewsets import CampaignMetrics, CreativeMetrics
from tests import builders
from tests.builders import DAY, NOW
from tests.conftest import signed_in
from tests.reporting.api.asking import error, every_row, get, token_of

pytestmark = pytest.mark.django_db

LISTS = (
    "ad-accounts", "campaigns", "creatives", "campaign-metrics", "creative-metrics", "demographics", "sync-logs",
    "rejected-records",
)  # fmt: skip


@pytest.fixture
def world(bobs_ad_account: AdAccount) -> dict[str, Any]:
    """One row of everything in Bob's ad account, and one in another's."""
    rows: dict[str, Any] = {}
    for whose, account in (("bobs", bobs_ad_account), ("other", builders.make_ad_account(name="Other"))):
        campaign = builders.make_campaign(account=account)
        creative = builders.make_creative(campaign=campaign)
        run = builders.make_sync_run(account=account)
        rows[whose] = {
            "ad-accounts": account,
            "campaigns": campaign,
            "creatives": creative,
            "campaign-metrics": builders.make_campaign_day(campaign=campaign),
            "creative-metrics": builders.make_creative_day(creative=creative),
            "demographics": builders.make_segment(account=account),
            "sync-logs": run,
            "rejected-records": builders.make_rejected_record(run=run),
        }
    return rows


def _days(date: Any = DAY) -> dict[str, Any]:
    return {
        "date": date.isoformat(), "impressions": 1000, "clicks": 20, "spend": "50.0000000000",
        "landing_page_clicks": 0, "conversions": 3, "leads": 2, "likes": 0, "comments": 0, "shares": 0, "follows": 0,
        "opens": 0, "sends": 0, "ctr_percent": "2.000000", "cpc": "2.5000000000", "fetched_at": "2026-11-20T12:00:00Z",
        "currency": "EUR",
    } | _later(catalogue.DAILY)  # fmt: skip


def _later(metrics: Iterable[Metric]) -> dict[str, Any]:
    """Metrics that came later than those spelt here, of a row that holds none."""
    later = [one for one in metrics if one in catalogue.CATALOGUE[catalogue.FIRST_METRICS :]]
    return {
        one.column: None if one.absent is None else 0 if one.type is Type.COUNT else "0.0000000000" for one in later
    }


# --- bodies ---


def test_ad_accounts(as_bob: Client, world: dict[str, Any]) -> None:
    account = world["bobs"]["ad-accounts"]
    row = {
        "id": account.pk, "name": "Bob's brand", "status": "ACTIVE", "currency": "EUR", "type": "BUSINESS",
        "is_test": False, "created_at": "2024-01-01T00:00:00Z", "fetched_at": "2026-11-20T12:00:00Z",
        "missing_since": None,
    }  # fmt: skip
    assert get(as_bob, "ad-accounts") == {"count": 1, "next": None, "previous": None, "results": [row]}
    assert get(as_bob, f"ad-accounts/{account.pk}") == row


def test_campaigns(as_bob: Client, world: dict[str, Any]) -> None:
    one = world["bobs"]["campaigns"]
    [row] = get(as_bob, "campaigns")["results"]
    assert row == get(as_bob, f"campaigns/{one.pk}")
    assert row == {
        "id": one.pk, "ad_account_id": one.account_id, "name": one.name, "status": "ACTIVE",
        "type": "SPONSORED_UPDATES", "objective": "WEBSITE_VISIT", "format": None,
        "cost_type": "CPC", "bid_strategy": None, "unit_cost": "4.5000000000",
        "daily_budget": "50.0000000000", "daily_budget_currency": "EUR",
        "total_budget": None, "total_budget_currency": None, "creative_selection": None,
        "offsite_delivery_enabled": None, "audience_expansion_enabled": None, "campaign_group_urn": None,
        "serving_statuses": None, "run_schedule_start_at": None, "run_schedule_end_at": None, "created_at": None,
        "last_modified_at": None, "fetched_at": "2026-11-20T12:00:00Z", "missing_since": None,
    }  # fmt: skip


def test_creatives(as_bob: Client, world: dict[str, Any]) -> None:
    one = world["bobs"]["creatives"]
    [row] = get(as_bob, "creatives")["results"]
    assert row == get(as_bob, f"creatives/{one.pk}")
    assert row == {
        "id": one.pk, "ad_account_id": one.account_id, "campaign_id": one.campaign_id,
        "creative_name": one.content_name, "intended_status": "ACTIVE", "is_serving": True,
        "review_status": "APPROVED", "serving_hold_reasons": None, "content_reference": None,
        "created_at": None, "last_modified_at": None, "fetched_at": "2026-11-20T12:00:00Z", "missing_since": None,
    }  # fmt: skip


_UNTIL_YESTERDAY = [{"first_day": "2026-08-22", "last_day": "2026-11-19"}]
_TODAY = {"first_day": "2026-11-20", "last_day": "2026-11-20"}
COVERAGE = {
    "first_day": "2026-08-22", "last_day": "2026-11-20", "is_whole": False, "is_complete": False,
    "stored_since": "2026-08-22", "stored": _UNTIL_YESTERDAY, "missing": [_TODAY], "complete": _UNTIL_YESTERDAY,
}  # fmt: skip


def test_campaign_metrics(as_bob: Client, world: dict[str, Any]) -> None:
    campaign = world["bobs"]["campaigns"]
    row = _days() | {"campaign_id": campaign.pk, "ad_account_id": campaign.account_id}
    assert get(as_bob, "campaign-metrics") == {
        "next": None,
        "data_as_of": "2026-11-20T11:59:00Z",
        "complete_through": "2026-11-19",
        "coverage": COVERAGE,
        "results": [row],
    }


def test_creative_metrics(as_bob: Client, world: dict[str, Any]) -> None:
    creative = world["bobs"]["creatives"]
    row = _days() | {
        "creative_id": creative.pk, "campaign_id": creative.campaign_id, "ad_account_id": creative.account_id,
    }  # fmt: skip
    assert get(as_bob, "creative-metrics") == {
        "next": None,
        "data_as_of": "2026-11-20T11:59:00Z",
        "complete_through": "2026-11-19",
        "coverage": COVERAGE,
        "results": [row],
    }


def test_demographics(as_bob: Client, world: dict[str, Any]) -> None:
    one = world["bobs"]["demographics"]
    assert get(as_bob, "demographics")["results"] == [
        {
            "month_start": "2026-11-01", "last_day_counted": "2026-11-19", "ad_account_id": one.account_id,
            "pivot_type": "job_title", "segment": one.segment, "segment_name": one.segment_name, "currency": "EUR",
            "impressions": 100, "clicks": 2, "spend": "5.0000000000", "conversions": 0, "leads": 0,
            "ctr_percent": "2.000000", "share_percent": "10.000000", "fetched_at": "2026-11-20T12:00:00Z",
        } | _later(catalogue.DEMOGRAPHIC)
    ]  # fmt: skip


def test_sync_logs(as_bob: Client, world: dict[str, Any]) -> None:
    run = world["bobs"]["sync-logs"]
    [row] = get(as_bob, "sync-logs")["results"]
    assert row == get(as_bob, f"sync-logs/{run.pk}")
    assert row == {
        "id": run.pk, "ad_account_id": run.account_id, "status": "success", "trigger": "schedule", "forced": False,
        "started_at": "2026-11-20T11:59:00Z", "finished_at": "2026-11-20T12:00:00Z", "first_day": "2026-08-22",
        "last_day": "2026-11-20", "campaigns_fetched": 0, "creatives_fetched": 0, "api_calls_made": 0,
        "api_calls_throttled": 0, "rows_stored": 0, "rows_rejected": 0, "error_kind": None, "errors": None,
        "notes": None, "reason": "", "progress": {}, "heartbeat_at": "2026-11-20T12:00:00Z",
    }  # fmt: skip


def test_rejected_records(as_bob: Client, world: dict[str, Any]) -> None:
    one = world["bobs"]["rejected-records"]
    [row] = get(as_bob, "rejected-records")["results"]
    assert row == get(as_bob, f"rejected-records/{one.pk}")
    assert row == {
        "id": one.pk, "run_id": one.run_id, "ad_account_id": one.account_id, "endpoint": "adCampaigns",
        "reason": "id: not a whole number", "payload": {"id": "not a number", "name": "<b>Größe</b>"},
        "created_at": "2026-11-20T12:00:00Z",
    }  # fmt: skip


def test_connections_without_their_tokens(as_alice: Client, alice: User) -> None:
    one = builders.make_connection(user=alice, member_urn="urn:li:person:abc")
    row = {
        "id": one.pk, "person": "alice@example.com", "state": "active", "scopes": ["r_ads", "r_ads_reporting"],
        "consent_ends_at": "2027-11-10T12:00:00Z", "access_token_expires_at": "2027-01-09T12:00:00Z",
        "connected_at": "2026-11-10T12:00:00Z", "refreshed_at": None, "trouble": None,
    }  # fmt: skip
    assert get(as_alice, "connections") == {"count": 1, "next": None, "previous": None, "results": [row]}
    assert get(as_alice, f"connections/{one.pk}") == row


def test_schedules(as_alice: Client, bobs_ad_account: AdAccount) -> None:
    schedule_syncs([bobs_ad_account.pk], now=NOW)
    wanted = f"Sync ad account {bobs_ad_account.pk}"
    [row] = [one for one in get(as_alice, "schedules", page_size=1000)["results"] if one["name"] == wanted]
    assert row.pop("last_run_at") <= "2026-11-20T12:00:00Z"
    assert get(as_alice, f"schedules/{row['id']}")["id"] == row.pop("id")
    assert row == {
        "name": wanted,
        "task": "ingestion.tasks.sync_ad_account",
        "ad_account_id": bobs_ad_account.pk,
        "every": "every 60 minutes",
        "enabled": True,
        "total_run_count": 0,
    }


# --- who ---


@pytest.mark.parametrize("path", LISTS)
def test_who_sees_which_rows(world: dict[str, Any], bob: User, charlie: User, path: str) -> None:
    seen = {Role.ANALYST: 2, Role.MANAGER: 2, Role.OWNER: 2}
    for role, number in seen.items():
        assert len(get(signed_in(builders.make_user(role=role)), path)["results"]) == number, role
    assert len(get(signed_in(bob), path)["results"]) == 1
    assert get(signed_in(charlie), path)["results"] == []
    stranger = Client().get(f"/api/v1/{path}")
    assert error(stranger)[:2] == (401, "not_authenticated")


@pytest.mark.parametrize("path", ["ad-accounts", "campaigns", "creatives", "sync-logs", "rejected-records"])
def test_rows_of_other_ad_accounts_are_not_found(as_bob: Client, world: dict[str, Any], path: str) -> None:
    response = as_bob.get(f"/api/v1/{path}/{world['other'][path].pk}")
    assert error(response)[:2] == (404, "not_found")
    assert as_bob.get(f"/api/v1/{path}/{world['bobs'][path].pk}").status_code == 200


def test_discoveries_are_for_those_who_see_every_ad_account(as_alice: Client, as_bob: Client) -> None:
    run = builders.make_sync_run(account=None)
    assert [one["id"] for one in get(as_alice, "sync-logs")["results"]] == [run.pk]
    assert get(as_bob, "sync-logs")["results"] == []


@pytest.mark.parametrize("path", ["connections", "schedules"])
@pytest.mark.parametrize(
    ("role", "status"), [(Role.VIEWER, 403), (Role.ANALYST, 403), (Role.MANAGER, 200), (Role.OWNER, 200)]
)
def test_who_sees_connections_and_the_timetable(path: str, role: Role, status: int) -> None:
    person = builders.make_user(role=role)
    assert signed_in(person).get(f"/api/v1/{path}").status_code == status
    assert Client().get(f"/api/v1/{path}", headers=token_of(person)).status_code == status


# --- filters, fields, orders ---


@pytest.mark.parametrize(
    ("path", "filters", "number"),
    [
        ("ad-accounts", {"name": "BOB"}, 1),
        ("ad-accounts", {"search": "other"}, 1),
        ("ad-accounts", {"status": "ACTIVE,DRAFT", "currency": "EUR"}, 2),
        ("ad-accounts", {"currency": "USD"}, 0),
        ("ad-accounts", {"missing": "true"}, 0),
        ("ad-accounts", {"missing": "false"}, 2),
        ("ad-accounts", {"fetched_at_from": "2026-11-20T12:00:01Z"}, 0),
        ("ad-accounts", {"fetched_at_from": "2026-11-20T12:00:00Z"}, 2),
        ("campaigns", {"status": "PAUSED"}, 0),
        ("campaigns", {"objective": "WEBSITE_VISIT"}, 2),
        ("creatives", {"review_status": "APPROVED", "is_serving": "true"}, 2),
        ("creatives", {"is_serving": "false"}, 0),
        ("campaign-metrics", {"date_from": "2026-11-19", "date_to": "2026-11-19"}, 2),
        ("campaign-metrics", {"date_from": "2026-11-20"}, 0),
        ("campaign-metrics", {"date_to": "2026-11-18"}, 0),
        ("creative-metrics", {"fetched_at_from": "2026-11-20T12:00:01Z"}, 0),
        ("demographics", {"pivot_type": "job_title,seniority", "month_start_from": "2026-11-01"}, 2),
        ("demographics", {"pivot_type": "industry"}, 0),
        ("demographics", {"month_start_to": "2026-10-01"}, 0),
        ("sync-logs", {"status": "failed,partial"}, 0),
        ("sync-logs", {"status": "success", "started_at_from": "2026-11-20T11:59:00Z"}, 2),
        ("sync-logs", {"started_at_before": "2026-11-20T11:59:00Z"}, 0),
        ("rejected-records", {"endpoint": "adCampaigns"}, 2),
        ("rejected-records", {"endpoint": "creatives"}, 0),
    ],
)
def test_filters(as_alice: Client, world: dict[str, Any], path: str, filters: dict[str, str], number: int) -> None:
    assert len(get(as_alice, path, **filters)["results"]) == number


def test_filters_by_id(as_alice: Client, world: dict[str, Any]) -> None:
    bobs = world["bobs"]
    of_account = {"ad_account_id": f"{bobs['ad-accounts'].pk},{bobs['ad-accounts'].pk}"}
    for path in LISTS[1:]:
        assert len(get(as_alice, path, **of_account)["results"]) == 1, path
    of_campaign = {"campaign_id": bobs["campaigns"].pk}
    for path in ("creatives", "campaign-metrics", "creative-metrics"):
        assert len(get(as_alice, path, **of_campaign)["results"]) == 1, path
    assert len(get(as_alice, "creative-metrics", creative_id=bobs["creatives"].pk)["results"]) == 1
    assert len(get(as_alice, "creatives", search=bobs["creatives"].pk)["results"]) == 1
    assert len(get(as_alice, "campaigns", search=bobs["campaigns"].pk)["results"]) == 1
    assert len(get(as_alice, "rejected-records", run_id=bobs["sync-logs"].pk)["results"]) == 1


@pytest.mark.parametrize(
    ("path", "parameters", "field"),
    [
        ("campaigns", {"acount_id": "1"}, "acount_id"),
        ("campaigns", {"ad_account_id": "one"}, "ad_account_id"),
        ("campaigns", {"ad_account_id": str(2**63)}, "ad_account_id"),
        ("campaigns", {"fields": "id,colour"}, "fields"),
        ("campaigns", {"order": "spend"}, "order"),
        ("campaigns", {"page_size": "1001"}, "page_size"),
        ("campaigns", {"page_size": "many"}, "page_size"),
        ("campaigns", {"name": "a\0b"}, "name"),
        ("sync-logs", {"status": "great"}, "status"),
        ("campaign-metrics", {"date_from": "yesterday"}, "date_from"),
        ("campaign-metrics", {"cursor": "nonsense"}, "cursor"),
        ("campaign-metrics", {"cursor": "WyJkYXRlIiwxLDJd"}, "cursor"),
        ("campaign-metrics", {"page": "2"}, "page"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_name(
    as_alice: Client, path: str, parameters: dict[str, str], field: str
) -> None:
    response = as_alice.get(f"/api/v1/{path}", parameters)
    assert (response.status_code, response.json()["field"]) == (400, field)


def test_only_some_fields(as_alice: Client, world: dict[str, Any]) -> None:
    campaign = world["bobs"]["campaigns"]
    found = get(as_alice, "campaign-metrics", fields="ad_account_id,clicks", campaign_id=campaign.pk)
    assert found["results"] == [{"ad_account_id": campaign.account_id, "clicks": 20}]
    assert get(as_alice, f"campaigns/{campaign.pk}", fields="name") == {"name": campaign.name}


# --- pages ---


@pytest.mark.exhaustive
@pytest.mark.parametrize("view", [CampaignMetrics, CreativeMetrics])
@pytest.mark.parametrize("viewer", [True, False])
@pytest.mark.parametrize("days", [5, 3])
def test_pages_of_figures_hold_every_row_once_in_every_order(
    alice: User, bob: User, bobs_ad_account: AdAccount, view: Any, viewer: bool, days: int
) -> None:
    """Many rows share a day and many a campaign, and one vanishes while somebody reads."""
    is_campaigns = view is CampaignMetrics
    path = "campaign-metrics" if is_campaigns else "creative-metrics"
    key = "campaign_id" if is_campaigns else "creative_id"
    expected = set()
    for _ in range(4):
        campaign = builders.make_campaign(account=bobs_ad_account)
        thing = campaign if is_campaigns else builders.make_creative(campaign=campaign)
        for back in range(5):
            date = DAY - timedelta(days=back)
            make = builders.make_campaign_day if is_campaigns else builders.make_creative_day
            make(**{key.removesuffix("_id"): thing}, date=date)
            if back < days:
                expected.add((thing.pk, date.isoformat()))
    client = signed_in(bob if viewer else alice)
    # Asked for only some days, the cursor is compared column by column.
    narrowed = {"date_from": (DAY - timedelta(days=days - 1)).isoformat()} if days < 5 else {}
    for name, order in view.orders.items():
        rows = every_row(client, path, order=name, page_size=3, fields=f"date,{key}", **narrowed)
        places = [(row[key], row["date"]) for row in rows]
        assert len(places) == 4 * days
        assert set(places) == expected
        sorted_by = [tuple(row[column] for column in order.columns) for row in rows]
        assert sorted_by == sorted(sorted_by, reverse=order.descending), name


def test_a_row_that_goes_between_two_pages_hides_no_other(as_alice: Client) -> None:
    campaign = builders.make_campaign()
    rows = [builders.make_campaign_day(campaign=campaign, date=DAY - timedelta(days=back)) for back in range(4, -1, -1)]
    first = get(as_alice, "campaign-metrics", page_size=2)
    rows[0].delete()
    second = as_alice.get(first["next"]).json()
    assert [row["date"] for row in second["results"]] == [row.date.isoformat() for row in rows[2:4]]


def test_pages_of_segments_hold_every_row_once(as_alice: Client, bobs_ad_account: AdAccount) -> None:
    made = [builders.make_segment(account=bobs_ad_account) for _ in range(7)]
    rows = every_row(as_alice, "demographics", page_size=2)
    assert sorted(row["segment"] for row in rows) == sorted(one.segment for one in made)


def test_pages_by_number(as_alice: Client) -> None:
    account = builders.make_ad_account()
    made = [builders.make_campaign(account=account).pk for _ in range(5)]
    assert [row["id"] for row in every_row(as_alice, "campaigns", page_size=2)] == made
    assert [row["id"] for row in every_row(as_alice, "campaigns", page_size=2, order="-id")] == made[::-1]
    assert error(as_alice.get("/api/v1/campaigns?page=9"))[0] == 404


def test_a_cursor_of_another_order_is_refused(as_alice: Client) -> None:
    campaign = builders.make_campaign()
    for back in range(3):
        builders.make_campaign_day(campaign=campaign, date=DAY - timedelta(days=back))
    address = get(as_alice, "campaign-metrics", page_size=1)["next"]
    assert as_alice.get(f"{address}&order=-date").status_code == 400


@pytest.mark.parametrize("path", LISTS)
def test_lists_ask_as_many_questions_for_many_rows_as_for_few(
    world: dict[str, Any], bob: User, django_assert_max_num_queries: Any, path: str
) -> None:
    """With the session and its person, the state of the data, a savepoint and its end, the limit, and the rows.

    Daily figures also need which ad accounts they are of, and which days of these are stored.
    """
    account = world["bobs"]["ad-accounts"]
    for _ in range(10):
        creative = builders.make_creative(campaign=builders.make_campaign(account=account))
        builders.make_campaign_day(campaign=creative.campaign)
        builders.make_creative_day(creative=creative)
        builders.make_segment(account=account)
        builders.make_rejected_record(run=builders.make_sync_run(account=account))
        builders.make_access(user=bob)
    client = signed_in(bob)
    with django_assert_max_num_queries(15) as asked:
        assert len(get(client, path)["results"]) == 11
    assert len(asked) >= 8


def test_money_is_exact(as_alice: Client) -> None:
    builders.make_campaign_day(spend=Decimal("12345678.0123456789"))
    assert get(as_alice, "campaign-metrics")["results"][0]["spend"] == "12345678.0123456789"


# --- keeping a copy ---


def test_a_copy_misses_no_row_of_a_sync_that_ran_while_it_was_made(
    as_alice: Client, bobs_ad_account: AdAccount
) -> None:
    """Rows bear the instant at which their sync began, which is before somebody asked who did not see them."""
    builders.make_sync_run(account=bobs_ad_account, started_at=NOW - timedelta(hours=2))
    as_of = get(as_alice, "campaign-metrics")["data_as_of"]
    began = NOW - timedelta(minutes=1)
    campaign = builders.make_campaign(account=bobs_ad_account)
    builders.make_campaign_day(campaign=campaign, fetched_at=began)
    builders.make_sync_run(account=bobs_ad_account, started_at=began, finished_at=NOW + timedelta(hours=1))
    changed = get(as_alice, "campaign-metrics", fetched_at_from=as_of)
    assert [row["campaign_id"] for row in changed["results"]] == [campaign.pk]
    assert get(as_alice, "campaign-metrics", fetched_at_from=changed["data_as_of"])["results"] == changed["results"]


@pytest.fixture
def many_days() -> list[int]:
    """Enough rows for PostgreSQL to prefer an index; gives the ids of their campaigns."""
    campaigns = [builders.make_campaign() for _ in range(40)]
    CampaignDailyMetric.objects.bulk_create(
        CampaignDailyMetric(campaign=campaign, date=DAY - timedelta(days=back), fetched_at=NOW - timedelta(days=9))
        for campaign in campaigns
        for back in range(500)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE campaign_daily_metrics")
    return [campaign.pk for campaign in campaigns]


def test_what_changed_is_found_without_reading_the_table(many_days: list[int]) -> None:
    since = CampaignDailyMetric.objects.filter(fetched_at__gte=NOW)
    assert "campaign_days_by_change" in since.order_by("campaign_id", "date")[:101].explain()


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("campaign_id", "Index Cond: (ROW(campaign_id, date) > ROW("),
        ("-campaign_id", "Index Cond: (ROW(campaign_id, date) < ROW("),
        # The index of days holds no campaigns: those of one day are sorted.
        ("date", "Index Cond: (date >= '"),
        ("-date", "Index Cond: (date <= '"),
    ],
)
def test_a_page_deep_in_a_list_begins_in_an_index(many_days: list[int], name: str, begins: str) -> None:
    order = CampaignMetrics.orders[name]
    last = {"campaign_id": many_days[20], "date": DAY - timedelta(days=250)}
    values = [last[column] for column in order.columns]
    rows = CampaignDailyMetric.objects.filter(rows_after(order, values, skips=False)).order_by(*order.order_by)
    plan = rows[:101].explain()
    assert begins in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("path", ["campaign-metrics", "creative-metrics", "demographics"])
def test_there_is_no_ratio_without_a_divisor(as_alice: Client, path: str) -> None:
    """In lists and files: 0 would be a click rate."""
    creative = builders.make_creative(campaign=builders.make_campaign())
    builders.make_campaign_day(campaign=creative.campaign, impressions=0, clicks=0)
    builders.make_creative_day(creative=creative, impressions=0, clicks=0)
    builders.make_segment(account=creative.account, impressions=0, clicks=0)
    ratios = {"ctr_percent"} if path == "demographics" else {"ctr_percent", "cpc"}
    [row] = get(as_alice, path)["results"]
    files: dict[str, Any] = {name: as_alice.get(f"/api/v1/{path}", {"format": name}) for name in ("csv", "ndjson")}
    [line] = csv.DictReader(io.StringIO(b"".join(files["csv"].streaming_content).decode()))
    in_json = json.loads(b"".join(files["ndjson"].streaming_content))
    for name in ratios:
        assert row[name] is in_json[name] is None
        assert line[name] == ""
