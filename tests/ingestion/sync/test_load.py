"""`ingestion/sync/load.py` against PostgreSQL: what is written, and what is left alone."""

import threading
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from accounts.models import AdAccount
from ingestion import catalogue
from ingestion.models import AudienceDemographic, Campaign, CampaignDailyMetric, Creative, UrnName
from ingestion.sync import load
from ingestion.sync.rows import SEGMENT_COLUMNS, CampaignRow, DayRow, copy_line
from tests.builders import (
    DAY,
    NOW,
    make_ad_account,
    make_campaign,
    make_campaign_day,
    make_creative,
    make_creative_day,
    make_segment,
    make_urn_name,
)
from tests.ingestion.simulated import stored_rows

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=4)
NOVEMBER, OCTOBER = date(2026, 11, 1), date(2026, 10, 1)


@pytest.fixture
def ad_account() -> AdAccount:
    return make_ad_account()


def day_row(campaign: Campaign, day: date = DAY, *, impressions: int = 100, spend: Any = Decimal(5)) -> DayRow:
    values = {"impressions": impressions, "clicks": 2, "spend": spend}
    return (campaign.pk, day, *(values.get(metric.column, metric.absent) for metric in catalogue.DAILY))


def campaign_values(ad_account: AdAccount, campaign_id: int, **changes: Any) -> CampaignRow:
    values: dict[str, Any] = dict.fromkeys(load.CAMPAIGNS.columns)
    return CampaignRow(**values | {"id": campaign_id, "account_id": ad_account.pk} | changes)


def segment(ad_account: AdAccount, urn: str, impressions: int, month: date = NOVEMBER, **changes: Any) -> Any:
    values = {metric.column: metric.absent for metric in catalogue.DEMOGRAPHIC} | {
        "account_id": ad_account.pk, "pivot_type": "job_title", "segment": urn, "date_start": month,
        "segment_name": urn.upper(), "date_end": month + timedelta(days=18), "impressions": impressions,
        "clicks": 1, "spend": Decimal(1),
    } | changes  # fmt: skip
    return tuple(values[name] for name in SEGMENT_COLUMNS)


def versions(table: str) -> dict[Any, str]:
    """The transaction and place of every row: both change with any write, even of the same values."""
    with database.cursor() as cursor:
        key = "urn" if table == "urn_names" else "id"
        cursor.execute(f"SELECT {key}, xmin::text || ctid::text FROM {table}")
        return dict(cursor.fetchall())


# --- upsert ---


def test_an_answer_is_compared_row_by_row_and_never_reads_the_whole_table(ad_account):
    """However much is stored: read whole for every answer, a long sync would take time by the square of its days."""
    campaigns = [make_campaign(account=ad_account) for _ in range(20)]
    with database.cursor() as cursor:
        row = dict(zip(load.CAMPAIGN_DAYS.columns, day_row(campaigns[0]), strict=True))
        metrics = list(row)[2:]
        cursor.execute(
            f"INSERT INTO campaign_daily_metrics (campaign_id, date, fetched_at, {', '.join(metrics)})"
            f" SELECT campaign, %s::date - day, %s, {', '.join(['%s'] * len(metrics))}"
            " FROM unnest(%s::bigint[]) AS campaign, generate_series(1, 1000) AS day",
            [DAY, NOW, *(row[name] for name in metrics), [campaign.pk for campaign in campaigns]],
        )
    rows = [day_row(campaign, DAY - timedelta(days=day)) for campaign in campaigns for day in range(100)]
    before = rows_read_from_whole_tables()
    assert load.upsert(load.CAMPAIGN_DAYS, rows, now=LATER) == len(campaigns), "the newest day alone is new"
    assert rows_read_from_whole_tables() == before


def test_days_of_which_nothing_is_stored_are_inserted_as_they_came(ad_account):
    campaign = make_campaign(account=ad_account)
    rows = [day_row(campaign, DAY - timedelta(days=day), spend=Decimal("-2E-18")) for day in range(3)]
    load.insert_days(load.CAMPAIGN_DAYS, b"".join(map(copy_line, rows)), now=NOW)
    assert load.upsert(load.CAMPAIGN_DAYS, rows, now=LATER) == 0, "the text says the same as the rows"


def rows_read_from_whole_tables() -> int:
    """Of the campaigns' daily metrics, by sequential scans of this transaction."""
    with database.cursor() as cursor:
        cursor.execute("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'campaign_daily_metrics'")
        return cursor.fetchone()[0]


