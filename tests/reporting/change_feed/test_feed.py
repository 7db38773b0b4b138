"""A copy that the change feed keeps equals the table, whatever happened and in which order it was committed."""

from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from accounts.models import AdAccountAccess
from ingestion.models import Campaign, CampaignDailyMetric, SyncLog
from ingestion.sync import load
from reporting.change_feed import cursors, marks, tombstones
from reporting.models import DeletedRow
from reporting.operations import ad_account_removal
from reporting.queries import changes
from reporting.snapshots import snapshot_store
from tests.builders import (
    DAY,
    NOW,
    make_access,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_creative,
    make_creative_day,
    make_finding,
    make_rejected_record,
    make_segment,
    make_sync_run,
)
from tests.reporting.change_feed.copying import TABLES, Copy, another_connection, stored, used

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def one_of_each(snapshot_folder, alice):
    """A row of every table."""
    ad_account = make_ad_account()
    campaign = make_campaign(account=ad_account)
    creative = make_creative(campaign=campaign)
    make_campaign_day(campaign=campaign)
    make_creative_day(creative=creative)
    make_segment(account=ad_account)
    make_rejected_record(run=make_sync_run(account=ad_account))
    make_finding(campaign=campaign)
    snapshot_store.queue(ad_account, days=30, asked_by=alice, now=timezone.now())
    return ad_account


def a_copy(reader, table, **options):
    copy = Copy(reader, table)
    copy.catch_up(**options)
    assert copy.rows == stored(table, reader)
    return copy


def assert_equal(copy, **options):
    copy.catch_up(**options)
    assert copy.rows == stored(copy.table, copy.reader)


def make_days(campaign, count):
    return [make_campaign_day(campaign=campaign, date=DAY - timedelta(days=one)) for one in range(count)]


# --- every table ---


@pytest.mark.parametrize("table", ["campaign-metrics", "creative-metrics", "demographics"])
def test_there_is_no_ratio_without_a_divisor(alice, table):
    """As in the lists: 0 would be a click rate."""
    creative = make_creative()
    make_campaign_day(campaign=creative.campaign, impressions=0, clicks=0)
    make_creative_day(creative=creative, impressions=0, clicks=0)
    make_segment(account=creative.account, impressions=0, clicks=0)
    [row] = a_copy(alice, table).rows.values()
    assert row["ctr_percent"] is None
    assert row.get("cpc") is None


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_sent_with_its_changes_and_its_end(alice, one_of_each, table):
    copy = a_copy(alice, table)
    [change] = copy.replies[0]["results"]
    assert change["op"] == "upsert"
    assert copy.replies[0]["has_more"] is False
    ad_account_removal.begin(one_of_each, actor=None, now=NOW)
    ad_account_removal.carry_out(one_of_each.pk)
    assert_equal(copy)
    assert not copy.rows
    assert copy.starts == 1
    assert copy.replies[-1]["results"][-1] == {"op": "delete", "key": change["key"], "row": None}


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 1000])
def test_any_page_size_brings_everything(alice, page_size):
    campaigns = [make_campaign() for _ in range(3)]
    for campaign in campaigns:
        make_days(campaign, 4)
    copy = a_copy(alice, "campaign-metrics", page_size=page_size)
    CampaignDailyMetric.objects.filter(campaign=campaigns[0]).update(clicks=3)
    CampaignDailyMetric.objects.filter(campaign=campaigns[1]).delete()
    make_days(make_campaign(), 2)
    assert_equal(copy, page_size=page_size)
    assert copy.starts == 1


def test_changes_while_the_first_load_is_under_way_come_after_it(alice):
    days = make_days(make_campaign(), 6)
    copy = Copy(alice, "campaign-metrics")
    copy.read_page(page_size=2)
    CampaignDailyMetric.objects.filter(pk=days[5].pk).update(clicks=9)
    days[0].delete()
    make_days(make_campaign(), 2)
    copy.read_page(page_size=2)
    CampaignDailyMetric.objects.filter(pk=days[4].pk).delete()
    assert_equal(copy, page_size=2)


def test_what_did_not_change_is_not_sent_again(alice):
    campaign = make_campaign()
    make_days(campaign, 3)
    copy = a_copy(alice, "campaign-metrics")
    row = CampaignDailyMetric.objects.values_list(*load.CAMPAIGN_DAYS.columns).latest("date")
    with transaction.atomic():
        load.upsert(load.CAMPAIGN_DAYS, [row], now=NOW + timedelta(hours=1))
    copy.catch_up()
    assert copy.replies[-1]["results"] == []


