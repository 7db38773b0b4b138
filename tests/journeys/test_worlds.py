"""Any world, anything that happens to it, in any order: once the dust has settled, the tables equal the truth.

Hypothesis makes up the worlds: their size and density, how long pages are, where answers are cut, what happens between
syncs, what LinkedIn gets wrong and where the process dies. `WORLDS_SEED=… pytest -m slow tests/journeys/test_worlds.py`
repeats a run, for the seed is printed; `WORLDS` says how many worlds.
"""

import dataclasses
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings as django_settings
from django.db import connection as database
from django.test import override_settings
from hypothesis import HealthCheck, Phase, given, note, seed, settings, strategies

from accounts.models import LinkedInConnection
from accounts.shell import valkey
from ingestion.linkedin import endpoints
from ingestion.linkedin.client import LinkedInClient
from ingestion.linkedin_simulator import analytics, reporting_routes
from ingestion.linkedin_simulator.faults import NAMES
from ingestion.linkedin_simulator.simulator import Options
from ingestion.linkedin_simulator.truth import truth
from ingestion.linkedin_simulator.world import WorldSize
from ingestion.models import RejectedRecord, SyncLog, UrnName
from ingestion.sync import audience, daily_figures, load, rate_limits, windows
from ingestion.sync.ledger.open_run import OpenRun
from tests.conftest import let_tests_empty_the_audit_trail
from tests.ingestion.simulated import SimulatedLinkedIn, assert_same_rows, simulated_linkedin, stored_rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.django_db(transaction=True)]

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SEED = int(os.environ.get("WORLDS_SEED", time.time_ns() % 1_000_000))
WORLDS = int(os.environ.get("WORLDS", "40"))


class Killed(BaseException):
    """The process is gone: nobody closes the run."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """How long LinkedIn's pages are and where it cuts, and how many days we keep and look back."""

    rows: int
    page: int
    creatives_page: int
    backfill_days: int
    lookback_days: int


limits = strategies.builds(
    Limits,
    rows=strategies.sampled_from([40, 200, 1_000, 15_000]),
    page=strategies.sampled_from([1, 3, 7, 1_000]),
    creatives_page=strategies.sampled_from([1, 4, 100]),
    backfill_days=strategies.integers(1, 120),
    lookback_days=strategies.integers(1, 45),
)
sizes = strategies.builds(
    WorldSize,
    seed=strategies.integers(0, 10**6),
    ad_accounts=strategies.integers(1, 2),
    campaigns_per_account=strategies.integers(0, 9),
    creatives_per_campaign=strategies.integers(0, 5),
    activity=strategies.sampled_from([0.05, 0.5, 0.85, 1.0]),
    segments_per_pivot=strategies.integers(1, 12),
    dense=strategies.booleans(),
)
numbers = strategies.integers(0, 1_000)
happenings = strategies.sampled_from(
    [
        *("rename", "archive", "pause", "run again", "restate", "vanish", "new campaign", "new creative", "days pass"),
        *(
            "sync",
            "sync",
            "sync of some days",
            "kill",
            "kill",
            "flaky",
            "dirty",
            "dirty fields",
            "short",
            "throttled",
            "role lost",
        ),
    ]
)
histories = strategies.lists(strategies.tuples(happenings, numbers, numbers), max_size=12)


