"""Names that LinkedIn does not give today: figures are whole all the same, and the rest gets its names."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion.linkedin import endpoints
from ingestion.linkedin.client import LinkedInClient
from ingestion.linkedin.endpoints import Page
from ingestion.linkedin.errors import AccessDenied, BadRequest
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import AudienceDemographic, SyncLog, UrnName
from ingestion.sync import names
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
DAYS = 60
FIRST_DAY = TODAY - timedelta(days=DAYS - 1)
SCOPES = ("r_ads", "r_ads_reporting", "r_organization_social")
NAMES, POSTS = "adTargetingEntities", "posts"


@pytest.fixture
def linkedin(settings):
    """Sixty days, of which later syncs request the last few again: earlier demographics stay as stored."""
    settings.BACKFILL_DAYS, settings.LOOKBACK_DAYS = DAYS - 1, 3
    size = WorldSize(ad_accounts=1, campaigns_per_account=6, creatives_per_campaign=4)
    with simulated_linkedin(settings, Options(now=NOW, frozen=True, size=size)) as linkedin:
        linkedin.connect(scopes=SCOPES)
        yield linkedin


def calls(linkedin: SimulatedLinkedIn, endpoint: str) -> int:
    return linkedin.simulator.counters.counted()["calls"].get(endpoint, 0)


def asked_in_a_sync(linkedin: SimulatedLinkedIn, endpoint: str) -> int:
    linkedin.forget_calls()
    result = linkedin.sync(force=True)
    assert (result.status, result.reason) == ("success", "")
    return calls(linkedin, endpoint)


def some_urns(linkedin: SimulatedLinkedIn, endpoint: str, count: int) -> list[str]:
    """URNs that a sync looks up, in a fixed order."""
    linkedin.sync()
    if endpoint == NAMES:
        found = AudienceDemographic.objects.filter(segment__startswith="urn:li:").exclude(segment_name=None)
        urns = sorted(set(found.values_list("segment", flat=True)))
    else:
        urns = sorted(UrnName.objects.filter(urn__contains=":share:").values_list("urn", flat=True))
    UrnName.objects.all().delete()
    AudienceDemographic.objects.filter(segment__startswith="urn:li:").update(segment_name=None)
    return urns[:: max(1, len(urns) // count)][:count]


@pytest.mark.parametrize("endpoint", [NAMES, POSTS])
def test_a_daily_limit_of_names_leaves_them_for_tomorrow_and_figures_go_on(linkedin, endpoint):
    linkedin.simulator.switch_on("throttle_day", endpoint=endpoint)
    result = linkedin.sync()
    assert (result.status, result.reason) == ("success", "")
    assert "left for tomorrow: " in result.notes
    assert f"daily limit for {endpoint} is used up until 2026-11-22 00:00 UTC" in result.notes
    assert SyncLog.objects.get(pk=result.run_id).notes == result.notes
    assert calls(linkedin, endpoint) <= 4, "only those that were under way together"
    for hours in (1, 6, 11.9):
        linkedin.simulator.clock.set(NOW + timedelta(hours=hours))
        assert asked_in_a_sync(linkedin, endpoint) == 0
        assert calls(linkedin, "adAnalytics") == 3 + 8
        run = SyncLog.objects.latest("pk")
        assert (run.status, "until 2026-11-22 00:00 UTC" in run.notes) == ("success", True)
    linkedin.simulator.clock.set(MIDNIGHT)
    assert asked_in_a_sync(linkedin, endpoint) > 0
    assert SyncLog.objects.latest("pk").notes is None
    linkedin.assert_stored(FIRST_DAY, known_before=False, posts_readable=True)
    assert asked_in_a_sync(linkedin, endpoint) == 0


@pytest.mark.parametrize("endpoint", ["adAccounts", "adCampaigns", "creatives", "adAnalytics"])
def test_a_daily_limit_of_what_figures_need_stops_the_sync(linkedin, endpoint):
    linkedin.simulator.switch_on("throttle_day", endpoint=endpoint)
    result = linkedin.sync()
    assert (result.status in {"failed", "partial"}, result.error_kind) == (True, "throttled")
    linkedin.forget_calls()
    assert "until 2026-11-22 00:00 UTC" in linkedin.sync(force=True).reason
    assert linkedin.simulator.counters.counted()["total"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("endpoint", [NAMES, POSTS])
def test_one_refused_urn_is_found_and_remembered_and_the_others_get_their_names(linkedin, endpoint, status):
    [refused] = some_urns(linkedin, endpoint, 1)
    linkedin.simulator.switch_on("refused_urn", urn=refused, status=status)
    linkedin.forget_calls()
    result = linkedin.sync(force=True)
    assert (result.status, result.reason) == ("success", "")
    assert refused in result.notes
    # A batch of fifty takes six halvings, of which each adds two calls.
    most = len(names.batches(list(UrnName.objects.values_list("urn", flat=True)))) + 2 * 6
    assert calls(linkedin, endpoint) <= most
    one = UrnName.objects.get(urn=refused)
    assert (one.name, one.refusals, one.looked_up_at) == (None, 1, NOW)
    assert not UrnName.objects.exclude(urn=refused).filter(refusals__gt=0).exists()
    assert asked_in_a_sync(linkedin, endpoint) == 0
    assert SyncLog.objects.latest("pk").notes is None

    for days, expected, refusals in ((29, 0, 1), (31, 1, 2), (59, 0, 2), (61, 1, 3), (119, 0, 3), (121, 1, 4)):
        UrnName.objects.filter(urn=refused).update(looked_up_at=NOW - timedelta(days=days))
        assert asked_in_a_sync(linkedin, endpoint) == expected, "alone, so that it makes no batch fail"
        one.refresh_from_db()
        assert one.refusals == refusals
    linkedin.simulator.switch_off()
    UrnName.objects.filter(urn=refused).update(looked_up_at=NOW - timedelta(days=241))
    assert asked_in_a_sync(linkedin, endpoint) == 1
    one.refresh_from_db()
    assert one.refusals == 0
    linkedin.assert_stored(FIRST_DAY, posts_readable=True)


@pytest.mark.parametrize("count", [2, 4, 8])
def test_of_many_refused_urns_a_sync_finds_a_few_and_the_next_syncs_the_rest(linkedin, count):
    urns = some_urns(linkedin, NAMES, count)
    for urn in urns:
        linkedin.simulator.switch_on("refused_urn", urn=urn, endpoint=NAMES)
    linkedin.forget_calls()
    for _ in range(3):
        result = linkedin.sync(force=True)
        assert (result.status, result.reason) == ("success", "")
        # Answers that were under way when the last one was found still come.
        at_once = names.MAX_REFUSED + 4
        assert len(UrnName.objects.filter(refusals__gt=0)) <= at_once
        assert asked_and_forgotten(linkedin, NAMES) <= 2 + 2 * 6 * at_once
        if UrnName.objects.filter(refusals__gt=0).count() == count:
            break
        assert "left for the next sync: " in result.notes
    assert set(UrnName.objects.filter(refusals__gt=0).values_list("urn", flat=True)) == set(urns)
    assert asked_in_a_sync(linkedin, NAMES) == 0
    left = AudienceDemographic.objects.filter(segment__startswith="urn:li:", segment_name=None)
    nameless = UrnName.objects.filter(name=None, refusals=0).values_list("urn", flat=True)
    assert set(left.values_list("segment", flat=True)) - set(nameless) == set(urns)


def asked_and_forgotten(linkedin: SimulatedLinkedIn, endpoint: str) -> int:
    asked = calls(linkedin, endpoint)
    linkedin.forget_calls()
    return asked


@pytest.mark.parametrize("endpoint", [NAMES, POSTS])
def test_a_batch_that_is_refused_in_any_shape_costs_a_bounded_number_of_calls(linkedin, monkeypatch, endpoint):
    """LinkedIn takes single URNs only: whatever the reason, a sync tries for a while, and the next one goes on."""
    whole = {NAMES: "entity_names", POSTS: "posts"}[endpoint]
    asked: list[int] = []
    honest = getattr(endpoints, whole)

    def one_at_a_time(client: LinkedInClient, *, urns: Sequence[str]) -> Page[Any]:
        asked.append(len(urns))
        if len(urns) > 1:
            raise BadRequest("LinkedIn takes one at a time.")
        return honest(client, urns=urns)

    monkeypatch.setattr(endpoints, whole, one_at_a_time)
    result = linkedin.sync()
    assert (result.status, result.reason) == ("success", "")
    assert asked.count(1) > 0
    assert len(asked) <= 2 * 6 * names.MAX_REFUSED + 8


def test_a_consent_that_may_not_use_names_at_all_is_a_failure_and_costs_one_call_a_sync(linkedin, monkeypatch):
    asked: list[int] = []

    def denied(client: LinkedInClient, *, urns: Sequence[str]) -> Page[Any]:
        asked.append(len(urns))
        raise AccessDenied("Not enough permissions to access: adTargetingEntities.", code="ACCESS_DENIED")

    monkeypatch.setattr(endpoints, "entity_names", denied)
    result = linkedin.sync()
    assert (result.status, result.error_kind) == ("partial", "access")
    assert len(asked) <= 4
    assert not UrnName.objects.filter(refusals__gt=0).exists()
