"""Daily figures in partitions by month, made as docs/scaling.md says: everything syncs and answers as before."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AdAccount
from accounts.roles import Role
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import CampaignDailyMetric, CreativeDailyMetric
from reporting.operations import ad_account_removal
from reporting.operations.backup import back_up, count_rows
from reporting.operations.restore import restore
from reporting.periods import Period
from reporting.queries import operations
from reporting.queries.grouping import GroupBy
from reporting.queries.performance import performance
from tests.builders import make_user
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin
from tests.reporting.change_feed.copying import Copy, stored
from tests.second_database import connected_to, contents, second_database

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FIRST_DAY = NOW.date() - timedelta(days=90)
TABLES = ("campaign_daily_metrics", "creative_daily_metrics")
VIEWS = ("reporting_campaign_daily", "reporting_creative_daily", "reporting_account_daily")


@pytest.fixture
def linkedin(settings: Any) -> Iterator[SimulatedLinkedIn]:
    """Two ad accounts, synced into a database of this test alone: nothing takes partitions apart again."""
    size = WorldSize(ad_accounts=2, campaigns_per_account=6, creatives_per_campaign=3, segments_per_pivot=3)
    with (
        second_database(migrated=True) as database,
        connected_to(database),
        simulated_linkedin(settings, Options(now=NOW, frozen=True, size=size)) as linkedin,
    ):
        linkedin.connect()
        sync_all(linkedin)
        yield linkedin


def sync_all(linkedin: SimulatedLinkedIn, **options: Any) -> None:
    for ad_account_id in linkedin.ad_account_ids:
        assert linkedin.sync(ad_account_id, force=True, **options).status == "success"


def statements_of_the_document(heading: str) -> list[str]:
    """What the first block of SQL below this heading says."""
    text = (ROOT / "docs/scaling.md").read_text().split(f"### {heading}\n")[1]
    block = re.search(r"```sql\n(.*?)```", text, re.DOTALL)
    assert block
    return [statement for statement in block[1].split(";\n") if statement.strip()]


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def partition() -> None:
    run((ROOT / "deploy/partitions_by_month.sql").read_text())
    run(*statements_of_the_document("Creating partitions"))


def answers() -> dict[str, Any]:
    """What reports and BI tools are told."""
    period = Period(FIRST_DAY, NOW.date())
    told: dict[str, Any] = {
        one: performance(ad_accounts=AdAccount.objects.all(), period=period, group_by=one) for one in GroupBy
    }
    with connection.cursor() as cursor:
        for view in VIEWS:
            cursor.execute(f"SELECT to_jsonb(one) - 'data_as_of' FROM reporting.{view} AS one ORDER BY one::text")
            told[view] = cursor.fetchall()
    return told


def definitions(table: str) -> set[str]:
    """Columns, constraints but the key, indexes and triggers, as PostgreSQL spells them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated)
            FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped
            UNION ALL
            SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = %(table)s::regclass AND contype <> 'p'
            UNION ALL
            SELECT replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index
            WHERE indrelid = %(table)s::regclass AND NOT indisprimary
            UNION ALL
            SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = %(table)s::regclass AND NOT tgisinternal
            """,
            {"table": table},
        )
        return {one for (one,) in cursor.fetchall()}


def partitions_read(query: str) -> set[str]:
    """Months of either table that a plan reads."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {query}")
        [(plan,)] = cursor.fetchall()
    return set(re.findall(r'"Relation Name": "\w+_daily_metrics_(\w+)"', json.dumps(plan)))


def test_syncs_and_reports_do_not_notice(linkedin):
    said, shape = answers(), {table: definitions(table) for table in TABLES}
    rows = contents()
    newest = CampaignDailyMetric.objects.latest("id").pk
    partition()
    assert {table: definitions(table) for table in TABLES} == shape
    assert answers() == said
    assert contents() == rows
    one = linkedin.ad_account_ids[0]
    linkedin.simulator.change(
        "restate", ad_account=one, first_day=str(NOW.date() - timedelta(days=20)), last_day=str(NOW.date())
    )
    # Into months that had no row, and days before the first partition.
    linkedin.simulator.change("append_days", days=45)
    first_day = FIRST_DAY - timedelta(days=40)
    sync_all(linkedin, first_day=first_day)
    for ad_account_id in linkedin.ad_account_ids:
        linkedin.assert_stored(first_day, ad_account_id=ad_account_id)
    assert answers() != said
    assert CampaignDailyMetric.objects.latest("id").pk > newest
    assert CampaignDailyMetric.objects.filter(date__lt="2026-08-01").exists()


