"""`ingestion/sync/sync.py` against a simulated LinkedIn over HTTP: the tables equal its truth."""

from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import connection as database

from ingestion.linkedin import endpoints
from ingestion.linkedin.errors import Unavailable
from ingestion.linkedin_simulator import analytics, reporting_routes
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import AudienceDemographic, Campaign, Creative, RejectedRecord, SyncLog
from ingestion.sync import audience, daily_figures, reconciliation
from ingestion.sync.result import SyncResult
from tests.ingestion.simulated import DATA_TABLES, SimulatedLinkedIn, simulated_linkedin

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
FIRST_DAY = TODAY - timedelta(days=90)


@pytest.fixture
def small(settings):
    options = Options(now=NOW, frozen=True, size=WorldSize(ad_accounts=2, campaigns_per_account=16))
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect()
        yield linkedin


def dense(settings, **size):
    return simulated_linkedin(
        settings, Options(now=NOW, frozen=True, size=WorldSize(ad_accounts=1, dense=True, activity=1.0, **size))
    )


def limit_rows(monkeypatch, *modules, rows):
    """LinkedIn cuts answers there, and these modules know."""
    for module in modules:
        monkeypatch.setattr(module, "ANALYTICS_ROW_LIMIT", rows)
    for module in (analytics, reporting_routes):
        monkeypatch.setattr(module, "MAX_ROWS", rows)


def run_of(result: SyncResult) -> SyncLog:
    assert result.run_id
    return SyncLog.objects.get(pk=result.run_id)


