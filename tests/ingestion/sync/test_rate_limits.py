"""LinkedIn's limits as one budget per token, in a real Valkey; and what syncs make of them."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as database

from accounts.shell import valkey
from ingestion.linkedin.answers import FailedCall, Retry
from ingestion.linkedin.errors import DayLimitReached, RateLimited, Unavailable
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import SyncGate, SyncLog
from ingestion.sync import rate_limits as budgets
from ingestion.sync.rate_limits import FIRST_PLACES, MAX_PLACES, VALUES_IN_FIVE_MINUTES, TokenBudget
from ingestion.sync.result import SyncResult
from tests.ingestion.simulated import SimulatedLinkedIn, simulated_linkedin

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
CONNECTION = 7


class Waits(Exception):
    """Raised instead of waiting for a place."""


def refuse_to_wait(seconds: float) -> None:
    raise Waits


@pytest.fixture(autouse=True)
def _empty_valkey() -> Iterator[None]:
    _forget_everything()
    yield
    _forget_everything()


def _forget_everything() -> None:
    """Of this installation alone: tests side by side share the server."""
    found = list(valkey.client().scan_iter(valkey.key("linkedin-budget", "*")))
    if found:
        valkey.client().delete(*found)


def make_budget(connection_id: int = CONNECTION, *, now: Callable[[], datetime] = lambda: NOW) -> TokenBudget:
    return TokenBudget(connection_id, now=now)


def throttled(wait_seconds: float | None = None) -> FailedCall:
    return FailedCall(RateLimited("slower"), Retry.THROTTLE, wait_seconds)


def day_limit(resource: str = "adAnalytics") -> FailedCall:
    return FailedCall(DayLimitReached("enough for today", resource=resource, resets_at=MIDNIGHT), Retry.NEVER)


def broken() -> FailedCall:
    """Neither good nor throttled."""
    return FailedCall(Unavailable("broken"), Retry.BACK_OFF)


def places_free(one: TokenBudget, *, most: int = 100) -> list[str]:
    """Every place that can be had without waiting."""
    taken = []
    for _ in range(most):
        try:
            taken.append(one.enter(refuse_to_wait, "adAnalytics"))
        except Waits:
            break
    return taken


def pause_ms(one: TokenBudget) -> int:
    return int(str(valkey.client().pttl(one._pause)))


def end_pause(one: TokenBudget) -> None:
    valkey.client().delete(one._pause)


def seconds_to_enter(one: TokenBudget) -> float:
    started = time.monotonic()
    one.leave(one.enter(time.sleep, "adAnalytics"), None)
    return time.monotonic() - started


# --- places ---


def test_places_are_limited_and_come_back():
    one = make_budget()
    taken = places_free(one)
    assert len(taken) == len(set(taken)) == FIRST_PLACES
    one.leave(taken[0], None)
    assert len(places_free(one)) == 1


def test_many_threads_of_two_runs_never_hold_more_places_than_the_limit():
    """The limit rises while answers are good; it is read after each entry, when it can only be higher."""
    runs = [make_budget(), make_budget()]
    lock = threading.Lock()
    under_way = peak = 0
    over: list[tuple[int, float]] = []
    asked: Counter[int] = Counter()

    def ask(number: int) -> None:
        nonlocal under_way, peak
        one = runs[number % 2]
        for _ in range(12):
            place = one.enter(time.sleep, "adAnalytics")
            with lock:
                under_way += 1
                peak = max(peak, under_way)
                now_under_way = under_way
            limit = float(next(iter(valkey.client().mget(one._limit))) or FIRST_PLACES)
            if now_under_way > limit:
                over.append((now_under_way, limit))
            time.sleep(0.005)
            asked[number % 2] += 1
            with lock:
                under_way -= 1
            one.leave(place, None)

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(ask, range(24)))
    assert over == []
    assert asked == {0: 144, 1: 144}
    assert FIRST_PLACES < peak <= MAX_PLACES


def test_two_runs_share_the_places_evenly():
    first, second = make_budget(), make_budget()
    taken = places_free(first)
    assert len(taken) == FIRST_PLACES
    assert places_free(second) == []
    for place in taken:
        first.leave(place, broken())
    assert len(places_free(first)) == len(places_free(second)) == FIRST_PLACES // 2


def test_a_run_that_asks_no_more_leaves_its_share(monkeypatch):
    first, second = make_budget(), make_budget()
    monkeypatch.setattr(budgets, "_ASKING_SECONDS", 1)
    first.leave(first.enter(refuse_to_wait, "adAnalytics"), broken())
    monkeypatch.undo()
    assert len(places_free(second)) == FIRST_PLACES // 2
    time.sleep(1.1)
    assert len(places_free(second)) == FIRST_PLACES // 2


def test_places_of_a_dead_process_fall_free(monkeypatch):
    dead, living = make_budget(), make_budget()
    monkeypatch.setattr(budgets, "_PLACE_SECONDS", 0.5)
    places_free(dead)
    del dead
    monkeypatch.undo()
    time.sleep(0.6)
    assert len(places_free(living)) >= FIRST_PLACES // 2


def test_renewed_places_stay_taken(monkeypatch):
    one = make_budget()
    monkeypatch.setattr(budgets, "_PLACE_SECONDS", 1)
    assert len(places_free(one)) == FIRST_PLACES
    monkeypatch.undo()
    one.renew()
    time.sleep(1.1)
    assert places_free(one) == []


def test_a_place_that_fell_free_is_not_taken_back_by_renewing(monkeypatch):
    one, other = make_budget(), make_budget()
    places_free(one)
    valkey.client().delete(one._places)
    assert len(places_free(other)) == FIRST_PLACES // 2
    one.renew()
    assert valkey.client().zcard(one._places) == FIRST_PLACES // 2


# --- the limit ---


def limit_of(one: TokenBudget) -> float:
    return float(str(valkey.client().get(one._limit) or FIRST_PLACES))


def good_answers(budget: TokenBudget, count: int) -> None:
    """So many good answers with every place taken: a limit that nobody reaches does not rise."""
    places: list[str] = []
    for _ in range(count):
        while len(places) < int(limit_of(budget)):
            places.append(budget.enter(time.sleep, "adAnalytics"))
        budget.leave(places.pop(), None)
    for place in places:
        budget.leave(place, broken())


def test_the_limit_rises_by_about_one_per_round_of_good_answers():
    one = make_budget()
    good_answers(one, FIRST_PLACES + 1)
    assert limit_of(one) == pytest.approx(FIRST_PLACES + 1, abs=0.15)
    assert len(places_free(one)) == FIRST_PLACES + 1


def test_a_limit_that_nobody_reaches_does_not_rise():
    one = make_budget()
    for _ in range(50):
        one.leave(one.enter(time.sleep, "adAnalytics"), None)
    assert limit_of(one) == FIRST_PLACES


def test_the_limit_has_an_end():
    one = make_budget()
    good_answers(one, 700)
    assert limit_of(one) == MAX_PLACES
    assert len(places_free(one)) == MAX_PLACES


def test_other_failures_leave_the_limit_alone():
    one = make_budget()
    one.leave(one.enter(time.sleep, "adAnalytics"), broken())
    assert limit_of(one) == FIRST_PLACES


def test_throttles_at_the_same_time_halve_the_limit_once():
    one = make_budget()
    good_answers(one, 40)
    before = limit_of(one)
    for place in places_free(one):
        one.leave(place, throttled())
    assert limit_of(one) == pytest.approx(before / 2)


def test_the_limit_never_falls_under_one():
    one = make_budget()
    for _ in range(5):
        one.leave(one.enter(refuse_to_wait, "adAnalytics"), throttled())
        end_pause(one)
    assert limit_of(one) == 1
    assert len(places_free(one)) == 1


# --- pauses ---


def test_a_pause_is_everybodys_and_ends():
    one, other = make_budget(), make_budget()
    one.leave(one.enter(time.sleep, "adAnalytics"), throttled(0.5))
    for waiting in (one, other):
        with pytest.raises(Waits):
            waiting.enter(refuse_to_wait, "adAnalytics")
    assert seconds_to_enter(other) > 0.2
    one.enter(refuse_to_wait, "adAnalytics")


def test_linkedins_own_pause_is_kept_and_the_longest_counts():
    one = make_budget()
    places = places_free(one)
    for place, seconds in zip(places, (2, 30, 4, None), strict=True):
        one.leave(place, throttled(seconds))
    assert 29_000 < pause_ms(one) <= 30_000


def test_a_pause_doubles_until_an_answer_is_good():
    one = make_budget()
    pauses = []
    for _ in range(6):
        one.leave(one.enter(refuse_to_wait, "adAnalytics"), throttled())
        pauses.append(round(pause_ms(one) / 1000))
        end_pause(one)
    assert pauses == [5, 10, 20, 40, 60, 60]
    good_answers(one, 1)
    one.leave(one.enter(refuse_to_wait, "adAnalytics"), throttled())
    assert round(pause_ms(one) / 1000) == 5


# --- the day ---


def test_a_used_up_day_stops_everybody_until_midnight():
    clock = {"now": NOW}
    one, other = (make_budget(now=lambda: clock["now"]) for _ in range(2))
    one.leave(one.enter(time.sleep, "adAnalytics"), day_limit())
    for moment in (NOW, NOW + timedelta(hours=6), MIDNIGHT - timedelta(seconds=1)):
        clock["now"] = moment
        for asking in (one, other):
            with pytest.raises(DayLimitReached, match="used up until 2026-11-22 00:00 UTC") as refused:
                asking.enter(refuse_to_wait, "adAnalytics")
            assert refused.value.resets_at == MIDNIGHT
    clock["now"] = MIDNIGHT
    other.leave(other.enter(refuse_to_wait, "adAnalytics"), None)
    one.require_not_parked()
    assert limit_of(one) >= FIRST_PLACES


@pytest.mark.parametrize("resource", ["adAccounts", "adCampaigns", "creatives", "adAnalytics", "something new"])
def test_a_used_up_resource_stops_figures_and_no_request_for_others(resource):
    one = make_budget()
    one.leave(one.enter(time.sleep, resource), day_limit(resource))
    with pytest.raises(DayLimitReached, match=f"daily limit for {resource} is used up") as refused:
        one.enter(refuse_to_wait, resource)
    assert refused.value.resource == resource
    one.leave(one.enter(refuse_to_wait, "adAccountUsers"), None)
    with pytest.raises(DayLimitReached):
        one.require_not_parked()
    assert budgets.parked_resources([CONNECTION, 8], now=NOW) == {
        CONNECTION: budgets.ParkedResources({resource: MIDNIGHT})
    }
    assert budgets.parked_resources([CONNECTION], now=NOW)[CONNECTION].figures == MIDNIGHT


@pytest.mark.parametrize("resource", ["adTargetingEntities", "posts", "adAccountUsers"])
def test_a_used_up_resource_that_figures_do_not_need_stops_no_sync(resource):
    one = make_budget()
    one.leave(one.enter(time.sleep, resource), day_limit(resource))
    with pytest.raises(DayLimitReached):
        one.enter(refuse_to_wait, resource)
    one.require_not_parked()
    one.leave(one.enter(refuse_to_wait, "adAnalytics"), None)
    parked = budgets.parked_resources([CONNECTION], now=NOW)[CONNECTION]
    assert (parked.figures, dict(parked.others)) == (None, {resource: MIDNIGHT})
    assert budgets.parked_resources([CONNECTION], now=MIDNIGHT) == {}


# --- values ---


def test_values_wait_until_they_fit():
    one, other = make_budget(), make_budget(connection_id=8)
    naps: list[float] = []
    one.await_values(VALUES_IN_FIVE_MINUTES - 1_000, naps.append)
    other.await_values(1_000, naps.append)
    assert naps == []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            # Far fewer came than were expected.
            one.count_values(-500_000)

    other.await_values(400_000, nap)
    assert len(naps) == 3
    assert all(seconds > 0 for seconds in naps)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_values_are_forgotten_after_five_minutes(monkeypatch):
    monkeypatch.setattr(budgets, "_BUCKET_SECONDS", 1)
    monkeypatch.setattr(budgets, "_BUCKETS", 2)
    one = make_budget()
    one.await_values(VALUES_IN_FIVE_MINUTES, refuse_to_wait)
    with pytest.raises(Waits):
        one.await_values(1, refuse_to_wait)
    time.sleep(2.1)
    one.await_values(1, refuse_to_wait)


def test_an_ask_beyond_the_whole_allowance_still_comes_to_its_turn():
    make_budget().await_values(2 * VALUES_IN_FIVE_MINUTES, refuse_to_wait)


# --- apart ---


def test_other_connections_and_other_installations_are_apart(settings):
    one, of_another_connection = make_budget(), make_budget(connection_id=8)
    settings.REDIS_KEY_PREFIX += "another-installation:"
    of_another_installation = make_budget()
    one.await_values(VALUES_IN_FIVE_MINUTES, refuse_to_wait)
    of_another_installation.await_values(VALUES_IN_FIVE_MINUTES, refuse_to_wait)
    places = places_free(one)
    one.leave(places[0], throttled(30))
    one.leave(places[1], day_limit())
    for other in (of_another_connection, of_another_installation):
        other.require_not_parked()
        assert len(places_free(other)) == FIRST_PLACES


def test_a_valkey_that_forgot_everything_is_begun_anew():
    one = make_budget()
    place, *_ = places_free(one)
    _forget_everything()
    valkey.client().script_flush()
    one.renew()
    one.leave(place, None)
    one.count_values(5)
    one.require_not_parked()
    assert len(places_free(one)) == FIRST_PLACES


# --- syncs under a limit ---


def world(
    settings, *, ad_accounts: int, now: datetime = NOW, frozen: bool
) -> AbstractContextManager[SimulatedLinkedIn]:
    settings.BACKFILL_DAYS = 19
    wanted = WorldSize(ad_accounts=ad_accounts, campaigns_per_account=4, creatives_per_campaign=2)
    return simulated_linkedin(settings, Options(now=now, frozen=frozen, size=wanted))


def calls(linkedin: SimulatedLinkedIn) -> int:
    return int(linkedin.simulator.counters.counted()["total"])


def wasted(linkedin: SimulatedLinkedIn) -> int:
    statuses = linkedin.simulator.counters.counted()["statuses"].values()
    return sum(of_one.get("429", 0) for of_one in statuses)


def scheduled(linkedin: SimulatedLinkedIn) -> list[SyncResult]:
    return [linkedin.sync(one, trigger=SyncLog.Trigger.SCHEDULE) for one in linkedin.ad_account_ids]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("hours", [12, 1])
def test_a_day_limit_silences_every_ad_account_of_the_token_until_midnight(settings, hours):
    began = MIDNIGHT - timedelta(hours=hours)
    with world(settings, ad_accounts=3, now=began, frozen=True) as linkedin:
        linkedin.connect()
        linkedin.simulator.switch_on("throttle_day", endpoint="adAnalytics")
        first = linkedin.sync(trigger=SyncLog.Trigger.SCHEDULE)
        assert (first.status, first.error_kind) == ("partial", "throttled")
        linkedin.forget_calls()
        for minutes in (1, 20, 59):
            linkedin.simulator.clock.set(began + timedelta(minutes=minutes))
            for result in scheduled(linkedin):
                assert (result.status, result.error_kind) == ("failed", "throttled")
                assert "used up until 2026-11-22 00:00 UTC" in result.reason
        linkedin.simulator.clock.set(MIDNIGHT - timedelta(seconds=1))
        scheduled(linkedin)
        assert calls(linkedin) == 0
        told = SyncLog.objects.filter(account__isnull=False, errors__contains="used up until 2026-11-22 00:00 UTC")
        assert sorted(told.values_list("account_id", flat=True)) == linkedin.ad_account_ids
        assert set(SyncGate.objects.values_list("was_due", flat=True)) == {False}
        linkedin.simulator.clock.set(MIDNIGHT)
        assert {result.status for result in scheduled(linkedin)} == {"success"}
        for ad_account_id in linkedin.ad_account_ids:
            linkedin.assert_stored(linkedin.today - timedelta(days=19), ad_account_id=ad_account_id, known_before=False)


@pytest.mark.django_db(transaction=True)
def test_a_person_who_asks_during_the_day_limit_is_told_each_time(settings):
    with world(settings, ad_accounts=1, frozen=True) as linkedin:
        linkedin.connect()
        linkedin.simulator.switch_on("throttle_day")
        linkedin.sync()
        linkedin.forget_calls()
        for _ in range(2):
            assert "until 2026-11-22 00:00 UTC" in linkedin.sync(force=True).reason
        assert calls(linkedin) == 0
        assert SyncLog.objects.filter(account__isnull=False, trigger="manual").count() == 3


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("retry_after", [None, 2], ids=["unsaid", "retry-after"])
def test_a_minute_limit_costs_few_calls_and_no_data(settings, retry_after):
    with world(settings, ad_accounts=8, frozen=False) as linkedin:
        linkedin.connect()
        _throttle_in_the_middle(linkedin, retry_after)
        results = [linkedin.sync(one) for one in linkedin.ad_account_ids]
        _assert_little_was_wasted(linkedin, results)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_minute_limit_costs_few_calls_when_runs_share_a_token(settings):
    with world(settings, ad_accounts=12, frozen=False) as linkedin:
        linkedin.connect()
        _throttle_in_the_middle(linkedin, 2)

        def sync(ad_account_id: int) -> SyncResult:
            try:
                return linkedin.sync(ad_account_id)
            finally:
                database.close()

        with ThreadPoolExecutor(3) as pool:
            results = list(pool.map(sync, linkedin.ad_account_ids))
        _assert_little_was_wasted(linkedin, results)


def _throttle_in_the_middle(linkedin: SimulatedLinkedIn, retry_after: int | None) -> None:
    """Answers take a while; once half of the work is done, none comes for two seconds."""
    linkedin.simulator.switch_on("slow", seconds=0.02)
    counters = linkedin.simulator.counters
    answered = counters.answered

    def then_throttle(endpoint: str, status: int) -> None:
        answered(endpoint, status)
        if calls(linkedin) >= 70 and len(linkedin.simulator.faults.on()) == 1:
            linkedin.simulator.switch_on("throttle_minute", seconds=2, retry_after=retry_after)

    counters.answered = then_throttle  # type: ignore[method-assign]


def _assert_little_was_wasted(linkedin: SimulatedLinkedIn, results: list[SyncResult]) -> None:
    assert {(result.status, result.reason) for result in results} == {("success", "")}
    share = wasted(linkedin) / calls(linkedin)
    assert 0 < share <= 0.05, f"{wasted(linkedin)} of {calls(linkedin)} calls"
    for ad_account_id in linkedin.ad_account_ids:
        linkedin.assert_stored(linkedin.today - timedelta(days=19), ad_account_id=ad_account_id, known_before=False)