def test_a_report_reads_its_months_alone(linkedin):
    partition()
    period = Period(date(2026, 9, 20), date(2026, 10, 5))
    with CaptureQueriesContext(connection) as asked:
        performance(ad_accounts=AdAccount.objects.all(), period=period, group_by=GroupBy.WEEK)
        performance(ad_accounts=AdAccount.objects.all(), period=period, group_by=GroupBy.CREATIVE)
    # Coverage reads no partition, only the tables' names.
    plans = [partitions_read(one["sql"]) for one in asked.captured_queries if "_daily_metrics" in one["sql"]]
    assert [months for months in plans if months] == [{"2026_09", "2026_10"}] * 2
    every_month = partitions_read(str(CreativeDailyMetric.objects.order_by("creative_id").query))
    assert {"before", "2026_08", "2026_11", "2027_01"} < every_month


def test_months_are_made_ahead_and_once(linkedin):
    partition()
    before = count_partitions()
    run(*statements_of_the_document("Every month"))
    assert count_partitions() == before
    run("SELECT make_months('campaign_daily_metrics', '2031-12-31', '2032-01-01')")
    assert count_partitions() == before + 2


def count_partitions() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = ANY (%s::regclass[])", [list(TABLES)])
        [(count,)] = cursor.fetchall()
        return int(count)


def test_counts_and_backups_see_every_row_once(linkedin, tmp_path):
    rows = count_rows()
    partition()
    assert count_rows() == rows
    # PostgreSQL's own analysis may have come before it heard of the rows, which count twice until the next one.
    run("SELECT pg_stat_force_next_flush()", *(f"ANALYZE {table}" for table in TABLES))
    assert {table: operations.sizes()[2][table] for table in TABLES} == {table: rows[table] for table in TABLES}
    said = answers()
    back_up(tmp_path / "backup.tar")
    partitions = count_partitions()
    run("DELETE FROM creative_daily_metrics")
    restore(tmp_path / "backup.tar", replace=True)
    assert (answers(), count_partitions()) == (said, partitions)


def test_removing_an_ad_account_leaves_the_others(linkedin):
    """The same place holds a row of one ad account in one month, and of another one in the next."""
    partition()
    leaving, staying = linkedin.ad_account_ids
    ad_account_removal.begin(AdAccount.objects.get(pk=leaving), actor=None, now=NOW)
    ad_account_removal.carry_out(leaving)
    linkedin.assert_stored(FIRST_DAY, ad_account_id=staying)
    assert not CreativeDailyMetric.objects.exclude(creative__account=staying).exists()


def test_copies_stay_equal(linkedin):
    """Rows keep their marks, and the partitions mark what changes."""
    owner = make_user(role=Role.OWNER)
    copies = [Copy(owner, table) for table in ("campaign-metrics", "creative-metrics")]
    for copy in copies:
        copy.catch_up()
    partition()
    for copy in copies:
        copy.catch_up()
        assert copy.replies[-1]["results"] == []
    ad_account_removal.begin(AdAccount.objects.get(pk=linkedin.ad_account_ids[0]), actor=None, now=NOW)
    ad_account_removal.carry_out(linkedin.ad_account_ids[0])
    linkedin.simulator.change("append_days", days=2)
    assert linkedin.sync(linkedin.ad_account_ids[1], force=True).status == "success"
    for copy in copies:
        copy.catch_up(page_size=100)
        assert copy.rows == stored(copy.table, owner)
        assert copy.starts == 1


def test_a_month_is_forgotten(linkedin):
    partition()
    owner = make_user(role=Role.OWNER)
    copy = Copy(owner, "campaign-metrics")
    copy.catch_up()
    run(*(one.replace("2022_11", "2026_09") for one in statements_of_the_document("Deleting old months")))
    for model in (CampaignDailyMetric, CreativeDailyMetric):
        months = {day.month for day in model.objects.values_list("date", flat=True)}
        assert months == {8, 10, 11}
    copy.catch_up()
    assert (copy.starts, copy.rows) == (2, stored("campaign-metrics", owner))
    assert linkedin.sync(force=True, first_day=FIRST_DAY).status == "success"
    linkedin.assert_stored(FIRST_DAY)
