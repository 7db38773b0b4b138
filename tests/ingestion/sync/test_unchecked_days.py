"""Days that were stored while LinkedIn sent no totals are compared with them later, in one more call of one sync."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from ingestion.linkedin import endpoints
from ingestion.linkedin.errors import BadRequest
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import CampaignDailyMetric, CoveredDays, IncompleteDay
from ingestion.sync import coverage, rechecks
from ingestion.sync.plan import plan_sync
from ingestion.sync.windows import days_between
from ingestion.timetable.freshness import days_to_sync
from tests.builders import make_ad_account
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
FIRST_DAY = TODAY - 40 * DAY


@pytest.fixture
def linkedin(settings, monkeypatch) -> Iterator[SimulatedLinkedIn]:
    """Forty days, of which LinkedIn sent no totals."""
    settings.BACKFILL_DAYS, settings.LOOKBACK_DAYS = 40, 5
    size = WorldSize(ad_accounts=1, campaigns_per_account=3, creatives_per_campaign=2, dense=True, activity=1.0)
    with simulated_linkedin(settings, Options(now=NOW, frozen=True, size=size)) as linkedin:
        linkedin.connect()
        with monkeypatch.context() as refusing:
            refusing.setattr(endpoints, "account_days", refuse)
            assert linkedin.sync().status == "partial"
        assert not checked_days()
        linkedin.simulator.clock.advance(days=1)
        yield linkedin


def refuse(*_: Any, **__: Any) -> Any:
    raise BadRequest("no totals")


def checked_days() -> set[date]:
    stretches = CoveredDays.objects.filter(data_table=coverage.CHECKED_DAYS.data_table)
    return {day for days in stretches.values_list("first_day", "last_day") for day in days_between(*days)}


def planned(linkedin: SimulatedLinkedIn) -> int:
    ad_account_id = linkedin.ad_account_ids[0]
    first_day, last_day = days_to_sync(ad_account_id, first_day=None, last_day=None, now=linkedin.now())
    plan = plan_sync(ad_account_id, first_day=first_day, last_day=last_day, now=linkedin.now())
    return plan.total_calls


def test_they_are_checked_by_the_next_sync_as_planned(linkedin) -> None:
    wanted = planned(linkedin)
    result = linkedin.sync()
    assert (result.status, result.api_calls) == ("success", wanted)
    assert checked_days() == set(days_between(FIRST_DAY, TODAY))
    assert not IncompleteDay.objects.exists()
    linkedin.simulator.clock.advance(days=1)
    assert linkedin.sync().api_calls == planned(linkedin) == wanted - 1


def test_one_that_does_not_add_up_is_requested_again(linkedin) -> None:
    CampaignDailyMetric.objects.filter(date=FIRST_DAY).update(clicks=F("clicks") + 5)
    assert linkedin.sync().status == "success"
    assert not IncompleteDay.objects.exists()
    linkedin.assert_stored(FIRST_DAY)


def test_many_that_do_not_add_up_take_a_bounded_number_of_calls(linkedin, monkeypatch) -> None:
    monkeypatch.setattr(rechecks, "_ROWS_PER_REQUEST", 3)
    linkedin.simulator.switch_on("wrong_totals", by=5)
    usual = planned(linkedin)
    assert linkedin.sync().api_calls <= usual + rechecks.MAX_CALLS
    assert IncompleteDay.objects.count() == 41
    assert checked_days() == set(days_between(FIRST_DAY, TODAY))


def test_while_their_totals_stay_refused_each_sync_asks_once(linkedin, monkeypatch) -> None:
    honest, earlier = endpoints.account_days, []

    def refuse_earlier(*arguments: Any, first_day: date, **options: Any) -> Any:
        if first_day == FIRST_DAY:
            earlier.append(first_day)
            raise BadRequest("no totals")
        return honest(*arguments, first_day=first_day, **options)

    monkeypatch.setattr(endpoints, "account_days", refuse_earlier)
    calls = []
    for _ in range(3):
        calls.append(linkedin.sync().api_calls)
        linkedin.simulator.clock.advance(days=1)
    assert len(earlier) == 3
    assert len(set(calls[1:])) == 1
    assert FIRST_DAY not in checked_days()


@pytest.mark.django_db
def test_which_days_they_are() -> None:
    ad_account_id = make_ad_account().pk
    run = coverage.Coverage(ad_account_id, NOW, resume_after=None)
    run.record(coverage.CAMPAIGN_DAYS, (TODAY - 20 * DAY, TODAY))
    run.record(coverage.CREATIVE_DAYS, (TODAY - 15 * DAY, TODAY))
    run.record(coverage.CHECKED_DAYS, (TODAY - 12 * DAY, TODAY - 10 * DAY))

    def unchecked(before: date, now: datetime = NOW) -> list[tuple[date, date]]:
        return coverage.unchecked_figures(ad_account_id=ad_account_id, before=before, now=now)

    first, second = (TODAY - 15 * DAY, TODAY - 13 * DAY), (TODAY - 9 * DAY, TODAY - 1 * DAY)
    assert unchecked(TODAY + DAY) == [first, second], "today is not over"
    assert unchecked(TODAY - 14 * DAY) == [(first[0], first[0])]
    assert unchecked(TODAY - 15 * DAY) == []
    assert unchecked(TODAY + DAY, now=NOW - DAY) == [], "dated ahead"
    assert rechecks.unchecked_before(TODAY - 8 * DAY, ad_account_id=ad_account_id, now=NOW) == [
        *days_between(*first), TODAY - 9 * DAY,
    ]  # fmt: skip