def test_a_campaign_that_linkedin_no_longer_lists_is_a_change(alice):
    ad_account = make_ad_account()
    make_campaign(account=ad_account)
    copy = a_copy(alice, "campaigns")
    with transaction.atomic():
        load.mark_missing(load.CAMPAIGNS, ad_account_id=ad_account.pk, seen=[], now=NOW)
    assert_equal(copy)
    [row] = copy.rows.values()
    assert row["missing_since"] == "2026-11-20T12:00:00Z"


def test_a_row_that_comes_back_is_there(alice):
    campaign = make_campaign()
    day = make_days(campaign, 1)[0]
    copy = a_copy(alice, "campaign-metrics")
    with transaction.atomic():
        day.delete()
        make_days(campaign, 1)
    assert_equal(copy, page_size=1)
    assert len(copy.rows) == 1


# --- transactions side by side ---


def test_a_transaction_that_ends_later_than_a_younger_one_is_not_left_out(alice):
    copy = a_copy(alice, "campaigns")
    with another_connection() as long:
        with used(long):
            transaction.set_autocommit(False)
            make_campaign()
        make_campaign()
        copy.catch_up()
        assert not copy.rows, "the younger one waits for the older one"
        with used(long):
            transaction.commit()
    assert_equal(copy)
    assert len(copy.rows) == 2


def test_without_the_bound_a_row_would_be_lost(alice):
    """What the horizon is for: were every committed row read, the cursor would pass one that is still to come."""
    copy = a_copy(alice, "campaigns")
    with another_connection() as long:
        with used(long):
            transaction.set_autocommit(False)
            make_campaign()
        make_campaign()
        with patch.object(changes, "horizon", newest_mark):
            copy.catch_up()
        with used(long):
            transaction.commit()
    copy.catch_up()
    assert copy.rows != stored("campaigns", alice)


def newest_mark():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint + change_mark_offset()")
        return cursor.fetchone()[0]


def test_an_older_transaction_stores_again_what_a_younger_one_deleted(alice):
    """Its number is lower, so the row comes before its deletion, which must not be sent then."""
    campaign = make_campaign()
    make_days(campaign, 1)
    copy = a_copy(alice, "campaign-metrics")
    with another_connection() as older:
        with used(older):
            transaction.set_autocommit(False)
            make_sync_run(account=campaign.account)
        CampaignDailyMetric.objects.all().delete()
        with used(older):
            make_campaign_day(campaign=campaign, clicks=7)
            transaction.commit()
    assert_equal(copy)
    assert len(copy.rows) == 1


def test_a_transaction_that_is_rolled_back_leaves_nothing(alice):
    copy = a_copy(alice, "campaigns")
    with another_connection() as other, used(other):
        transaction.set_autocommit(False)
        make_campaign()
        transaction.rollback()
    assert_equal(copy)
    assert not copy.rows


def test_the_answer_says_how_far_it_is_complete(alice):
    copy = Copy(alice, "campaigns")
    with another_connection() as idle:
        before = datetime.now(UTC)
        with used(idle):
            transaction.set_autocommit(False)
            make_campaign()
        begun = datetime.now(UTC)
        make_campaign()
        copy.catch_up()
        through = datetime.fromisoformat(copy.replies[-1]["committed_through"])
        assert before <= through <= begun
    asked = datetime.now(UTC)
    copy.catch_up()
    assert datetime.fromisoformat(copy.replies[-1]["committed_through"]) >= asked


def test_a_sync_that_waits_for_linkedin_holds_nothing_back(alice):
    """Its run is open for hours; a transaction is not."""
    make_sync_run(status=SyncLog.Status.RUNNING, finished_at=None)
    copy = a_copy(alice, "campaigns")
    make_campaign()
    assert_equal(copy)
    assert len(copy.rows) == 1


@contextmanager
def open_elsewhere():
    """A transaction that writes, in another database of this server."""
    with another_connection(database="postgres") as other, other.cursor() as cursor:
        other.set_autocommit(False)
        cursor.execute("SELECT pg_current_xact_id()")
        yield


@contextmanager
def open_here():
    with another_connection() as other, used(other):
        transaction.set_autocommit(False)
        make_campaign()
        yield