def test_upsert_inserts_what_is_new(ad_account):
    campaign = make_campaign(account=ad_account)
    assert load.upsert(load.CAMPAIGN_DAYS, [day_row(campaign)], now=NOW) == 1
    [stored] = stored_rows("campaign_daily_metrics", ad_account.pk)
    zeros = {metric.column: metric.absent for metric in catalogue.DAILY}
    assert stored == zeros | {
        "id": stored["id"], "campaign_id": campaign.pk, "date": DAY, "impressions": 100, "clicks": 2, "spend": 5,
        "ctr": 2, "cpc": Decimal("2.5"), "fetched_at": NOW, "change_mark": stored["change_mark"],
    }  # fmt: skip


def test_upsert_writes_what_differs_and_does_not_touch_the_rest(ad_account):
    campaign = make_campaign(account=ad_account)
    days = [DAY - timedelta(days=n) for n in range(3)]
    load.upsert(load.CAMPAIGN_DAYS, [day_row(campaign, day) for day in days], now=NOW)
    before = versions("campaign_daily_metrics")
    rows = [day_row(campaign, days[0]), day_row(campaign, days[1], impressions=101), day_row(campaign, days[2])]
    assert load.upsert(load.CAMPAIGN_DAYS, rows, now=LATER) == 1
    changed = CampaignDailyMetric.objects.get(date=days[1], impressions=101, fetched_at=LATER)
    after = versions("campaign_daily_metrics")
    assert {key for key in before if after[key] != before[key]} == {changed.pk}
    assert set(CampaignDailyMetric.objects.exclude(pk=changed.pk).values_list("fetched_at", flat=True)) == {NOW}


def test_an_unchanged_row_is_not_even_locked(ad_account):
    """`ON CONFLICT … WHERE` alone would lock it, which is a write of its own (xmax)."""
    campaign = make_campaign(account=ad_account)
    load.upsert(load.CAMPAIGN_DAYS, [day_row(campaign)], now=NOW)
    assert load.upsert(load.CAMPAIGN_DAYS, [day_row(campaign)], now=LATER) == 0
    with database.cursor() as cursor:
        cursor.execute("SELECT xmax::text FROM campaign_daily_metrics")
        assert cursor.fetchall() == [("0",)]


def test_upsert_writes_when_a_value_comes_or_goes(ad_account):
    """NULL compares as a value: `<>` would see no difference to it."""
    load.upsert(load.CAMPAIGNS, [campaign_values(ad_account, 7, name=None)], now=NOW)
    assert load.upsert(load.CAMPAIGNS, [campaign_values(ad_account, 7, name="Named")], now=LATER) == 1
    assert load.upsert(load.CAMPAIGNS, [campaign_values(ad_account, 7, name=None)], now=LATER) == 1
    assert Campaign.objects.get(pk=7).name is None


def test_upsert_stores_no_rows_at_all():
    assert load.upsert(load.CAMPAIGN_DAYS, [], now=NOW) == 0


def test_upsert_can_be_called_again_in_one_transaction(ad_account):
    """Its temporary table must not stand in the way of the next call, of another table's either."""
    campaign = make_campaign(account=ad_account)
    creative = make_creative(campaign=campaign)
    load.upsert(load.CAMPAIGN_DAYS, [day_row(campaign)], now=NOW)
    load.upsert(load.CREATIVE_DAYS, [(creative.pk, *day_row(campaign)[1:])], now=NOW)
    assert load.upsert(load.CAMPAIGN_DAYS, [day_row(campaign, impressions=1)], now=NOW) == 1


def test_a_campaign_that_linkedin_lists_again_is_no_longer_missing(ad_account):
    make_campaign(id=7, account=ad_account, missing_since=NOW)
    load.upsert(load.CAMPAIGNS, [campaign_values(ad_account, 7)], now=LATER)
    assert Campaign.objects.get(pk=7).missing_since is None


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("12.34567890123456789012", "12.3456789012"),
        ("0.00000000005", "0.0000000001"),
        ("-2E-18", "0"),
        ("1E+3", "1000"),
        ("9999999999999.9999999999", "9999999999999.9999999999"),
    ],
)
def test_money_is_rounded_to_ten_places(ad_account, sent, stored):
    """LinkedIn sends up to twenty, as exponents, and dust below zero; no binary fraction may come between."""
    campaign = make_campaign(account=ad_account)
    load.upsert(load.CAMPAIGN_DAYS, [day_row(campaign, spend=Decimal(sent))], now=NOW)
    assert CampaignDailyMetric.objects.values_list("spend", flat=True).get() == Decimal(stored)


