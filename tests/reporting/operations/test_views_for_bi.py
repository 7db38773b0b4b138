"""The views that BI tools read: their figures, their columns, how they come and go."""

import importlib
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations import AddField, AlterField, Migration, RemoveField
from django.db.models import IntegerField, TextField
from django.test.utils import CaptureQueriesContext

from accounts.models import AdAccount
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.truth import truth
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import Campaign, CoveredDays, IncompleteDay
from ingestion.sync.coverage import Dataset, record, segments
from reporting.metrics import COLUMNS, RATIOS
from reporting.operations import bi_view_columns, bi_views
from reporting.periods import Period
from reporting.queries.performance import performance
from reporting.ratios import FIGURE_COLUMNS, NOTHING, Figures
from tests.builders import (
    DAY,
    NOW,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_covered_days,
    make_creative,
    make_creative_day,
    make_segment,
    make_sync_run,
)
from tests.conftest import let_tests_empty_the_audit_trail
from tests.ingestion.simulated import simulated_linkedin
from tests.reporting.change_feed.copying import another_connection, used
from tests.reporting.operations.reading_role import made_role, read_as

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/bi.md"
DAILY = ("reporting_campaign_daily", "reporting_creative_daily", "reporting_account_daily")
VIEWS = {*DAILY, "reporting_demographics_monthly"}


def read(view: str, where: str = "true") -> list[dict[str, Any]]:
    """As the user who owns the tables."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM reporting.{view} WHERE {where} ORDER BY 1, 2, 3, 4")
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def figures(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in FIGURE_COLUMNS}


# --- the truth ---


@pytest.mark.django_db(transaction=True)
def test_a_bi_tool_reads_the_truth_of_the_simulator_and_the_figures_of_the_api(settings):
    settings.BACKFILL_DAYS = 75
    period = Period(date(2026, 9, 17), date(2026, 11, 19))
    size = WorldSize(ad_accounts=2, campaigns_per_account=4, creatives_per_campaign=2)
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    with simulated_linkedin(settings, Options(now=now, frozen=True, size=size)) as linkedin, made_role() as role:
        linkedin.connect()
        for ad_account_id in linkedin.ad_account_ids:
            assert linkedin.sync(ad_account_id).status == "success"
        days = f"SELECT * FROM {{}} WHERE date BETWEEN '{period.first_day}' AND '{period.last_day}'"
        campaigns, creatives, ad_accounts = (read_as(role, days.format(view)) for view in DAILY)
        segments = read_as(role, "SELECT * FROM reporting_demographics_monthly")
        true = [truth(linkedin.simulator, one, period.first_day, period.last_day) for one in linkedin.ad_account_ids]

    def told(table: str, *key: str) -> dict[Any, Any]:
        return {tuple(row[one] for one in key): figures(row) for one in true for row in one[table]}

    assert {(row["campaign_id"], row["date"]): figures(row) for row in campaigns} == told(
        "campaign_daily_metrics", "campaign_id", "date"
    )
    assert {(row["creative_urn"], row["date"]): figures(row) for row in creatives} == told(
        "creative_daily_metrics", "creative_id", "date"
    )
    assert {(row["ad_account_id"], row["date"]): figures(row) for row in ad_accounts} == told(
        "account_daily_totals", "account_id", "date"
    )
    assert all(row["is_complete"] for row in (*campaigns, *creatives, *ad_accounts))
    _assert_equal_to_the_api(ad_accounts, period)
    stored = {
        (row["ad_account_id"], row["pivot_type"], row["segment_urn"], row["month_start"]): (row["spend"], row["leads"])
        for row in segments
    }
    for one in true:
        for row in one["audience_demographics"]:
            key = (row["account_id"], row["pivot_type"], row["segment"], row["date_start"])
            # The months in between are whole in both; the truth cuts those at the border.
            if key[-1] == date(2026, 10, 1):
                assert stored[key] == (row["spend"], row["leads"])
    assert {row["pivot_type"] for row in segments} >= {"job_title", "seniority"}


def _assert_equal_to_the_api(rows: list[dict[str, Any]], period: Period) -> None:
    for ad_account in AdAccount.objects.all():
        answer = performance(
            ad_accounts=AdAccount.objects.filter(pk=ad_account.pk), period=period, group_by="day", order_by="key"
        )
        of_views = sorted(
            (row for row in rows if row["ad_account_id"] == ad_account.pk), key=lambda row: str(row["date"])
        )
        names = (*FIGURE_COLUMNS, "engagements", *(one.name for one in RATIOS))
        assert [(row["date"].isoformat(), row["currency"], *(row[name] for name in names)) for row in of_views] == [
            (one.key, one.currency, *(one.value(name) for name in names)) for one in answer
        ]
        assert len(answer) > 30


# --- what changed ---


@pytest.mark.django_db(transaction=True)
def test_a_refresh_by_mark_loses_nothing():
    """Also of the names, and while another transaction is open."""
    campaign = make_campaign(name="Autumn")
    creative = make_creative(campaign=campaign)
    make_campaign_day(campaign=campaign)
    make_creative_day(creative=creative)
    make_segment(account=campaign.account)
    copies: dict[str, dict[str, Any]] = {view: {} for view in VIEWS}
    since = refreshed(copies, since=0)
    with another_connection() as long, used(long):
        transaction.set_autocommit(False)
        make_campaign_day(campaign=campaign, date=DAY - timedelta(days=1))
        with used(shorter := connection.copy()):
            make_creative_day(creative=creative, date=DAY - timedelta(days=2))
            Campaign.objects.update(name="Winter")
            since = refreshed(copies, since=since)
            shorter.close()
        transaction.commit()
    refreshed(copies, since=since)
    for view, copy in copies.items():
        assert sorted(copy.values(), key=repr) == sorted(read(view), key=repr), view


def refreshed(copies: dict[str, dict[str, Any]], *, since: int) -> int:
    """As docs/bi.md says it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reporting.change_horizon()")
        [horizon] = cursor.fetchone()
    names = ("date", "month_start", "ad_account_id", "campaign_id", "creative_urn", "segment_urn")
    for view, copy in copies.items():
        for row in read(view, f"change_mark >= {since} AND change_mark < {horizon}"):
            copy[repr([row.get(name) for name in names])] = row
    return int(horizon)