def test_another_database_of_the_server_holds_nothing_back(alice):
    copy = Copy(alice, "campaigns")
    with open_elsewhere():
        make_campaign()
        asked = datetime.now(UTC)
        assert_equal(copy)
        assert len(copy.rows) == 1
        assert datetime.fromisoformat(copy.replies[-1]["committed_through"]) >= asked
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint < change_horizon()")
            assert cursor.fetchone() == (True,), "what the whole server waits for"


@pytest.mark.parametrize("first_is_ours", [True, False])
def test_beside_a_transaction_of_another_database_one_of_this_holds_back(alice, first_is_ours):
    copy = Copy(alice, "campaigns")
    own = connections["default"]
    with ExitStack() as stack:
        for one in (open_here, open_elsewhere) if first_is_ours else (open_elsewhere, open_here):
            stack.enter_context(one())
        with used(own):
            make_campaign()
            copy.catch_up()
            assert not copy.rows
    assert_equal(copy)
    assert len(copy.rows) == 1


def test_a_transaction_that_writes_and_asks_waits_for_itself():
    with transaction.atomic(), connection.cursor() as cursor:
        make_campaign()
        cursor.execute("SELECT change_horizon() = pg_current_xact_id()::text::bigint + change_mark_offset()")
        assert cursor.fetchone() == (True,)


def test_an_old_snapshot_brings_no_newer_horizon():
    """One that a transaction keeps: what was open then is not in its rows, even if it has ended since."""
    with another_connection() as other, ExitStack() as stack:
        stack.enter_context(open_here())
        with other.cursor() as cursor:
            other.set_autocommit(False)
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT change_horizon()")
            [before] = cursor.fetchone()
            stack.close()
            cursor.execute("SELECT change_horizon()")
            assert cursor.fetchone() == (before,)


# --- whose rows ---


def test_a_viewer_is_sent_the_rows_of_their_ad_accounts(bob, bobs_ad_account):
    make_days(make_campaign(account=bobs_ad_account), 2)
    make_days(make_campaign(), 3)
    copy = a_copy(bob, "campaign-metrics")
    assert len(copy.rows) == 2
    make_days(make_campaign(account=bobs_ad_account), 1)
    make_days(make_campaign(), 1)
    CampaignDailyMetric.objects.exclude(campaign__account=bobs_ad_account).delete()
    assert_equal(copy, page_size=1)
    assert len(copy.rows) == 3
    assert all(change["op"] == "upsert" for reply in copy.replies for change in reply["results"])


def test_a_page_does_not_search_for_ever_through_what_others_see(bob, bobs_ad_account, monkeypatch):
    copy = a_copy(bob, "creatives")
    monkeypatch.setattr(changes, "MAX_SCANNED", 2)
    others, own = make_campaign(), make_campaign(account=bobs_ad_account)
    for number in range(7):
        make_creative(campaign=others)
        make_creative(campaign=own, id=f"urn:li:sponsoredCreative:{'aBé'[number % 3]}{number}")
    for creative in list(others.creatives.all()):
        creative.delete()
    assert_equal(copy)
    assert len(copy.rows) == 7
    assert [] in [reply["results"] for reply in copy.replies[1:]]


def test_one_more_ad_account_starts_the_copy_over(bob, bobs_ad_account):
    other = make_campaign(account=make_ad_account())
    copy = a_copy(bob, "campaigns")
    make_access(user=bob, ad_account=other.account)
    assert_equal(copy)
    assert copy.starts == 2
    assert len(copy.rows) == 1


def test_an_ad_account_that_is_no_longer_theirs_starts_the_copy_over(bob, bobs_ad_account):
    make_campaign(account=bobs_ad_account)
    copy = a_copy(bob, "campaigns")
    AdAccountAccess.objects.all().delete()
    assert_equal(copy)
    assert (copy.starts, copy.rows) == (2, {})


def test_a_viewer_is_told_of_the_removal_of_their_ad_account(bob, bobs_ad_account):
    make_campaign(account=bobs_ad_account)
    copies = [a_copy(bob, table) for table in ("campaigns", "ad-accounts")]
    ad_account_removal.begin(bobs_ad_account, actor=None, now=NOW)
    ad_account_removal.carry_out(bobs_ad_account.pk)
    for copy in copies:
        assert_equal(copy)
        assert (copy.starts, copy.rows) == (1, {})