@pytest.mark.parametrize("sent", ["12.34567890123456789012", "-2E-18"])
def test_a_rounded_amount_is_unchanged_when_it_comes_again(ad_account, sent):
    """Compared before it is rounded, it would be written anew at every sync."""
    campaign = make_campaign(account=ad_account)
    row = day_row(campaign, spend=Decimal(sent))
    load.upsert(load.CAMPAIGN_DAYS, [row], now=NOW)
    assert load.upsert(load.CAMPAIGN_DAYS, [row], now=LATER) == 0


@pytest.mark.parametrize(
    "name",
    ["tab\there", "line\nbreak\r\n", "back\\slash \\N \\t \\.", "\\N", "", '"quoted", {braces}', "🎯 ünïcode \x7f\x01"],
)
def test_text_arrives_as_it_was_sent(ad_account, name):
    """COPY gives tabs, newlines, backslashes and \\N a meaning of its own."""
    row = campaign_values(ad_account, 7, name=name, serving_statuses=[name, "RUNNABLE"])
    load.upsert(load.CAMPAIGNS, [row], now=NOW)
    stored = Campaign.objects.get(pk=7)
    assert (stored.name, stored.serving_statuses) == (name, [name, "RUNNABLE"])
    assert load.upsert(load.CAMPAIGNS, [row], now=LATER) == 0


# --- segments ---


def shares(ad_account: AdAccount, month: date = NOVEMBER) -> dict[str, Decimal]:
    rows = AudienceDemographic.objects.filter(account=ad_account, date_start=month)
    return dict(rows.values_list("segment", "share_pct"))


def test_shares_of_a_month_add_up_to_a_hundred(ad_account):
    rows = [segment(ad_account, f"urn:li:title:{n}", 10 * n) for n in range(1, 5)]
    rows += [segment(ad_account, f"urn:li:title:{n}", 1, OCTOBER) for n in range(1, 4)]
    assert load.upsert_segments(rows, now=NOW) == 7
    assert [*shares(ad_account).values()] == [10, 20, 30, 40]
    october = shares(ad_account, OCTOBER)
    assert set(october.values()) == {Decimal("33.333333")}
    assert abs(sum(october.values()) - 100) < Decimal("0.00001")


def test_shares_follow_impressions_beyond_what_an_integer_times_a_hundred_holds(ad_account):
    rows = [segment(ad_account, "urn:li:title:1", 2**31 - 1), segment(ad_account, "urn:li:title:2", 2**31 - 1)]
    load.upsert_segments(rows, now=NOW)
    assert set(shares(ad_account).values()) == {50}


def test_a_month_without_impressions_has_no_shares(ad_account):
    load.upsert_segments([segment(ad_account, "urn:li:title:1", 0)], now=NOW)
    assert shares(ad_account) == {"urn:li:title:1": None}


def test_a_segment_that_an_answered_month_no_longer_holds_is_set_to_zero(ad_account):
    load.upsert_segments([segment(ad_account, "a", 60), segment(ad_account, "b", 40)], now=NOW)
    load.upsert_segments([segment(ad_account, "a", 80)], now=LATER)
    [stale] = [row for row in stored_rows("audience_demographics", ad_account.pk) if row["segment"] == "b"]
    zeros = {metric.column: metric.absent for metric in catalogue.DEMOGRAPHIC} | {"share_pct": 0}
    assert {name: stale[name] for name in zeros} == zeros
    assert (stale["segment_name"], stale["fetched_at"]) == ("B", LATER)
    assert shares(ad_account) == {"a": 100, "b": 0}


def test_a_segment_at_zero_already_is_not_written_again(ad_account):
    rows = [segment(ad_account, "a", 60), segment(ad_account, "b", 40)]
    load.upsert_segments(rows, now=NOW)
    load.upsert_segments(rows[:1], now=LATER)
    assert load.upsert_segments(rows[:1], now=LATER + timedelta(hours=4)) == 0


def test_months_pivots_and_ad_accounts_that_were_not_answered_stay(ad_account):
    other = make_ad_account()
    kept = [
        make_segment(account=ad_account, segment="b", date_start=OCTOBER, date_end=date(2026, 10, 31)),
        make_segment(account=ad_account, segment="b", pivot_type="industry"),
        make_segment(account=other, segment="b"),
    ]
    before = versions("audience_demographics")
    load.upsert_segments([segment(ad_account, "a", 60)], now=LATER)
    after = versions("audience_demographics")
    assert {one.pk: after[one.pk] for one in kept} == before