@pytest.mark.django_db(transaction=True)
def test_a_bi_tool_may_ask_for_the_horizon():
    with made_role() as role:
        [row] = read_as(role, "SELECT reporting.change_horizon() AS horizon")
    assert row["horizon"] > 0


# --- one row ---


@pytest.mark.django_db
def test_a_row_of_every_daily_view_names_what_it_is_of():
    ad_account = make_ad_account(name="Brand", currency="USD")
    campaign = make_campaign(account=ad_account, name="Autumn", campaign_group="urn:li:sponsoredCampaignGroup:1")
    creative = make_creative(campaign=campaign, content_name="Blue")
    make_campaign_day(campaign=campaign, likes=1, opens=1, sends=3)
    make_creative_day(creative=creative, likes=1, opens=1, sends=3)
    make_sync_run(account=ad_account, started_at=NOW - timedelta(minutes=1))
    every = {
        "date": DAY,
        "week_start": date(2026, 11, 16),
        "month_start": date(2026, 11, 1),
        "ad_account_id": ad_account.pk,
        "ad_account_name": "Brand",
        "currency": "USD",
        "spend": Decimal("50"),
        "engagements": 1,
        "ctr_percent": Decimal("2"),
        "cpc": Decimal("2.5"),
        "cpm": Decimal("50"),
        "open_rate_percent": Decimal("33.333333"),
        "is_complete": True,
        "data_as_of": NOW - timedelta(minutes=1),
    }
    of_campaign = {
        "campaign_id": campaign.pk,
        "campaign_name": "Autumn",
        "campaign_status": "ACTIVE",
        "campaign_objective": "WEBSITE_VISIT",
        "campaign_group_urn": "urn:li:sponsoredCampaignGroup:1",
    }
    of_creative = {"creative_urn": creative.pk, "creative_name": "Blue", "review_status": "APPROVED"}
    for view, expected in zip(DAILY, (of_campaign, of_campaign | of_creative, {}), strict=True):
        [row] = read(view)
        expected = every | expected
        assert {name: row[name] for name in expected} == expected, view


@pytest.mark.django_db
@pytest.mark.parametrize("view", DAILY)
def test_ratios_without_a_divisor_are_empty(view):
    creative = make_creative()
    nothing = dict.fromkeys(FIGURE_COLUMNS, 0)
    make_campaign_day(campaign=creative.campaign, **nothing)
    make_creative_day(creative=creative, **nothing)
    [row] = read(view)
    assert {row[one.name] for one in RATIOS} == {None}


