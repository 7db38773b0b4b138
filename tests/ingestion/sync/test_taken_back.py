"""What LinkedIn takes back becomes zero, whichever way its day was requested; an answer that was cut takes nothing."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ingestion.linkedin import endpoints
from ingestion.linkedin.endpoints import Page, Rejected
from ingestion.linkedin.errors import BadRequest
from ingestion.linkedin_simulator import analytics as simulated_analytics
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import (
    AudienceDemographic,
    CampaignDailyMetric,
    CoveredDays,
    Creative,
    CreativeDailyMetric,
    IncompleteDay,
)
from ingestion.sync import audience, daily_figures, windows
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin, stored_rows

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
ERASED = (TODAY - 2 * DAY, TODAY - DAY)
ZEROS = {(0,) * 5}


@pytest.fixture
def linkedin(settings) -> Iterator[SimulatedLinkedIn]:
    """Six campaigns of five creatives, each with figures on every day; three days are requested again."""
    settings.BACKFILL_DAYS, settings.LOOKBACK_DAYS = 5, 2
    size = WorldSize(ad_accounts=1, campaigns_per_account=6, creatives_per_campaign=5, dense=True, activity=1.0)
    with simulated_linkedin(settings, Options(now=NOW, frozen=True, size=size)) as linkedin:
        linkedin.connect()
        assert linkedin.sync().status == "success"
        linkedin.simulator.clock.advance(seconds=3_600)
        yield linkedin


def limit_rows(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """For LinkedIn, too. At thirty or fewer, a day of creatives is requested by campaign."""
    for module in (windows, daily_figures):
        monkeypatch.setattr(module, "ANALYTICS_ROW_LIMIT", rows)
    monkeypatch.setattr(simulated_analytics, "MAX_ROWS", rows)


def erase(linkedin: SimulatedLinkedIn, **whose: Any) -> None:
    linkedin.simulator.change("erase", first_day=str(ERASED[0]), last_day=str(ERASED[1]), **whose)


def a_creative() -> Creative:
    return Creative.objects.order_by("pk")[4]


def figures_of(**where: Any) -> set[tuple[object, ...]]:
    rows = CreativeDailyMetric.objects.filter(date__range=ERASED, **where)
    return set(rows.values_list("impressions", "clicks", "spend", "conversions", "likes"))


# 6: campaigns in halves, creatives campaign by campaign. 30: creatives in halves. 31: a day at once.
@pytest.mark.parametrize("limit", [6, 30, 31])
@pytest.mark.parametrize("kind", ["creative", "campaign", "ad_account"])
def test_figures_become_zero_on_days_requested_by_campaign(linkedin, monkeypatch, limit: int, kind: str) -> None:
    limit_rows(monkeypatch, limit)
    one = a_creative()
    whose: dict[str, tuple[Any, dict[str, Any]]] = {
        "creative": (one.pk, {"creative": one.pk}),
        "campaign": (one.campaign_id, {"creative__campaign": one.campaign_id}),
        "ad_account": (linkedin.ad_account_ids[0], {}),
    }
    erased, where = whose[kind]
    erase(linkedin, **{kind: erased})
    assert figures_of(**where) != ZEROS
    linkedin.sync(force=True)
    assert figures_of(**where) == ZEROS
    if kind != "ad_account":
        others = CreativeDailyMetric.objects.filter(date__range=ERASED).exclude(**where)
        assert not others.filter(impressions=0, spend=0).exists()
    assert not IncompleteDay.objects.exists()
    days = CampaignDailyMetric.objects.filter(date__range=ERASED, campaign=one.campaign_id)
    assert set(days.values_list("impressions", flat=True)) == {0} or kind == "creative"


def test_a_creative_of_no_known_campaign_is_looked_for_in_all_parts_of_the_day(linkedin, monkeypatch) -> None:
    limit_rows(monkeypatch, 11)
    one = a_creative()
    linkedin.simulator.change("vanish", creative=one.pk)
    Creative.objects.filter(pk=one.pk).update(campaign=None)
    erase(linkedin, creative=one.pk)
    linkedin.sync(force=True)
    assert Creative.objects.get(pk=one.pk).campaign is None
    assert figures_of(creative=one.pk) == ZEROS
    assert not IncompleteDay.objects.exists()


def test_answers_that_are_cut_take_nothing_back(linkedin, monkeypatch) -> None:
    """Four of a campaign's five creatives fill an answer, so that the fifth may be missing from it."""
    limit_rows(monkeypatch, 4)
    one = a_creative()
    before = stored_rows("creative_daily_metrics", linkedin.ad_account_ids[0])
    erase(linkedin, creative=one.pk)
    linkedin.sync(force=True)
    assert stored_rows("creative_daily_metrics", linkedin.ad_account_ids[0]) == before
    cut = CoveredDays.objects.filter(data_table="creative_daily_metrics", is_whole=False)
    assert any(first <= ERASED[0] <= last for first, last in cut.values_list("first_day", "last_day"))