class History:
    """One world and what happens to it."""

    def __init__(self, linkedin: SimulatedLinkedIn, first_day: date) -> None:
        self.linkedin = linkedin
        self.first_day = first_day

    def let(self, happening: str, one: int, two: int) -> None:
        """Let one thing happen; what needs a campaign does nothing in a world without one."""
        ad_account_id = self.linkedin.ad_account_ids[one % len(self.linkedin.ad_account_ids)]
        note(f"{happening} {ad_account_id} {one} {two}")
        if happening.startswith("sync"):
            self._sync(ad_account_id, one, two, some_days=happening == "sync of some days")
        elif happening == "kill":
            self._sync_until_killed(ad_account_id, at=1 + two % 25)
        elif happening in _FAULTS:
            name, options = _FAULTS[happening]
            self.linkedin.simulator.switch_on(name, **options)
        else:
            self._change(happening, ad_account_id, one, two)

    def settle(self) -> None:
        """LinkedIn is well again, and everything is asked for once."""
        self.linkedin.simulator.switch_off()
        self._give_roles_back()
        _let_leases_end()
        self.linkedin.discover()
        for ad_account_id in self.linkedin.ad_account_ids:
            result = self.linkedin.sync(ad_account_id, force=True, first_day=self.first_day)
            assert (result.status, result.reason) == ("success", "")
        for ad_account_id in self.linkedin.ad_account_ids:
            self.linkedin.assert_stored(self.first_day, ad_account_id=ad_account_id)

    def _sync(self, ad_account_id: int, one: int, two: int, *, some_days: bool) -> None:
        options: dict[str, Any] = {}
        if some_days:
            span = (self.linkedin.today - self.first_day).days
            first = self.first_day + timedelta(days=one % (span + 1))
            options = {"first_day": first, "last_day": first + timedelta(days=two % 40)}
        _let_leases_end()
        result = self.linkedin.sync(ad_account_id, force=bool(two % 2), **options)
        assert result.status in ("success", "partial", "failed", "skipped"), result
        assert result.error_kind != SyncLog.ErrorKind.INTERNAL, result
        self.linkedin.simulator.switch_off()

    def _sync_until_killed(self, ad_account_id: int, *, at: int) -> None:
        _let_leases_end()
        with _killed_at_write(at):
            try:
                self.linkedin.sync(ad_account_id, force=True, first_day=self.first_day)
            except Killed:
                note("killed")

    def _give_roles_back(self) -> None:
        for ad_account_id in self.linkedin.ad_account_ids:
            self.linkedin.simulator.change("regain_role", ad_account=ad_account_id)

    def _change(self, happening: str, ad_account_id: int, one: int, two: int) -> None:
        change = self.linkedin.simulator.change
        if happening == "days pass":
            change("append_days", days=1 + two % 20)
        elif happening == "restate":
            first = self.first_day + timedelta(days=two % 60)
            change("restate", ad_account=ad_account_id, first_day=str(first), last_day=str(first + timedelta(days=9)))
        elif happening == "new campaign":
            change("create_campaign", ad_account=ad_account_id)
        elif happening == "role lost":
            change("lose_role", ad_account=ad_account_id)
        elif campaign_ids := self._campaigns(ad_account_id):
            self._change_campaign(happening, campaign_ids[two % len(campaign_ids)], two)

    def _change_campaign(self, happening: str, campaign_id: int, number: int) -> None:
        change = self.linkedin.simulator.change
        if happening == "rename":
            change("rename", campaign=campaign_id, name=f'Renamed {number}, “ü”\\\t"quoted"')
        elif happening == "new creative":
            change("create_creative", campaign=campaign_id)
        elif happening == "vanish":
            # What we knew of it is kept; so first we must know it.
            self._give_roles_back()
            self.settle()
            change("vanish", campaign=campaign_id)
        else:
            change("set_status", campaign=campaign_id, status=_STATUSES[happening])

    def _campaigns(self, ad_account_id: int) -> list[int]:
        """Those that LinkedIn still lists."""
        present = self.linkedin.simulator.present
        account = present.account(ad_account_id)
        return sorted(plan.id for plan in present.campaigns(account) if present.is_listed(plan)) if account else []


def _let_leases_end() -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    SyncLog.objects.filter(status=SyncLog.Status.RUNNING).update(heartbeat_at=long_ago)


_STATUSES = {"archive": "ARCHIVED", "pause": "PAUSED", "run again": "ACTIVE"}
_FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "flaky": ("flaky", {"probability": 0.15}),
    "dirty": ("dirty_records", {"share": 0.2}),
    "dirty fields": ("dirty_fields", {"share": 0.3}),
    "short": ("short_answers", {"rows": 30}),
    "throttled": ("throttle_minute", {"count": 2}),
}


@contextmanager
def _killed_at_write(number: int) -> Iterator[None]:
    """The transaction under way is lost, and the run stays as it was last seen."""
    writes = 0
    honest = load._copy_incoming

    def copy_incoming(*arguments: Any, **options: Any) -> None:
        nonlocal writes
        writes += 1
        if writes == number:
            raise Killed
        honest(*arguments, **options)

    def close(run: OpenRun, *failures: Any) -> Any:
        if writes >= number:
            raise Killed
        return honest_close(run, *failures)

    honest_close = OpenRun.close
    with patch.object(load, "_copy_incoming", copy_incoming), patch.object(OpenRun, "close", close):
        yield


@contextmanager
def _limits(chosen: Limits) -> Iterator[None]:
    """On both sides of the wire."""
    with ExitStack() as stack:
        for module in (windows, daily_figures, audience):
            stack.enter_context(patch.object(module, "ANALYTICS_ROW_LIMIT", chosen.rows))
        for module in (analytics, reporting_routes):
            stack.enter_context(patch.object(module, "MAX_ROWS", chosen.rows))
        for name in ("_AD_ACCOUNTS_PAGE", "CAMPAIGNS_PER_CALL"):
            stack.enter_context(patch.object(endpoints, name, chosen.page))
        stack.enter_context(patch.object(endpoints, "CREATIVES_PER_CALL", chosen.creatives_page))
        stack.enter_context(override_settings(BACKFILL_DAYS=chosen.backfill_days, LOOKBACK_DAYS=chosen.lookback_days))
        yield


@contextmanager
def _without_waits() -> Iterator[None]:
    """Pauses end a thousand times as soon."""
    leave, pause = rate_limits.TokenBudget.leave, LinkedInClient.pause

    def leave_soon(self: rate_limits.TokenBudget, place: str, failure: Any) -> None:
        if failure is not None:
            failure = dataclasses.replace(failure, wait_seconds=0.01)
        leave(self, place, failure)

    with (
        patch.object(rate_limits.TokenBudget, "leave", leave_soon),
        patch.object(LinkedInClient, "pause", lambda self, seconds: pause(self, seconds / 1000)),
    ):
        yield