@pytest.mark.django_db
def test_figures_of_a_creative_without_a_campaign_are_in():
    creative = make_creative(campaign=None, account=make_ad_account())
    make_creative_day(creative=creative)
    [row] = read("reporting_creative_daily")
    assert (row["creative_urn"], row["campaign_id"], row["campaign_name"]) == (creative.pk, None, None)


@pytest.mark.django_db
def test_a_segments_ratios_come_from_its_counts():
    make_segment(impressions=3, clicks=1, spend=Decimal("2"), conversions=0, leads=4, date_end=date(2026, 11, 19))
    february = make_segment(date_start=date(2026, 2, 1), date_end=date(2026, 2, 28))
    make_covered_days(account=february.account, first_day=date(2026, 2, 1), last_day=DAY)
    whole, running = read("reporting_demographics_monthly")
    counted = Figures(sums={**NOTHING, "impressions": 3, "clicks": 1, "spend": Decimal("2"), "leads": 4})
    for name in ("ctr_percent", "cpc", "cpm", "cost_per_conversion", "cost_per_lead", "conversion_rate_percent"):
        assert running[name] == counted.value(name), name
    assert (whole["is_complete"], running["is_complete"]) == (True, False)


@pytest.mark.django_db
@pytest.mark.parametrize("view", DAILY)
@pytest.mark.parametrize(
    ("synced", "differs", "complete"),
    [
        (NOW, False, True),
        (NOW, True, False),
        # The day was not over.
        (datetime(2026, 11, 19, 23, 59, tzinfo=UTC), False, False),
        (None, False, False),
    ],
)
def test_a_day_is_complete_once_a_sync_judged_it_and_it_adds_up(view, synced, differs, complete):
    ad_account = make_ad_account()
    creative = make_creative(campaign=make_campaign(account=ad_account))
    make_campaign_day(campaign=creative.campaign)
    make_creative_day(creative=creative)
    if synced:
        make_sync_run(account=ad_account, started_at=synced)
    make_sync_run(account=ad_account, status="failed", started_at=NOW + timedelta(days=3))
    if differs:
        IncompleteDay.objects.create(
            account=ad_account, date=DAY, state="differs", differences={}, first_seen_at=NOW, checked_at=NOW
        )
    [row] = read(view)
    assert row["is_complete"] is complete
    assert row["data_as_of"] == synced


@pytest.mark.django_db
@pytest.mark.parametrize("view", DAILY)
@pytest.mark.parametrize("data_table", ["campaign_daily_metrics", "creative_daily_metrics", "incomplete_days"])
@pytest.mark.parametrize("lost", ["removed", "cut"])
def test_a_day_whose_coverage_is_lost_is_not_complete(view, data_table, lost):
    """The other days keep theirs."""
    ad_account = make_ad_account()
    creative = make_creative(campaign=make_campaign(account=ad_account))
    for day in (DAY - timedelta(days=1), DAY):
        make_campaign_day(campaign=creative.campaign, date=day)
        make_creative_day(creative=creative, date=day)
    make_sync_run(account=ad_account, started_at=NOW)
    assert [row["is_complete"] for row in read(view)] == [True, True]
    if lost == "cut" and data_table != "incomplete_days":
        record(Dataset(data_table), (DAY, DAY), ad_account_id=ad_account.pk, asked_at=NOW, is_whole=False)
    else:
        CoveredDays.objects.filter(account=ad_account, data_table=data_table).update(last_day=DAY - timedelta(days=1))
    assert [row["is_complete"] for row in read(view)] == [True, False]


@pytest.mark.django_db
@pytest.mark.parametrize("lost", ["removed", "cut", "asked on its last day"])
def test_a_month_whose_coverage_is_lost_is_not_complete(lost):
    october = date(2026, 10, 1), date(2026, 10, 31)
    month = make_segment(date_start=october[0], date_end=october[1])
    make_covered_days(account=month.account, first_day=october[0], last_day=DAY)
    [row] = read("reporting_demographics_monthly")
    assert row["is_complete"] is True
    if lost == "removed":
        CoveredDays.objects.filter(pivot_type=month.pivot_type).update(first_day=date(2026, 11, 1))
    else:
        record(
            segments(month.pivot_type),
            october,
            ad_account_id=month.account_id,
            asked_at=NOW if lost == "cut" else datetime(2026, 10, 31, 22, tzinfo=UTC),
            is_whole=lost != "cut",
        )
    [row] = read("reporting_demographics_monthly")
    assert row["is_complete"] is False