def rows_written() -> dict[str, int]:
    """Inserted, updated and deleted rows of the data tables, by PostgreSQL's own count."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE relname = ANY(%s)",
            [list(DATA_TABLES)],
        )
        return dict(cursor.fetchall())


def test_first_sync_equals_the_truth(small: SimulatedLinkedIn):
    result = small.sync()
    assert (result.status, result.reason) == ("success", "")
    small.assert_stored(FIRST_DAY, known_before=False)


def test_the_share_done_grows_and_is_not_whole_while_most_is_to_come(small: SimulatedLinkedIn):
    shown = []
    result = small.sync(on_progress=shown.append)
    listing = [one.share for one in shown if one.step == "campaigns and creatives"]
    assert listing
    assert set(listing) == {0.0}
    figures = [one.share for one in shown if one.calls <= run_of(result).api_calls_made / 2]
    assert max(figures) < 0.7
    assert max(one.share for one in shown) > 0.7


def test_every_ad_account_is_kept_apart(small: SimulatedLinkedIn):
    for ad_account_id in small.ad_account_ids:
        small.sync(ad_account_id)
    for ad_account_id in small.ad_account_ids:
        small.assert_stored(FIRST_DAY, ad_account_id=ad_account_id, known_before=False)


@pytest.mark.slow
def test_rows_several_times_over_the_limit_are_complete(settings):
    """400 creatives on 120 days are 48,000 rows; LinkedIn cuts at 15,000 without a word."""
    with dense(settings, campaigns_per_account=20, creatives_per_campaign=20) as linkedin:
        linkedin.connect()
        first_day = TODAY - timedelta(days=119)
        result = linkedin.sync(first_day=first_day)
        assert result.status == "success"
        assert result.rows["creative_daily_metrics"] == 48_000
        linkedin.assert_stored(first_day)
        fewest = 1 + 1 + 4 + 1 + ceil(48_000 / 15_000) + 1 + 8 + _name_calls()
        assert result.api_calls <= 1.1 * fewest


def test_a_cut_answer_is_asked_for_in_halves_until_it_is_whole(settings, monkeypatch):
    """By days, then by campaigns. The second look at days that do not add up, which would heal it, is not needed."""
    limit_rows(monkeypatch, daily_figures, rows=40)
    second_look = Mock(return_value=set())
    monkeypatch.setattr(reconciliation, "_recheck", second_look)
    with dense(settings, campaigns_per_account=8, creatives_per_campaign=8) as linkedin:
        linkedin.connect()
        first_day = TODAY - timedelta(days=5)
        assert linkedin.sync(first_day=first_day).status == "success"
        linkedin.assert_stored(first_day)
    assert [list(call.args[2]) for call in second_look.call_args_list] == [[]], "no day differed"


def test_demographics_that_are_cut_are_asked_for_by_fewer_months(settings, monkeypatch):
    limit_rows(monkeypatch, audience, daily_figures, rows=40)
    with dense(settings, campaigns_per_account=1, creatives_per_campaign=1, segments_per_pivot=12) as linkedin:
        linkedin.connect()
        first_day = TODAY - timedelta(days=200)
        assert linkedin.sync(first_day=first_day).status == "success"
        linkedin.assert_stored(first_day)


def test_a_month_of_demographics_that_stays_cut_is_named(settings, monkeypatch):
    limit_rows(monkeypatch, audience, daily_figures, rows=8)
    with dense(settings, campaigns_per_account=1, creatives_per_campaign=1, segments_per_pivot=12) as linkedin:
        linkedin.connect()
        result = linkedin.sync(first_day=TODAY)
    assert result.status == "partial"
    assert "LinkedIn cut the demographics by job_title of 2026-11 at 8 rows" in result.reason
    assert AudienceDemographic.objects.filter(pivot_type="job_title").count() == 8


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_sparse_world_stays_close_to_the_fewest_calls(settings):
    options = Options(
        now=NOW,
        frozen=True,
        size=WorldSize(ad_accounts=1, campaigns_per_account=20, creatives_per_campaign=20, dense=True, activity=0.5),
    )
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect()
        first_day = TODAY - timedelta(days=181)
        result = linkedin.sync(first_day=first_day)
        linkedin.assert_stored(first_day)
        asks = {name: ceil(result.rows[name] / 15_000) for name in ("campaign_daily_metrics", "creative_daily_metrics")}
        fewest = 1 + 1 + 4 + sum(asks.values()) + 1 + 8 + _name_calls()
        assert result.api_calls <= 1.1 * fewest


def _name_calls() -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM urn_names")
        return ceil(cursor.fetchone()[0] / 50)


def test_first_sync_of_a_usual_ad_account_takes_sixteen_calls_at_most(settings):
    """50 campaigns, 200 creatives, 90 active days and today; names come on top, 50 a call, and only once."""
    with dense(settings, campaigns_per_account=50, creatives_per_campaign=4) as linkedin:
        linkedin.connect()
        first = linkedin.sync()
        assert first.rows["creative_daily_metrics"] == 18_200
        assert first.api_calls - _name_calls() <= 16
        second = linkedin.sync(force=True)
        assert second.api_calls <= 15


def test_an_unchanged_second_sync_writes_no_row(small: SimulatedLinkedIn):
    small.sync()
    before = rows_written()
    assert all(before.values())
    again = small.sync(force=True)
    assert again.status == "success"
    assert again.rows["creative_daily_metrics"] > 0
    assert rows_written() == before


def test_what_changed_at_linkedin_is_followed(small: SimulatedLinkedIn):
    """Restated days, a rename, an archived campaign, one that vanished: nothing is lost."""
    small.sync()
    ad_account_id = small.ad_account_ids[0]
    active = list(
        Campaign.objects.filter(account_id=ad_account_id, status="ACTIVE", daily_metrics__isnull=False)
        .distinct()
        .values_list("pk", flat=True)[:3]
    )
    simulator = small.simulator
    first, last = (TODAY - timedelta(days=10)).isoformat(), TODAY.isoformat()
    simulator.change("restate", ad_account=ad_account_id, first_day=first, last_day=last)
    simulator.change("rename", campaign=active[0], name="Tab\there, \\N and a line\nbreak – ünïcode 🎯")
    simulator.change("set_status", campaign=active[1], status="ARCHIVED")
    simulator.change("vanish", campaign=active[2])
    simulator.change("create_campaign", ad_account=ad_account_id, name="Brand new")
    result = small.sync(force=True)
    assert result.status == "success", result.reason
    small.assert_stored(FIRST_DAY)
    vanished = Campaign.objects.get(pk=active[2])
    assert vanished.missing_since == NOW
    assert vanished.name
    assert vanished.daily_metrics.exists()


def test_figures_of_an_unlisted_campaign_get_a_stub(small: SimulatedLinkedIn):
    ad_account_id = small.ad_account_ids[0]
    small.sync()
    busiest = Campaign.objects.filter(account_id=ad_account_id, daily_metrics__isnull=False).first()
    assert busiest
    Campaign.objects.all().delete()
    small.simulator.change("vanish", campaign=busiest.pk)
    assert small.sync(force=True, first_day=FIRST_DAY).status == "success"
    small.assert_stored(FIRST_DAY, known_before=False)
    stub = Campaign.objects.get(pk=busiest.pk)
    assert (stub.name, stub.account_id, stub.missing_since) == (None, ad_account_id, NOW)


def test_every_dirty_record_is_set_aside_with_its_reason(settings):
    options = Options(
        now=NOW, frozen=True, size=WorldSize(ad_accounts=1), faults=[{"name": "dirty_records", "share": 0.2}]
    )
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect()
        linkedin.forget_calls()
        result = linkedin.sync()
        assert result.status == "success"
        run = run_of(result)
        served = linkedin.simulator.office.ledger
        assert result.rejected == len(served.rejections) == run.rows_rejected
        # The ad account itself is asked for singly, not as an element of a page.
        assert sum(served.received.values()) + 1 == run.rows_stored + run.rows_rejected
        kept = RejectedRecord.objects.filter(run=run)
        assert {_endpoint(one.endpoint) for one in kept} == {_endpoint(one.endpoint) for one in served.rejections}
        assert all(one.reason and one.payload is not None for one in kept)
        linkedin.assert_stored(FIRST_DAY, known_before=False)


def test_an_entity_is_stored_without_an_optional_field_that_is_invalid(small: SimulatedLinkedIn):
    """On the first sync, when nothing of it is stored yet: LinkedIn listed it, so it is not missing."""
    ad_account_id = small.ad_account_ids[0]
    small.simulator.switch_on("dirty_fields", share=1.0)
    result = small.sync()
    assert (result.status, result.rejected, run_of(result).rows_rejected) == ("success", 0, 0)
    campaigns = Campaign.objects.filter(account_id=ad_account_id)
    assert campaigns.filter(daily_budget=None).exclude(name=None).exists()
    assert not campaigns.exclude(missing_since=None).exists()
    # LinkedIn hides cancelled creatives, so one with figures is missing in any case.
    creatives = Creative.objects.filter(account_id=ad_account_id)
    hidden = set(creatives.exclude(missing_since=None).values_list("pk", flat=True))
    kept = RejectedRecord.objects.filter(run=result.run_id)
    listed = campaigns.count() + creatives.count() - len(hidden)
    assert kept.filter(reason__contains="; stored without ").count() == kept.count() == listed
    small.simulator.switch_off()
    small.sync(force=True)
    assert set(creatives.exclude(missing_since=None).values_list("pk", flat=True)) == hidden
    small.assert_stored(FIRST_DAY, known_before=True)


def _endpoint(path: str) -> str:
    return path.split()[0].rstrip("/").rpartition("/")[2]


def test_a_fresh_ad_account_is_skipped(small: SimulatedLinkedIn):
    small.sync()
    skipped = small.sync()
    assert skipped.status == "skipped"
    assert "synced just now" in skipped.reason
    assert SyncLog.objects.filter(account_id=small.ad_account_ids[0]).count() == 1


def test_a_later_sync_asks_for_the_look_back_alone(small: SimulatedLinkedIn):
    small.sync()
    small.simulator.clock.set(NOW + timedelta(days=2))
    result = small.sync()
    run = run_of(result)
    assert (run.first_day, run.last_day) == (TODAY - timedelta(days=30), TODAY + timedelta(days=2))
    small.assert_stored(FIRST_DAY, known_before=False)


def test_posts_lend_their_names_where_the_consent_covers_them(settings):
    options = Options(now=NOW, frozen=True, size=WorldSize(ad_accounts=1))
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect(scopes=("r_ads", "r_ads_reporting", "r_organization_social"))
        assert linkedin.sync().status == "success"
        linkedin.assert_stored(FIRST_DAY, known_before=False, posts_readable=True)


def test_refused_posts_leave_creatives_unnamed(settings):
    options = Options(now=NOW, frozen=True, size=WorldSize(ad_accounts=1), faults=["posts_forbidden"])
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect(scopes=("r_ads", "r_ads_reporting", "r_organization_social"))
        assert linkedin.sync().status == "success"
        linkedin.assert_stored(FIRST_DAY, known_before=False)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["flaky", "cut_body"])
def test_faults_that_pass_leave_no_trace(settings, fault):
    options = Options(now=NOW, frozen=True, size=WorldSize(ad_accounts=1))
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect()
        linkedin.simulator.switch_on(fault, count=3, probability=0.3)
        result = linkedin.sync()
        assert result.status == "success", result.reason
        linkedin.assert_stored(FIRST_DAY, known_before=False)


def test_short_pages_are_followed_to_the_end(settings):
    options = Options(now=NOW, frozen=True, size=WorldSize(ad_accounts=1, campaigns_per_account=40), short_pages=True)
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect()
        assert linkedin.sync().status == "success"
        linkedin.assert_stored(FIRST_DAY, known_before=False)


@pytest.mark.parametrize(
    ("fault", "kind", "remedy"),
    [
        ("throttle_day", "throttled", "00:00 UTC"),
        ("sunset_version", "version", "LINKEDIN_API_VERSION"),
        ("refused_account", "access", "Campaign Manager"),
        ("lost_role", "access", "Campaign Manager"),
        ("looping_page_token", "data", "page"),
    ],
)
def test_a_refusal_changes_nothing_and_names_the_remedy(settings, fault, kind, remedy):
    options = Options(now=NOW, frozen=True, size=WorldSize(ad_accounts=1, campaigns_per_account=60))
    with simulated_linkedin(settings, options) as linkedin:
        linkedin.connect()
        linkedin.sync()
        before = rows_written()
        where = {"ad_account": linkedin.ad_account_ids[0]} if fault in {"refused_account", "lost_role"} else {}
        linkedin.simulator.switch_on(fault, **where)
        result = linkedin.sync(force=True)
        assert (result.status, result.error_kind) == ("failed", kind)
        assert remedy in result.reason
        run = run_of(result)
        assert (run.status, run.error_kind, run.errors) == ("failed", kind, result.reason)
        assert rows_written() == before


def test_one_refused_step_leaves_the_rest_stored(small: SimulatedLinkedIn, monkeypatch):
    """A pivot of the demographics fails: figures are whole, the run says partial and why."""
    honest = endpoints.demographic_months

    def refused(client: Any, *, pivot: str, **what: Any) -> Any:
        if pivot == "MEMBER_SENIORITY":
            raise Unavailable("LinkedIn did not answer.")
        return honest(client, pivot=pivot, **what)

    monkeypatch.setattr(endpoints, "demographic_months", refused)
    result = small.sync()
    assert (result.status, result.error_kind) == ("partial", "network")
    assert result.rows["creative_daily_metrics"] > 0


@pytest.mark.parametrize("day", [date(2026, 11, 1), date(2026, 3, 31)])
def test_a_named_range_is_asked_whole(small: SimulatedLinkedIn, day):
    result = small.sync(first_day=day, last_day=day)
    assert result.status == "success"
    small.assert_stored(day, day, known_before=False)
