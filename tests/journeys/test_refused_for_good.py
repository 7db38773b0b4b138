"""What LinkedIn refuses for good costs no figures: a week of hourly turns with a pivot, a name and a post refused."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.truth import truth
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import AudienceDemographic, CoveredDays, IncompleteDay, SyncLog, UrnName
from ingestion.timetable.sync_status import state
from tests.ingestion.simulated import SimulatedLinkedIn, assert_same_rows, simulated_linkedin, stored_rows

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

BEGAN = datetime(2026, 11, 21, tzinfo=UTC)
DAYS = 7
SCOPES = ("r_ads", "r_ads_reporting", "r_organization_social")


@pytest.fixture
def linkedin(settings):
    settings.BACKFILL_DAYS, settings.LOOKBACK_DAYS, settings.FRESHNESS_TTL_MINUTES = 40, 10, 240
    size = WorldSize(ad_accounts=1, campaigns_per_account=8, creatives_per_campaign=4)
    with simulated_linkedin(settings, Options(now=BEGAN, frozen=True, size=size)) as linkedin:
        linkedin.connect(scopes=SCOPES)
        yield linkedin


def refuse_a_name_and_a_post(linkedin: SimulatedLinkedIn) -> set[str]:
    """Of those that a first sync would name; then nothing is stored of it."""
    assert linkedin.sync().status == "success"
    segments = AudienceDemographic.objects.filter(segment__startswith="urn:li:").exclude(segment_name=None)
    posts = UrnName.objects.filter(urn__contains=":share:").exclude(name=None)
    name, post = segments.order_by("-impressions")[0].segment, posts.order_by("urn")[0].urn
    for urn in (name, post):
        linkedin.simulator.switch_on("refused_urn", urn=urn)
    SyncLog.objects.all().delete()
    UrnName.objects.all().delete()
    CoveredDays.objects.all().delete()
    linkedin.forget_calls()
    return {name, post}


def assert_figures_are_true(linkedin: SimulatedLinkedIn, first_day: date) -> None:
    """Every daily row is LinkedIn's of now."""
    ad_account_id = linkedin.ad_account_ids[0]
    expected = truth(linkedin.simulator, ad_account_id, first_day, linkedin.today)
    for table in ("campaign_daily_metrics", "creative_daily_metrics"):
        rows = [row for row in stored_rows(table, ad_account_id) if row["impressions"] or row["spend"]]
        assert_same_rows(table, [row for row in rows if row["date"] >= first_day], expected[table])


@pytest.mark.parametrize("are_totals_wrong", [False, True], ids=["totals agree", "totals off by one"])
@pytest.mark.parametrize("pivot", [None, "MEMBER_JOB_TITLE"], ids=["every pivot", "a pivot refused"])
def test_figures_advance_every_day_and_calls_do_not_grow(linkedin, are_totals_wrong, pivot):
    refused = refuse_a_name_and_a_post(linkedin)
    if pivot:
        linkedin.simulator.switch_on("refused_pivot", pivot=pivot)
    if are_totals_wrong:
        linkedin.simulator.switch_on("wrong_totals")
    by_day: list[Counter[str]] = []
    statuses: Counter[str] = Counter()
    for hour in range(DAYS * 24):
        linkedin.simulator.clock.set(BEGAN + timedelta(hours=hour))
        statuses[linkedin.sync(trigger=SyncLog.Trigger.SCHEDULE).status] += 1
        if hour % 24 == 23:
            by_day.append(Counter(linkedin.simulator.counters.counted()["calls"]))
            linkedin.forget_calls()
            assert_figures_are_true(linkedin, linkedin.today - timedelta(days=9))
            [ad_account] = state(now=linkedin.now()).ad_accounts
            assert ad_account.data_as_of == linkedin.now() - timedelta(hours=3)
            if not are_totals_wrong:
                assert ad_account.complete_through == linkedin.today - timedelta(days=1)
    # Every fourth turn is due.
    assert statuses == {"partial" if pivot else "success": DAYS * 6, "skipped": DAYS * 18}
    assert set(UrnName.objects.filter(refusals__gt=0).values_list("urn", "refusals")) == {(urn, 1) for urn in refused}
    assert SyncLog.objects.exclude(notes=None).count() == 1, "found once, and left alone since"
    assert IncompleteDay.objects.exists() is are_totals_wrong
    # The first day has the backfill and the halvings.
    later = [calls.total() for calls in by_day[1:]]
    assert max(later) <= by_day[0].total()
    # Beside what each of the six syncs requests anyway: a few calls a day where totals are off, none elsewhere.
    extra = [calls["adAnalytics"] - 6 * (3 + 8) for calls in by_day[1:]]
    assert max(extra) <= (4 if are_totals_wrong else 0), extra
    assert later[-1] <= later[0], later
    assert [calls["posts"] for calls in by_day[1:]] == [0] * (DAYS - 1)
