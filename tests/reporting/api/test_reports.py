"""Reports over the API: equal to the simulator's truth, whole bodies once, what is refused."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import AdAccount, User
from accounts.roles import Role
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.truth import truth
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import Campaign
from reporting.periods import month_of, week_of
from tests import builders
from tests.builders import DAY
from tests.conftest import signed_in
from tests.ingestion.simulated import simulated_linkedin
from tests.reporting.api.asking import get

_SUMS = ("impressions", "clicks", "spend", "conversions", "leads")


@pytest.mark.django_db(transaction=True)
def test_every_grouping_equals_the_truth_of_the_simulator(settings: Any, clock: Any) -> None:
    """Two ad accounts of two currencies, over weeks and months that the period cuts."""
    settings.BACKFILL_DAYS = 75
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    clock.move_to(now)
    first_day, last_day = date(2026, 9, 17), date(2026, 11, 19)
    size = WorldSize(ad_accounts=2, campaigns_per_account=4, creatives_per_campaign=2)
    with simulated_linkedin(settings, Options(now=now, frozen=True, size=size)) as linkedin:
        linkedin.connect()
        for ad_account_id in linkedin.ad_account_ids:
            assert linkedin.sync(ad_account_id).status == "success"
        true = {one: truth(linkedin.simulator, one, first_day, last_day) for one in linkedin.ad_account_ids}
    client = signed_in(builders.make_user(role=Role.ANALYST))
    days = {"first_day": first_day.isoformat(), "last_day": last_day.isoformat(), "metrics": ",".join(_SUMS)}
    for group_by in ("ad_account", "campaign", "creative", "day", "week", "month"):
        report = get(client, "reports/performance", group_by=group_by, **days)
        shown = _shown(report["rows"])
        # Days on which nothing happened are there, too.
        assert {key: sums for key, sums in shown.items() if any(sums.values())} == _expected(true, group_by), group_by
        if group_by == "day":
            assert len(shown) == len({row["currency"] for row in report["rows"]}) * ((last_day - first_day).days + 1)
        assert {one["currency"]: _numbers(one["figures"]) for one in report["totals"]} == {
            currency: sums for (_, currency), sums in _expected(true, "").items()
        }
        assert (report["data_as_of"], report["complete_through"]) == ("2026-11-21T12:00:00Z", "2026-11-20")


def _shown(rows: list[dict[str, Any]]) -> dict[Any, Any]:
    return {(row["key"], row["currency"]): _numbers(row["figures"]) for row in rows}


def _numbers(figures: dict[str, Any]) -> dict[str, Decimal]:
    return {name: Decimal(value) for name, value in figures.items()}


def _expected(true: dict[int, Any], group_by: str) -> dict[Any, Any]:
    sums: dict[Any, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(_SUMS, Decimal(0)))
    for ad_account_id, tables in true.items():
        [account] = tables["ad_accounts"]
        table = "creative_daily_metrics" if group_by == "creative" else "campaign_daily_metrics"
        for row in tables[table]:
            key = _key(group_by, ad_account_id, row)
            for name in _SUMS:
                sums[str(key), account["currency"]][name] += row[name]
    return dict(sums)


def _key(group_by: str, ad_account_id: int, row: dict[str, Any]) -> Any:
    if group_by in {"campaign", "creative"}:
        return row[f"{group_by}_id"]
    day = row["date"]
    firsts = {"day": day, "week": week_of(day)[0], "month": month_of(day)[0], "ad_account": ad_account_id}
    return firsts.get(group_by, "")


@pytest.fixture
def days(bobs_ad_account: AdAccount) -> AdAccount:
    """Yesterday and the day before in Bob's ad account, and a day in another's."""
    campaign = builders.make_campaign(account=bobs_ad_account, name="Webinar")
    builders.make_campaign_day(campaign=campaign)
    builders.make_campaign_day(campaign=campaign, date=DAY - timedelta(days=1), clicks=10, spend=Decimal(10))
    builders.make_campaign_day(campaign=builders.make_campaign(account=builders.make_ad_account(currency="USD")))
    builders.make_sync_run(account=bobs_ad_account)
    return bobs_ad_account


@pytest.mark.django_db
def test_a_month_is_compared_with_the_month_before_it(as_bob: Client, days: AdAccount) -> None:
    asked = {"first_day": "2026-10-01", "last_day": "2026-10-31", "compare": "previous"}
    report = get(as_bob, "reports/performance", **asked)
    assert report["compared_with"] == {"first_day": "2026-09-01", "last_day": "2026-09-30"}


def whole(day: str) -> dict[str, Any]:
    """The coverage of one day that is stored and complete."""
    days = [{"first_day": day, "last_day": day}]
    return {
        **days[0], "is_whole": True, "is_complete": True, "stored_since": "2026-08-22",
        "stored": days, "missing": [], "complete": days,
    }  # fmt: skip


@pytest.mark.django_db
def test_performance_beside_the_same_weekday_before(as_bob: Client, days: AdAccount) -> None:
    campaign = Campaign.objects.get(account=days)
    builders.make_campaign_day(campaign=campaign, date=DAY - timedelta(days=7), clicks=10, spend=Decimal(10))
    report = get(
        as_bob, "reports/performance", first_day="2026-11-19", last_day="2026-11-19", group_by="ad_account",
        metrics="clicks,spend,cost_per_lead", compare="previous",
    )  # fmt: skip
    figures = {
        "figures": {"clicks": 20, "spend": "50.0000000000", "cost_per_lead": "25.0000000000"},
        "before": {"clicks": 10, "spend": "10.0000000000", "cost_per_lead": "5.0000000000"},
        "change_percent": {"clicks": "100.000000", "spend": "400.000000", "cost_per_lead": "400.000000"},
        "before_is_whole": True,
    }
    assert report == {
        "period": {"first_day": "2026-11-19", "last_day": "2026-11-19"},
        "data_as_of": "2026-11-20T11:59:00Z",
        "complete_through": "2026-11-19",
        "group_by": "ad_account",
        "compared_with": {"first_day": "2026-11-12", "last_day": "2026-11-12"},
        "coverage": whole("2026-11-19"),
        "compared_coverage": whole("2026-11-12"),
        "totals": [{"currency": "EUR", "days": 1, "is_whole": True, **figures}],
        "has_more_rows": False,
        "rows": [
            {
                "key": str(days.pk),
                "label": "Bob's brand",
                "currency": "EUR",
                "first_day": "2026-11-19",
                "last_day": "2026-11-19",
                "is_partial": False,
                "is_whole": True,
                **figures,
            }
        ],
    }


@pytest.mark.django_db
def test_performance_in_another_order_and_cut(as_alice: Client, days: AdAccount) -> None:
    report = get(as_alice, "reports/performance", order="spend", limit=1)
    assert ([row["currency"] for row in report["rows"]], report["has_more_rows"]) == (["USD"], True)
    assert get(as_alice, "reports/performance", limit=2)["has_more_rows"] is False
    rows = get(as_alice, "reports/performance", order="-spend", limit=1)["rows"]
    assert [(row["currency"], row["figures"]["spend"]) for row in rows] == [("EUR", "60.0000000000")]
    totals = get(as_alice, "reports/performance", ad_account_id=days.pk, period="last_7_days")["totals"]
    assert [(one["currency"], one["days"]) for one in totals] == [("EUR", 2)]


@pytest.mark.django_db
def test_demographics(as_bob: Client, days: AdAccount) -> None:
    builders.make_segment(account=days)
    other = builders.make_segment(account=days, impressions=300, clicks=0)
    builders.make_segment()
    report = get(as_bob, "reports/demographics", pivot_type="job_title", top=1)
    assert (report["period"], report["data_as_of"], report["months"]) == (
        {"first_day": "2026-10-01", "last_day": "2026-11-30"},
        "2026-11-20T11:59:00Z",
        ["2026-11-01"],
    )
    [pivot] = report["pivots"]
    assert pivot["coverage_percent"] == "20.0000000000"
    assert [(row["segment"], row["share_percent"]) for row in pivot["segments"]] == [(other.segment, "75.0000000000")]
    assert (pivot["rest"]["impressions"], pivot["segment_count"]) == (100, 2)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "parameters",
    [
        {"group_by": "colour"},
        {"metrics": "clicks,colour"},
        {"period": "last_year_but_one"},
        {"first_day": "2026-11-19"},
        {"period": "last_7_days", "first_day": "2026-11-19"},
        {"first_day": "2026-11-19", "last_day": "2026-11-01"},
        {"order": "colour"},
        {"limit": "0"},
        {"limit": "10001"},
        {"ad_account_id": "one"},
        {"ad_account_id": str(2**63)},
        {"compare": "next"},
        {"group_by": "day", "compare": "previous", "limit": "3"},
        {"mertics": "clicks"},
        {"creative_id": "a\0b"},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(as_alice: Client, parameters: dict[str, str]) -> None:
    response = as_alice.get("/api/v1/reports/performance", parameters)
    assert (response.status_code, response.json()["type"]) == (400, "/api/v1/problems#invalid")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["performance", "demographics"])
def test_reports_are_empty_for_who_sees_nothing(as_charlie: Client, days: AdAccount, path: str) -> None:
    report = get(as_charlie, f"reports/{path}")
    assert (report.get("rows", []), report.get("totals", []), report["data_as_of"]) == ([], [], None)
    assert all(not pivot["segments"] for pivot in report.get("pivots", []))
    assert Client().get(f"/api/v1/reports/{path}").status_code == 401


@pytest.mark.django_db
def test_status(as_bob: Client, as_alice: Client, days: AdAccount, alice: User, settings: Any) -> None:
    found = get(as_bob, "status")
    [account] = found["ad_accounts"]
    assert account == {
        "ad_account_id": days.pk,
        "ad_account_name": "Bob's brand",
        "data_as_of": "2026-11-20T11:59:00Z",
        "complete_through": "2026-11-19",
        "demographics_through": "2026-11-20",
        "incomplete_days": 0,
        "next_sync_at": None,
        "next_sync_reason": "No LinkedIn connection has a role on this ad account.",
        "last_status": "success",
        "last_errors": None,
        "missing_since": None,
    }
    assert [(one["kind"], one["severity"], one["ad_account_id"]) for one in found["attention"]] == [
        ("no_connection", "critical", days.pk)
    ]
    assert (found["version"], found["service"]) == (settings.PRODUCT_VERSION, None)
    assert get(as_alice, "status")["service"]["running_syncs"] == 0
    assert len(get(as_alice, "status")["ad_accounts"]) == 2
    assert Client().get("/api/v1/status").status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("parameter", "known"), [("period", "last_month"), ("group_by", "campaign"), ("compare", "previous")]
)
def test_an_unknown_choice_is_answered_with_what_can_be_chosen(as_bob: Client, parameter: str, known: str) -> None:
    response = as_bob.get("/api/v1/reports/performance", {parameter: "foo"})
    assert (response.status_code, response.json()["field"]) == (400, parameter)
    assert "Unknown value “foo”; use " in response.json()["detail"]
    assert known in response.json()["detail"]


# --- days without rows ---


@pytest.mark.parametrize("compare", [{}, {"compare": "previous"}])
@pytest.mark.parametrize("group_by", ["day", "week", "month"])
def test_every_day_has_a_row_and_none_is_left_out(as_alice: Client, group_by: str, compare: dict[str, str]) -> None:
    """Null where nobody knows, zero where nothing happened; with and without a comparison alike."""
    account = builders.make_ad_account(currency="EUR")
    builders.make_campaign_day(campaign=builders.make_campaign(account=account), date=date(2026, 11, 2), clicks=4)
    now = datetime(2026, 11, 10, tzinfo=UTC)
    builders.make_covered_days(account=account, first_day=date(2026, 11, 1), last_day=date(2026, 11, 3), asked_at=now)
    days = {"first_day": "2026-11-01", "last_day": "2026-11-05", "metrics": "clicks", **compare}
    rows = get(as_alice, "reports/performance", group_by=group_by, **days)["rows"]
    if group_by == "day":
        assert [(row["key"], row["figures"]["clicks"]) for row in rows] == [
            ("2026-11-01", 0), ("2026-11-02", 4), ("2026-11-03", 0), ("2026-11-04", None), ("2026-11-05", None),
        ]  # fmt: skip
    assert [row["key"] for row in rows] == sorted(row["key"] for row in rows)


@pytest.mark.parametrize("compare", [{}, {"compare": "previous"}])
def test_a_period_without_a_stored_day_is_null(as_alice: Client, compare: dict[str, str]) -> None:
    builders.make_ad_account(currency="EUR")
    days = {"first_day": "2026-11-01", "last_day": "2026-11-02", "metrics": "clicks", **compare}
    report = get(as_alice, "reports/performance", group_by="day", **days)
    assert [(row["key"], row["currency"], row["figures"]) for row in report["rows"]] == [
        ("2026-11-01", "EUR", {"clicks": None}),
        ("2026-11-02", "EUR", {"clicks": None}),
    ]
    assert [(one["currency"], one["figures"]) for one in report["totals"]] == [("EUR", {"clicks": None})]


def test_days_can_be_listed_from_the_last_and_cut(as_alice: Client) -> None:
    account = builders.make_ad_account(currency="EUR")
    builders.make_campaign_day(campaign=builders.make_campaign(account=account), date=date(2026, 11, 2), clicks=4)
    days = {"first_day": "2026-11-01", "last_day": "2026-11-05", "metrics": "clicks", "group_by": "day"}
    report = get(as_alice, "reports/performance", order="-key", limit=2, **days)
    assert ([row["key"] for row in report["rows"]], report["has_more_rows"]) == (["2026-11-05", "2026-11-04"], True)
    ranked = get(as_alice, "reports/performance", order="-clicks", **days)
    assert [row["key"] for row in ranked["rows"]] == ["2026-11-02"]
    file = as_alice.get("/api/v1/reports/performance", days | {"format": "csv"}).getvalue().decode()
    assert len(file.splitlines()) == 6
