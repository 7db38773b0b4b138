"""The truth is what the endpoints serve, before and after every kind of change."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote

import pytest

from ingestion.linkedin_simulator import truth

from .conftest import ACCOUNT, Caller
from .test_entities import CAMPAIGNS, CREATIVES, walk

FIRST, LAST = date(2026, 10, 1), date(2026, 11, 21)
COLUMNS = {
    "impressions": "impressions", "clicks": "clicks", "landing_page_clicks": "landingPageClicks",
    "conversions": "externalWebsiteConversions", "likes": "likes", "comments": "comments", "shares": "shares",
    "follows": "follows", "leads": "oneClickLeads", "opens": "opens", "sends": "sends",
}  # fmt: skip


def served_rows(caller: Caller, pivot: str, key: str) -> list[Any]:
    told = []
    for each in caller.analytics(pivot, "DAILY", FIRST.isoformat(), LAST.isoformat()):
        urn = each["pivotValues"][0]
        spend = Decimal(each["costInLocalCurrency"]).quantize(Decimal("1e-10"), ROUND_HALF_UP)
        identity = urn if key == "creative_id" else int(urn.rpartition(":")[2])
        counts = {ours: each[theirs] for ours, theirs in COLUMNS.items()}
        told.append({key: identity, "date": date(**each["dateRange"]["start"]), **counts, "spend": spend})
    return sorted(told, key=lambda row: (row[key], row["date"]))


def agree(caller: Caller) -> dict[str, list[Any]]:
    told = truth(caller.simulator, ACCOUNT, FIRST, LAST)
    assert told["creative_daily_metrics"] == served_rows(caller, "CREATIVE", "creative_id")
    assert told["campaign_daily_metrics"] == served_rows(caller, "CAMPAIGN", "campaign_id")
    assert told["account_daily_totals"] == served_rows(caller, "ACCOUNT", "account_id")
    listed = walk(caller, f"{CAMPAIGNS}?q=search&pageSize=100")
    present = [row for row in told["campaigns"] if not row["missing"]]
    assert [(row["id"], row["name"], row["status"]) for row in present] == [
        (each["id"], each["name"], each["status"]) for each in listed
    ]
    found = walk(caller, f"{CREATIVES}?q=criteria&pageSize=100")
    shown = {row["id"]: row for row in told["creatives"] if not row["missing"]}
    assert set(shown) == {each["id"] for each in found}
    for each in found:
        row = shown[each["id"]]
        assert row["intended_status"] == each["intendedStatus"]
        assert row["campaign_id"] == int(each["campaign"].rpartition(":")[2])
        assert row["serving_hold_reasons"] == each.get("servingHoldReasons")
        assert row["review_status"] == each.get("review", {}).get("status")
    return told


def test_tables_and_columns(caller: Caller):
    told = agree(caller)
    assert list(told) == [
        "ad_accounts", "campaigns", "creatives", "campaign_daily_metrics", "creative_daily_metrics",
        "audience_demographics", "account_daily_totals",
    ]  # fmt: skip
    assert told["ad_accounts"][0]["created_at"].tzinfo is UTC
    assert all(row["missing"] is False for row in told["campaigns"])


def test_cancelled_creatives_with_figures_are_stubs(caller: Caller):
    told = truth(caller.simulator, ACCOUNT, date(2024, 11, 21), LAST)
    stubs = [row for row in told["creatives"] if row["missing"]]
    assert stubs
    assert all(row["campaign_id"] is None and row["content_name"] is None for row in stubs)
    with_figures = {row["creative_id"] for row in told["creative_daily_metrics"]}
    assert {row["id"] for row in stubs} <= with_figures


def test_demographics_are_what_is_served(caller: Caller):
    told = truth(caller.simulator, ACCOUNT, FIRST, LAST)["audience_demographics"]
    titles = [row for row in told if row["pivot_type"] == "job_title"]
    served = caller.analytics("MEMBER_JOB_TITLE", "MONTHLY", FIRST.isoformat(), LAST.isoformat())
    assert len(titles) == len(served)
    by_key = {(row["segment"], row["date_start"]): row for row in titles}
    for each in served:
        row = by_key[each["pivotValues"][0], date(**each["dateRange"]["start"])]
        assert row["date_end"] == date(**each["dateRange"]["end"])
        assert row["impressions"] == each["impressions"]
        assert row["clicks"] == each.get("clicks", 0)
        assert row["leads"] == each.get("oneClickLeads", 0)
    for month in {row["date_start"] for row in titles}:
        assert abs(sum(row["share_pct"] for row in titles if row["date_start"] == month) - 100) < Decimal("0.001")
    assert {row["pivot_type"] for row in told} == {
        "job_title", "job_function", "seniority", "industry", "company_size", "company", "country", "region",
    }  # fmt: skip
    assert all(row["segment_name"] is None for row in told if row["pivot_type"] == "company_size")
    assert any(row["segment_name"] for row in titles)


def test_content_names_with_and_without_posts(caller: Caller):
    plain = truth(caller.simulator, ACCOUNT, FIRST, LAST)["creatives"]
    named = truth(caller.simulator, ACCOUNT, FIRST, LAST, posts_readable=True)["creatives"]
    assert sum(row["content_name"] is None for row in plain) > sum(row["content_name"] is None for row in named)
    for row in named:
        reference = row["content_reference"]
        if row["content_name"] and reference and ":adInMailContent:" not in reference:
            post = caller.get(f"/rest/posts/{quote(reference, safe='')}")
            creative = caller.get(f"{CREATIVES}/{quote(row['id'], safe='')}")
            words = " ".join(post["commentary"].split()[:8])
            expected = creative.get("name") or post.get("adContext", {}).get("dscName") or words
            assert row["content_name"] == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda sim: sim.change("rename", campaign=250000001, name="Renamed"),
        lambda sim: sim.change("set_status", campaign=250000001, status="PAUSED"),
        lambda sim: sim.change(
            "edit", campaign=250000001, fields={"dailyBudget": {"amount": "9", "currencyCode": "USD"}}
        ),
        lambda sim: sim.change("set_status", creative="urn:li:sponsoredCreative:290000001", status="CANCELED"),
        lambda sim: sim.change("vanish", campaign=250000001),
        lambda sim: sim.change("vanish", creative="urn:li:sponsoredCreative:290000001"),
        lambda sim: sim.change("create_campaign", ad_account=ACCOUNT, name="Brand new"),
        lambda sim: sim.change("create_creative", campaign=250000001),
        lambda sim: sim.change("restate", ad_account=ACCOUNT, first_day="2026-11-01", last_day="2026-11-21"),
        lambda sim: sim.change("erase", ad_account=ACCOUNT, first_day="2026-11-01", last_day="2026-11-03"),
        lambda sim: sim.change("erase", campaign=250000001, first_day="2026-11-01", last_day="2026-11-03"),
        lambda sim: sim.change("append_days", days=2),
    ],
)
def test_truth_follows_every_change(caller: Caller, change: Callable[[Any], Any]):
    before = agree(caller)
    change(caller.simulator)
    after = agree(caller)
    if caller.simulator.clock.now() == datetime(2026, 11, 21, 10, tzinfo=UTC):
        assert after != before


def test_vanished_campaign_is_kept_or_a_stub(caller: Caller):
    before = truth(caller.simulator, ACCOUNT, FIRST, LAST)
    caller.simulator.change("vanish", campaign=250000001)
    assert caller.error(f"{CAMPAIGNS}/250000001")[0] == 404
    known = truth(caller.simulator, ACCOUNT, FIRST, LAST)
    never = truth(caller.simulator, ACCOUNT, FIRST, LAST, known_before=False)
    assert known["campaign_daily_metrics"] == before["campaign_daily_metrics"] == never["campaign_daily_metrics"]
    assert known["campaigns"][0] == {**before["campaigns"][0], "missing": True}
    stub = never["campaigns"][0]
    assert (stub["id"], stub["account_id"], stub["name"], stub["missing"]) == (250000001, ACCOUNT, None, True)
    assert any(row["missing"] and row["campaign_id"] == 250000001 for row in known["creatives"])
    assert all(row["campaign_id"] is None for row in never["creatives"] if row["missing"])
    caller.simulator.clock.advance(days=2)
    later = caller.analytics("CAMPAIGN", "DAILY", "2026-11-22", "2026-11-23")
    assert "urn:li:sponsoredCampaign:250000001" not in {each["pivotValues"][0] for each in later}


def test_new_campaign_has_figures_from_its_first_day(caller: Caller):
    made = caller.simulator.change("create_campaign", ad_account=ACCOUNT, name="Brand new")
    assert caller.get(f"{CAMPAIGNS}/{made['campaign']}")["name"] == "Brand new"
    caller.simulator.clock.advance(days=5)
    found = caller.analytics("CREATIVE", "DAILY", "2026-11-01", "2026-11-26")
    starts = [date(**each["dateRange"]["start"]) for each in found if each["pivotValues"][0] in made["creatives"]]
    assert starts
    assert min(starts) >= LAST


def test_renaming_shows_in_last_modified(caller: Caller):
    caller.simulator.change("rename", campaign=250000001, name="Renamed")
    body = caller.get(f"{CAMPAIGNS}/250000001")
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        milliseconds=body["changeAuditStamps"]["lastModified"]["time"]
    )
    assert (body["name"], moment) == ("Renamed", caller.simulator.clock.now())


def test_access_changes(caller: Caller):
    caller.simulator.change("lose_role", ad_account=ACCOUNT)
    assert caller.answer(f"{CAMPAIGNS}?q=search").status == 403
    caller.simulator.change("regain_role", ad_account=ACCOUNT)
    caller.simulator.change("refuse_account", ad_account=ACCOUNT)
    assert caller.answer(f"{CAMPAIGNS}?q=search").status == 403
    caller.simulator.change("allow_account", ad_account=ACCOUNT)
    assert caller.answer(f"{CAMPAIGNS}?q=search").status == 200


def test_changes_that_make_no_sense_are_refused(caller: Caller):
    for name, wanted in (
        ("explode", {}),
        ("rename", {"name": "no entity"}),
        ("vanish", {"ad_account": ACCOUNT}),
        ("create_creative", {"campaign": 1}),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            caller.simulator.change(name, **wanted)