def test_a_part_that_was_refused_does_not_keep_the_others_from_taking_back(linkedin, monkeypatch) -> None:
    limit_rows(monkeypatch, 11)
    one = a_creative()
    refused = Creative.objects.exclude(campaign=one.campaign_id).order_by("-campaign_id")[0].campaign_id
    ask = daily_figures.DailySource.ask

    def refuse(source: daily_figures.DailySource, window: windows.Window) -> Any:
        is_last = window.first_day == ERASED[0] and refused in (window.campaign_ids or ())
        if source.table is daily_figures.CREATIVE_DAYS and is_last and len(window.campaign_ids or ()) < 4:
            raise BadRequest("no")
        return ask(source, window)

    monkeypatch.setattr(daily_figures.DailySource, "ask", refuse)
    erase(linkedin, creative=one.pk)
    assert linkedin.sync(force=True).status == "partial"
    assert figures_of(creative=one.pk) == ZEROS
    whole = CoveredDays.objects.filter(data_table="creative_daily_metrics", is_whole=True)
    days = {day for days in whole.values_list("first_day", "last_day") for day in windows.days_between(*days)}
    assert ERASED[0] not in days
    assert ERASED[1] in days


def test_what_a_recheck_no_longer_holds_is_taken_back_from_days_that_were_empty_before(linkedin, monkeypatch) -> None:
    """The run stores the day, and the recheck of the same run brings less."""
    CreativeDailyMetric.objects.filter(date__range=(TODAY - 2 * DAY, TODAY)).delete()
    ask, one, erased = daily_figures.DailySource.ask, a_creative(), threading.Event()
    totals = endpoints.account_days

    def take_back_later(source: daily_figures.DailySource, window: windows.Window) -> Any:
        if source.table is daily_figures.CREATIVE_DAYS and not erased.is_set():
            answer = ask(source, window)
            erase(linkedin, creative=one.pk)
            erased.set()
            return answer
        assert erased.wait(10)
        return ask(source, window)

    def totals_later(*arguments: Any, **options: Any) -> Any:
        assert erased.wait(10)
        return totals(*arguments, **options)

    monkeypatch.setattr(daily_figures.DailySource, "ask", take_back_later)
    monkeypatch.setattr(endpoints, "account_days", totals_later)
    linkedin.sync(force=True)
    assert figures_of(creative=one.pk) == ZEROS
    assert not IncompleteDay.objects.exists()


# --- demographics ---

OCTOBER = date(2026, 10, 1)


@pytest.fixture
def october(linkedin: SimulatedLinkedIn) -> SimulatedLinkedIn:
    """With the demographics of October, from the newest days."""
    assert linkedin.sync(first_day=date(2026, 10, 30), force=True).status == "success"
    linkedin.simulator.clock.advance(seconds=3_600)
    return linkedin


def of_october(pivot_type: str = "job_title") -> list[int]:
    rows = AudienceDemographic.objects.filter(date_start=OCTOBER, pivot_type=pivot_type)
    return list(rows.values_list("impressions", flat=True))


def forget_segments(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """LinkedIn has no segment of October any more; `changes` of what is said of the answer."""
    ask = audience._ask

    def without_october(*arguments: Any) -> audience.Months:
        found = ask(*arguments)
        kept = [record for record in found.page.records if record.first_day != OCTOBER]
        page = Page(kept, changes.get("rejected", found.page.rejected))
        return audience.Months(page, found.asked, changes.get("cut", found.cut))

    monkeypatch.setattr(audience, "_ask", without_october)


def test_a_month_without_segments_is_zero(october, monkeypatch) -> None:
    assert any(of_october())
    forget_segments(monkeypatch)
    october.sync(force=True, first_day=date(2026, 10, 30))
    assert {*of_october(), *of_october("country")} == {0}
    november = AudienceDemographic.objects.filter(date_start=date(2026, 11, 1))
    assert november.filter(impressions__gt=0).exists()


UNREADABLE = Rejected("adAnalytics", {}, "wrong", None)


@pytest.mark.parametrize("changes", [{"cut": [OCTOBER]}, {"rejected": [UNREADABLE]}])
def test_a_month_that_was_cut_or_could_not_be_read_keeps_its_segments(october, monkeypatch, changes: Any) -> None:
    before = of_october()
    forget_segments(monkeypatch, **changes)
    october.sync(force=True, first_day=date(2026, 10, 30))
    assert of_october() == before


def test_segments_that_a_cut_month_lacks_stay(october, monkeypatch) -> None:
    before = sorted(of_october())
    ask = audience._ask

    def cut(*arguments: Any) -> audience.Months:
        found = ask(*arguments)
        of_month = [record for record in found.page.records if record.first_day == OCTOBER]
        kept = [record for record in found.page.records if record.first_day != OCTOBER] + of_month[:1]
        return audience.Months(Page(kept, []), found.asked, [OCTOBER])

    monkeypatch.setattr(audience, "_ask", cut)
    october.sync(force=True, first_day=date(2026, 10, 30))
    assert sorted(of_october()) == before


def test_an_empty_answer_after_access_was_lost_takes_no_month_back(october, monkeypatch) -> None:
    before = of_october()
    ask = audience._ask

    def lost(*arguments: Any) -> audience.Months:
        october.simulator.switch_on("lost_role", ad_account=october.ad_account_ids[0])
        found = ask(*arguments)
        return audience.Months(Page([], []), found.asked)

    monkeypatch.setattr(audience, "_ask", lost)
    assert october.sync(force=True, first_day=date(2026, 10, 30)).status != "success"
    assert of_october() == before