def test_a_segment_that_comes_back_counts_again(ad_account):
    both = [segment(ad_account, "a", 60), segment(ad_account, "b", 40)]
    for rows in (both, both[:1], both):
        load.upsert_segments(rows, now=LATER)
    assert shares(ad_account) == {"a": 60, "b": 40}


def test_an_empty_answer_changes_nothing(ad_account):
    """LinkedIn answers nothing where access was lost, too."""
    load.upsert_segments([segment(ad_account, "a", 60)], now=NOW)
    assert load.upsert_segments([], now=LATER) == 0
    assert shares(ad_account) == {"a": 100}


# --- missing, stubs, ids ---


def test_mark_missing_marks_what_the_listing_no_longer_holds(ad_account):
    seen, gone = make_campaign(account=ad_account), make_campaign(account=ad_account)
    gone_before = make_campaign(account=ad_account, missing_since=NOW)
    elsewhere = make_campaign()
    load.mark_missing(load.CAMPAIGNS, ad_account_id=ad_account.pk, seen={seen.pk}, now=LATER)
    since = dict(Campaign.objects.values_list("pk", "missing_since"))
    assert since == {seen.pk: None, gone.pk: LATER, gone_before.pk: NOW, elsewhere.pk: None}
    assert Campaign.objects.get(pk=gone.pk).name == gone.name


def test_mark_missing_knows_creatives_by_their_urn_and_an_empty_listing(ad_account):
    campaign = make_campaign(account=ad_account)
    seen, gone = make_creative(campaign=campaign), make_creative(campaign=campaign)
    load.mark_missing(load.CREATIVES, ad_account_id=ad_account.pk, seen={seen.pk}, now=LATER)
    assert set(Creative.objects.filter(missing_since=LATER)) == {gone}
    load.mark_missing(load.CREATIVES, ad_account_id=ad_account.pk, seen=[], now=LATER)
    assert set(Creative.objects.filter(missing_since=LATER)) == {seen, gone}


def test_a_stub_keeps_a_place_and_says_since_when_it_is_missing(ad_account):
    load.add_stubs(load.CAMPAIGNS, {7, 2**40}, ad_account_id=ad_account.pk, now=NOW)
    load.add_stubs(load.CREATIVES, {"urn:li:sponsoredCreative:1"}, ad_account_id=ad_account.pk, now=NOW)
    assert load.known_ids(load.CAMPAIGNS, ad_account_id=ad_account.pk) == {7, 2**40}
    stub = Creative.objects.get()
    assert (stub.campaign_id, stub.account_id, stub.missing_since, stub.fetched_at) == (None, ad_account.pk, NOW, NOW)


def test_a_stub_overwrites_nothing(ad_account):
    campaign = make_campaign(account=ad_account)
    creative = make_creative(campaign=campaign)
    before = versions("campaigns") | versions("creatives")
    load.add_stubs(load.CAMPAIGNS, [campaign.pk], ad_account_id=ad_account.pk, now=LATER)
    load.add_stubs(load.CREATIVES, [creative.pk], ad_account_id=ad_account.pk, now=LATER)
    assert versions("campaigns") | versions("creatives") == before


def test_known_ids_are_those_of_one_ad_account(ad_account):
    mine = make_creative(campaign=make_campaign(account=ad_account))
    make_creative()
    assert load.known_ids(load.CREATIVES, ad_account_id=ad_account.pk) == {mine.pk}


# --- rows per day ---


def test_rows_per_day_counts_the_rows_of_one_ad_account_and_range(ad_account):
    first, second = make_campaign(account=ad_account), make_campaign(account=ad_account)
    for day in (DAY - timedelta(days=2), DAY - timedelta(days=1), DAY, DAY + timedelta(days=1)):
        make_campaign_day(campaign=first, date=day)
    make_campaign_day(campaign=second, date=DAY)
    make_campaign_day(date=DAY)  # another ad account's
    counted = load.rows_per_day(
        load.CAMPAIGN_DAYS, ad_account_id=ad_account.pk, first_day=DAY - timedelta(days=1), last_day=DAY
    )
    assert counted == {DAY - timedelta(days=1): 1, DAY: 2}


def test_rows_per_day_counts_creatives_without_a_campaign_too(ad_account):
    load.add_stubs(load.CREATIVES, ["urn:li:sponsoredCreative:1"], ad_account_id=ad_account.pk, now=NOW)
    make_creative_day(creative=Creative.objects.get())
    counted = load.rows_per_day(load.CREATIVE_DAYS, ad_account_id=ad_account.pk, first_day=DAY, last_day=DAY)
    assert counted == {DAY: 1}