@pytest.fixture(autouse=True)
def _hasty() -> Iterator[None]:
    with _without_waits():
        yield


@contextmanager
def _world(options: Options) -> Iterator[SimulatedLinkedIn]:
    """An empty installation, connected to it."""
    _empty_tables()
    with override_settings(), simulated_linkedin(django_settings, options) as linkedin:
        linkedin.connect()
        yield linkedin


def _empty_tables() -> None:
    let_tests_empty_the_audit_trail()
    LinkedInConnection.objects.all().delete()
    with database.cursor() as cursor:
        cursor.execute("TRUNCATE ad_accounts, sync_log, urn_names CASCADE")
    _forget_limits()


def _forget_limits() -> None:
    if found := list(valkey.client().scan_iter(valkey.key("linkedin-budget", "*"))):
        valkey.client().delete(*found)


@seed(SEED)
@settings(
    max_examples=WORLDS,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(size=sizes, chosen=limits, history=histories, short_pages=strategies.booleans())
def test_whatever_happens_the_tables_equal_the_truth(
    size: WorldSize, chosen: Limits, history: list[tuple[str, int, int]], short_pages: bool
):
    note(f"WORLDS_SEED={SEED}")
    options = Options(now=NOW, frozen=True, size=size, short_pages=short_pages)
    with _limits(chosen), _world(options) as linkedin:
        # A sync may look further back than the first one did.
        first_day = NOW.date() - timedelta(days=max(chosen.backfill_days, chosen.lookback_days))
        story = History(linkedin, first_day)
        for happening in history:
            story.let(*happening)
        story.settle()
        assert not SyncLog.objects.filter(status=SyncLog.Status.RUNNING).exists()


# --- every fault, alone and beside every other one ---

# Those that would last for ever end after a while, so that some answers come before them and some after.
_LASTING: dict[str, dict[str, Any]] = {
    "flaky": {"probability": 0.3, "count": 12},
    "throttle_minute": {"count": 3},
    "data_limit": {"count": 2},
    "cut_body": {"count": 4},
    "slow": {"seconds": 0.02},
    "short_answers": {"rows": 20},
    "dirty_records": {"share": 0.3},
    "dirty_fields": {"share": 0.5},
    "dead_token": {"count": 3, "probability": 0.2},
}
_OWNER_OF_A_DAY = {
    "campaign_daily_metrics": "campaign_id",
    "creative_daily_metrics": "creative_id",
    "account_daily_totals": "account_id",
}
_ALONE_AND_IN_PAIRS = [*((name,) for name in NAMES), *combinations(NAMES, 2)]


@pytest.fixture(scope="module")
def small_world() -> Options:
    size = WorldSize(ad_accounts=1, campaigns_per_account=4, creatives_per_campaign=2, segments_per_pivot=4)
    return Options(now=NOW, frozen=True, size=size)


@pytest.mark.parametrize("names", _ALONE_AND_IN_PAIRS, ids="+".join)
def test_every_fault_alone_and_beside_every_other(small_world: Options, names: tuple[str, ...]):
    """While they last nothing untrue is stored and no run is left open; afterwards everything is there."""
    first_day = NOW.date() - timedelta(days=29)
    with override_settings(BACKFILL_DAYS=29), _world(small_world) as linkedin:
        for name in names:
            linkedin.simulator.switch_on(name, **_LASTING.get(name, {}))
        result = linkedin.sync()
        assert result.error_kind != SyncLog.ErrorKind.INTERNAL, result
        assert not SyncLog.objects.filter(status=SyncLog.Status.RUNNING).exists()
        invalid = RejectedRecord.objects.filter(run=result.run_id)
        assert invalid.exclude(reason__contains="; stored without ").count() == result.rejected
        assert_nothing_untrue_is_stored(linkedin, first_day, are_totals_wrong="wrong_totals" in names)
        linkedin.simulator.switch_off()
        # What was refused is asked for again after a month or more.
        UrnName.objects.filter(refusals__gt=0).delete()
        # Midnight passes, which ends a daily limit; discovery goes by this machine's clock.
        linkedin.simulator.change("append_days", days=1)
        _forget_limits()
        # A token that LinkedIn called dead needs a person.
        linkedin.connect()
        History(linkedin, first_day).settle()


def assert_nothing_untrue_is_stored(
    linkedin: SimulatedLinkedIn, first_day: date, *, are_totals_wrong: bool = False
) -> None:
    """Days may lack; those that are there are right, and totals are what LinkedIn says."""
    [ad_account_id] = linkedin.ad_account_ids
    told = truth(linkedin.simulator, ad_account_id, first_day, linkedin.today)
    tables = [
        "campaign_daily_metrics",
        "creative_daily_metrics",
        *([] if are_totals_wrong else ["account_daily_totals"]),
    ]
    for table in tables:
        key = (_OWNER_OF_A_DAY[table], "date")
        stored = stored_rows(table, ad_account_id)
        days_stored = {tuple(row[name] for name in key) for row in stored}
        assert_same_rows(table, stored, [row for row in told[table] if tuple(map(row.get, key)) in days_stored])