# --- names and documents ---


def columns() -> dict[str, dict[str, tuple[str, str]]]:
    """By view: each column's type and comment, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attrelid::regclass::text, attname, format_type(atttypid, NULL), col_description(attrelid, attnum)"
            " FROM pg_attribute WHERE attnum > 0 AND attrelid IN"
            " (SELECT oid FROM pg_class WHERE relnamespace = 'reporting'::regnamespace) ORDER BY attrelid, attnum"
        )
        found: dict[str, dict[str, tuple[str, str]]] = {}
        for view, name, kind, comment in cursor.fetchall():
            found.setdefault(view.removeprefix("reporting."), {})[name] = kind, comment
        return found


@pytest.mark.django_db
def test_the_schema_holds_the_views_and_nothing_else():
    assert columns().keys() == VIEWS


@pytest.mark.django_db
def test_every_column_is_documented_as_the_database_describes_it():
    text = DOCUMENT.read_text()
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))
    for view, described in columns().items():
        documented = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \| (.+?) \|$", sections[view], re.MULTILINE)
        stored = [(name, kind, comment) for name, (kind, comment) in described.items()]
        assert [(name, kind, f"{meaning} ({unit})") for name, kind, meaning, unit in documented] == stored


@pytest.mark.django_db
@pytest.mark.parametrize("view", DAILY)
def test_every_metric_is_a_column_and_described_by_its_formula(view):
    described = columns()[view]
    assert {one.name for one in COLUMNS} <= described.keys()
    for ratio in RATIOS:
        assert described[ratio.name][1].startswith(f"{ratio.formula}; empty without {ratio.divisor} ("), ratio.name


@pytest.mark.django_db
def test_money_stands_beside_its_currency():
    for view, described in columns().items():
        names = list(described)
        assert names.index("spend") == names.index("currency") + 1, view


# --- plans ---


def plan_of(statement: str) -> str:
    with connection.cursor() as cursor:
        # With hardly a row in it every table is cheapest read from end to end.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN (COSTS OFF) {statement}")
        return "\n".join(line for (line,) in cursor.fetchall())


def waits_until_rows_are_read(plan: str) -> bool:
    """Whether a condition is tried on what the view gives, instead of deciding what is read."""
    return bool(re.search(r"Subquery Scan on reporting_\w+\n\s+Filter: ", plan))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("view", "condition"),
    [
        ("reporting_campaign_daily", "campaign_id = 5"),
        ("reporting_campaign_daily", "ad_account_id = 5"),
        ("reporting_account_daily", "ad_account_id = 5"),
        ("reporting_creative_daily", "creative_urn = 'urn:li:sponsoredCreative:5'"),
        ("reporting_creative_daily", "ad_account_id = 5"),
    ],
)
def test_conditions_decide_what_is_read(view, condition):
    statement = f"SELECT sum(spend) FROM reporting.{view} WHERE {condition} AND date"
    plan = plan_of(f"{statement} BETWEEN '2026-01-01' AND '2026-01-31'")
    assert re.search(r"Index Cond: \(.*date >= .*date <= ", plan), plan
    assert not waits_until_rows_are_read(plan), plan
    # What docs/bi.md warns of.
    assert waits_until_rows_are_read(plan_of(f"{statement} >= timestamp '2026-01-01'"))


@pytest.mark.django_db
@pytest.mark.parametrize("view", DAILY)
def test_what_is_not_asked_for_is_not_joined(view):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN SELECT date, sum(spend) FROM reporting.{view} GROUP BY date")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "sync_log" not in plan
    assert "incomplete_days" not in plan


# --- coming and going ---


def order(view: str) -> list[str]:
    return list(columns()[view])


def remade(name: str, *, without: str = "", beside: str = "") -> list[str]:
    """The view as it was before a column came, or with one that is to go; its columns."""
    [view] = [one for one in bi_view_columns.views() if one.name == name]
    kept = tuple(column for column in view.columns if column.name != without)
    if beside:
        kept += (replace(kept[0], name=beside),)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP VIEW {view.path}")
        cursor.execute(replace(view, columns=kept).statement([]))
        cursor.execute("COMMENT ON VIEW reporting_synced_ad_accounts IS 'other statements'")
    return order(name)


def made_when() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, xmin::text::int FROM pg_class WHERE relnamespace = 'reporting'::regnamespace")
        return dict(cursor.fetchall())


@pytest.mark.django_db
def test_views_that_are_right_are_left_alone():
    bi_views.refresh()
    before = made_when()
    with CaptureQueriesContext(connection) as asked:
        bi_views.refresh()
    assert made_when() == before
    assert not [one["sql"] for one in asked if "CREATE" in one["sql"]]


@pytest.mark.django_db
@pytest.mark.parametrize("view", DAILY)
def test_a_further_column_stands_behind_those_that_were_there(view):
    before = remade(view, without="sends")
    bi_views.refresh()
    assert order(view) == [*before, "sends"]
    assert all(comment for _, comment in columns()[view].values())


@pytest.mark.django_db
def test_a_view_with_a_column_that_is_to_go_is_made_anew():
    assert "reach" in remade("reporting_campaign_daily", beside="reach")
    bi_views.refresh()
    assert order("reporting_campaign_daily") == [column.name for column in bi_view_columns.views()[0].columns]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("app_label", "operation", "is_backwards", "they_go"),
    [
        ("ingestion", RemoveField("campaigndailymetric", "likes"), False, True),
        ("ingestion", AlterField("campaign", "name", TextField()), False, True),
        ("ingestion", AddField("campaigndailymetric", "reach", IntegerField(null=True)), False, False),
        ("ingestion", AddField("campaigndailymetric", "reach", IntegerField(null=True)), True, True),
        ("reporting", RemoveField("finding", "weight"), False, False),
    ],
    ids=["removed", "altered", "added", "taken back", "of another room"],
)
def test_the_views_step_aside_where_a_migration_changes_a_column(app_label, operation, is_backwards, they_go):
    migration = type("Next", (Migration,), {"operations": [operation]})("0099_next", app_label)
    before = columns()
    bi_views.step_aside(plan=[(migration, is_backwards)])
    assert (columns() == {}) is they_go
    bi_views.refresh()
    assert columns() == before


@pytest.mark.django_db
def test_a_metric_whose_column_is_not_there_yet_is_in_no_view():
    stored = {"campaign_daily_metrics": ["impressions", "clicks", "spend"], "audience_demographics": ["impressions"]}
    campaigns, _, _, segments = bi_view_columns.views(stored)
    assert {"ctr_percent", "cpc", "cpm"} <= {column.name for column in campaigns.columns}
    assert not {"likes", "engagements", "cost_per_lead"} & {column.name for column in campaigns.columns}
    assert "clicks" not in {column.name for column in segments.columns}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_views_go_with_their_migration_and_come_back():
    try:
        call_command("migrate", "reporting", "0001", verbosity=0)
        assert _schemas() == 0
    finally:
        call_command("migrate", verbosity=0)
        let_tests_empty_the_audit_trail()
    assert columns().keys() == VIEWS


def _schemas() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'reporting'")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("is_there", "remedy"),
    [(True, "ALTER SCHEMA reporting OWNER TO"), (False, "CREATE SCHEMA reporting AUTHORIZATION")],
)
def test_a_user_who_may_make_no_schema_is_told_what_an_administrator_runs(is_there, remedy):
    migration = importlib.import_module("reporting.migrations.0004_views_for_bi")
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE may_little")
        if not is_there:
            cursor.execute("ALTER SCHEMA reporting RENAME TO elsewhere")
        cursor.execute("SET ROLE may_little")
        with connection.schema_editor() as editor, pytest.raises(ImproperlyConfigured) as refused:
            migration.make_schema(apps, editor)
        cursor.execute("RESET ROLE")
    assert f'`{remedy} "may_little"`, then `manage.py migrate` again.' in str(refused.value)


@pytest.mark.django_db
def test_an_owner_of_the_schema_needs_no_other_right():
    migration = importlib.import_module("reporting.migrations.0004_views_for_bi")
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE may_little")
        cursor.execute("ALTER SCHEMA reporting OWNER TO may_little")
        cursor.execute("SET ROLE may_little")
        with connection.schema_editor() as editor:
            migration.make_schema(apps, editor)
        cursor.execute("SELECT has_database_privilege(current_database(), 'CREATE')")
        assert cursor.fetchone() == (False,)