# --- names ---


def test_a_name_is_known_for_good_and_its_absence_until_it_is_time_to_ask_again():
    long_ago, asked_since = NOW - timedelta(days=400), NOW - timedelta(days=30)
    make_urn_name(urn="urn:li:title:1", name="Old but named", looked_up_at=long_ago)
    make_urn_name(urn="urn:li:title:2", name=None, looked_up_at=asked_since)
    make_urn_name(urn="urn:li:title:3", name=None, looked_up_at=asked_since - timedelta(seconds=1))
    known = load.names_known([f"urn:li:title:{n}" for n in range(1, 5)], now=NOW)
    assert known == {"urn:li:title:1": "Old but named", "urn:li:title:2": None}


@pytest.mark.parametrize(("refusals", "days"), [(1, 30), (2, 60), (3, 120), (4, 240), (5, 240), (32_767, 240)])
def test_a_refused_urn_waits_longer_each_time(refusals: int, days: int):
    make_urn_name(urn="urn:li:title:1", name=None, looked_up_at=NOW - timedelta(days=days), refusals=refusals)
    assert load.names_known(["urn:li:title:1"], now=NOW) == {"urn:li:title:1": None}
    assert load.names_known(["urn:li:title:1"], now=NOW + timedelta(seconds=1)) == {}


def test_refusals_are_counted_until_there_is_a_name():
    for expected in (1, 2):
        load.store_refusal("urn:li:title:1", now=NOW)
        assert UrnName.objects.get().refusals == expected
    assert load.names_refused(["urn:li:title:1", "urn:li:title:2"]) == {"urn:li:title:1"}
    load.store_names({"urn:li:title:1": "Clerk"}, now=NOW)
    assert (UrnName.objects.get().name, UrnName.objects.get().refusals) == ("Clerk", 0)
    assert load.names_refused(["urn:li:title:1"]) == set()


def test_stored_segments_get_the_names_that_were_found_since(ad_account):
    make_segment(account=ad_account, segment="urn:li:title:1", segment_name=None, impressions=1)
    make_segment(account=ad_account, segment="urn:li:title:2", segment_name=None, impressions=9)
    make_segment(account=ad_account, segment="urn:li:title:3", segment_name="Kept")
    other = make_segment(segment="urn:li:title:1", segment_name=None)
    assert load.unnamed_segments(ad_account_id=ad_account.pk) == ["urn:li:title:2", "urn:li:title:1"]
    load.store_names({"urn:li:title:1": "Clerk", "urn:li:title:2": None, "urn:li:title:3": "New"}, now=NOW)
    load.name_segments(ad_account_id=ad_account.pk, now=NOW)
    names = AudienceDemographic.objects.filter(account=ad_account).order_by("segment").values_list("segment_name")
    assert [name for (name,) in names] == ["Clerk", None, "Kept"]
    other.refresh_from_db()
    assert other.segment_name is None


def test_store_names_remembers_names_and_that_there_was_none():
    load.store_names({"urn:li:title:1": None, "urn:li:title:2": "Two"}, now=NOW)
    load.store_names({"urn:li:title:1": "One\t\\N"}, now=LATER)
    assert list(UrnName.objects.order_by("urn").values_list("urn", "name", "looked_up_at")) == [
        ("urn:li:title:1", "One\t\\N", LATER),
        ("urn:li:title:2", "Two", NOW),
    ]


@pytest.mark.django_db(transaction=True)
def test_two_syncs_that_store_the_same_names_in_opposite_orders_both_end():
    """Row by row in the order given they would wait for each other in a circle within a few rounds."""
    urns = [f"urn:li:title:{n}" for n in range(400)]
    load.store_names(dict.fromkeys(urns), now=NOW)
    barrier = threading.Barrier(2, timeout=20)
    failures: list[BaseException] = []

    def store(order: list[str], name: str) -> None:
        try:
            for _ in range(40):
                barrier.wait()
                with transaction.atomic():
                    load.store_names(dict.fromkeys(order, name), now=LATER)
        except BaseException as error:
            failures.append(error)
            barrier.abort()
        finally:
            database.close()

    threads = [
        threading.Thread(target=store, args=(order, name)) for order, name in ((urns, "up"), (urns[::-1], "down"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    # Whoever came last wrote every name.
    assert UrnName.objects.values("name").distinct().count() == 1