def test_a_campaign_that_moves_to_another_ad_account_starts_copies_over(bob, bobs_ad_account):
    campaign = make_campaign(account=bobs_ad_account)
    make_days(campaign, 2)
    copy = a_copy(bob, "campaign-metrics")
    Campaign.objects.update(account=make_ad_account())
    assert_equal(copy)
    assert (copy.starts, copy.rows) == (2, {})


# --- cursors ---


def refusal(copy):
    response = copy.browser.get(f"/api/v1/{copy.table}/changes", {"after": copy.cursor})
    return response.status_code, response.json()


def test_a_cursor_of_90_days_is_refused(alice):
    copy = a_copy(alice, "campaigns")
    now = timezone.now()
    given = cursors.decode(copy.cursor, table="campaigns", now=now)
    copy.cursor = cursors.encode(given, now=now - timedelta(days=89, hours=23))
    copy.catch_up()
    assert copy.starts == 1
    copy.cursor = cursors.encode(given, now=now - timedelta(days=90, hours=1))
    status, error = refusal(copy)
    assert status == 410
    assert error.pop("instance").startswith("/api/v1/campaigns/changes?after=")
    assert error == {
        "type": "/api/v1/problems#gone",
        "title": "No longer available",
        "status": 410,
        "detail": "This cursor is older than 90 days. Start over.",
        "field": None,
        "remedy": "Start over: ask without `after`, and replace your copy by what you get.",
    }


def test_deleted_rows_are_forgotten_after_90_days_and_with_them_cursors_from_before(alice):
    campaign = make_campaign()
    make_days(campaign, 3)
    late, current = a_copy(alice, "campaign-metrics"), a_copy(alice, "campaign-metrics")
    CampaignDailyMetric.objects.filter(date=DAY).delete()
    current.catch_up()
    assert tombstones.prune(now=timezone.now() + timedelta(days=89)) == 0
    assert tombstones.prune(now=timezone.now() + timedelta(days=91)) == 1
    assert not DeletedRow.objects.exists()
    assert refusal(late)[0] == 410
    assert_equal(current)
    assert current.starts == 1
    assert_equal(late)


def test_a_restore_refuses_all_cursors(alice):
    make_campaign()
    copy = a_copy(alice, "campaigns")
    marks.restart()
    assert refusal(copy)[0] == 410
    assert_equal(copy)


def test_marks_of_another_server_count_as_past(alice):
    campaign = make_campaign()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE campaigns SET change_mark = change_mark + 1000000000000")
        cursor.execute("SET session_replication_role = origin")
    assert not Copy(alice, "campaigns").read_page()
    try:
        marks.keep_in_the_past()
        copy = a_copy(alice, "campaigns")
        assert len(copy.rows) == 1
        Campaign.objects.filter(pk=campaign.pk).update(name="Newer")
        make_campaign()
        assert_equal(copy)
        assert len(copy.rows) == 2
        offset = offset_now()
        marks.keep_in_the_past()
        assert offset_now() == offset
    finally:
        with connection.cursor() as cursor:
            cursor.execute(marks._RAISE.format(body="'SELECT 0::bigint'"))


def offset_now():
    with connection.cursor() as cursor:
        cursor.execute("SELECT change_mark_offset()")
        return cursor.fetchone()[0]


def test_a_cursor_from_the_future_is_refused(alice):
    """A disk image of yesterday was put back: this server has not counted so far."""
    copy = a_copy(alice, "campaigns")
    cursor = cursors.decode(copy.cursor, table="campaigns", now=timezone.now())
    later = changes.Changes(cursor.mark + 1_000_000)
    copy.cursor = cursors.encode(
        cursors.Cursor(cursor.table, cursor.generation, cursor.ad_accounts, later), now=timezone.now()
    )
    assert refusal(copy)[0] == 410


def test_a_cursor_of_another_table_is_a_mistake(alice):
    copy = a_copy(alice, "campaigns")
    copy.table = "creatives"
    status, error = refusal(copy)
    assert (status, error["field"]) == (400, "after")


@pytest.mark.parametrize("text", ["x", "%ff", "~", "YQ~YQ"])
def test_what_is_no_cursor_is_a_mistake(alice, text):
    copy = Copy(alice, "campaigns", cursor=text)
    assert refusal(copy)[0] == 400


def test_a_cursor_that_another_installation_signed_is_refused(alice):
    copy = a_copy(alice, "campaigns")
    last = "A" if copy.cursor[-1] != "A" else "B"
    copy.cursor = copy.cursor[:-1] + last
    assert refusal(copy)[0] == 410
