"""One periodic task per ad account, spread over the interval; what operators made or changed stays theirs."""

import random
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import DatabaseScheduler

from config.celery import app
from ingestion import tasks
from ingestion.timetable import schedules
from ingestion.timetable.schedules import SYNC_TASK, schedule_syncs, sync_interval, unschedule_syncs
from tests.builders import NOW

pytestmark = pytest.mark.django_db

IN_A_ROW = list(range(500_000_001, 500_001_001))
SCATTERED = random.Random(1).sample(range(500_000_000, 530_000_000), 1000)
# As ad accounts that were made for one customer after the other would be numbered.
IN_STEPS = list(range(500_000_000, 500_144_000, 144))


@pytest.fixture(autouse=True)
def _usual_freshness(settings):
    settings.FRESHNESS_TTL_MINUTES = 240


def seconds_until_due() -> dict[str, float]:
    """By the name of the task; 0 is due now. Asked of the scheduler that beat runs with."""
    entries = DatabaseScheduler(app=app, lazy=True).all_as_schedule()
    states = {name: entry.is_due() for name, entry in entries.items()}
    return {name: 0 if state.is_due else state.next for name, state in states.items()}


def test_the_task_checks_four_times_per_freshness(settings):
    assert sync_interval() == timedelta(minutes=60)
    settings.FRESHNESS_TTL_MINUTES = 0
    assert sync_interval() == timedelta(minutes=1)


def test_an_ad_account_gets_its_task():
    assert schedule_syncs([500_000_001], now=NOW) == 1
    task = PeriodicTask.objects.get()
    assert (task.name, task.task, task.args) == ("Sync ad account 500000001", SYNC_TASK, "[500000001]")
    assert (task.interval.every, task.interval.period, task.enabled) == (60, "minutes", True)
    # What waited in the queue for a whole interval is followed by the next turn: it would wait twice.
    assert task.expire_seconds == 3599
    assert NOW - timedelta(minutes=60) < task.last_run_at <= NOW


def test_the_task_named_there_exists():
    assert tasks.sync_ad_account.name == SYNC_TASK


def test_tasks_are_made_once():
    schedule_syncs([1, 2], now=NOW)
    assert schedule_syncs([1, 2, 3], now=NOW) == 1
    assert schedule_syncs([1, 2, 3], now=NOW) == 0
    assert PeriodicTask.objects.filter(task=SYNC_TASK).count() == 3
    assert IntervalSchedule.objects.count() == 1


def test_beat_is_told_only_when_something_changed():
    schedule_syncs([1], now=NOW)
    told = PeriodicTasks.last_change()
    assert told
    schedule_syncs([1], now=NOW)
    assert PeriodicTasks.last_change() == told
    schedule_syncs([1, 2], now=NOW)
    told_again = PeriodicTasks.last_change()
    assert told_again > told
    unschedule_syncs([1])
    assert PeriodicTasks.last_change() > told_again


def test_what_an_operator_changed_stays():
    schedule_syncs([1, 2], now=NOW)
    daily = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.DAYS)
    PeriodicTask.objects.filter(name="Sync ad account 1").update(interval=daily, enabled=False)
    before = list(PeriodicTask.objects.order_by("pk").values())
    schedule_syncs([1, 2], now=NOW + timedelta(hours=1))
    assert list(PeriodicTask.objects.order_by("pk").values()) == before


def test_operators_own_entries_stay():
    hourly = IntervalSchedule.objects.create(every=60, period=IntervalSchedule.MINUTES)
    own = PeriodicTask.objects.create(name="Ours", task=SYNC_TASK, args="[1]", interval=hourly)
    schedule_syncs([1], now=NOW)
    unschedule_syncs([1])
    assert list(PeriodicTask.objects.all()) == [own]


def test_an_interval_that_operators_made_twice_is_no_obstacle():
    """Nothing keeps intervals unique: two equal ones once made every discovery fail."""
    for _ in range(2):
        IntervalSchedule.objects.create(every=60, period=IntervalSchedule.MINUTES)
    assert schedule_syncs([1], now=NOW) == 1
    assert IntervalSchedule.objects.count() == 2


def test_unscheduled_ad_accounts_lose_their_task_and_others_keep_theirs():
    schedule_syncs([1, 11], now=NOW)
    unschedule_syncs([1, 99])
    assert [task.args for task in PeriodicTask.objects.all()] == ["[11]"]


@pytest.mark.parametrize("ids", [IN_A_ROW, SCATTERED, IN_STEPS], ids=["in a row", "scattered", "in steps"])
def test_a_thousand_ad_accounts_are_spread_over_the_interval(ids):
    """Each is due once in the hour to come, and no minute holds more than twice its share."""
    with time_machine.travel(NOW, tick=False):
        schedule_syncs(ids, now=NOW)
        due = seconds_until_due()
    assert len(due) == 1000
    assert all(0 <= seconds <= 3600 for seconds in due.values())
    per_minute = Counter(int(seconds // 60) for seconds in due.values())
    assert len(per_minute) >= 60
    assert max(per_minute.values()) <= 2 * 1000 / 60


def test_all_have_had_their_turn_when_the_interval_is_over():
    schedule_syncs(IN_A_ROW[:50], now=NOW)
    with time_machine.travel(NOW + timedelta(minutes=30), tick=False):
        at_half = sum(seconds == 0 for seconds in seconds_until_due().values())
    assert 20 <= at_half <= 30
    with time_machine.travel(NOW + timedelta(minutes=60), tick=False):
        assert set(seconds_until_due().values()) == {0}


def test_ad_accounts_that_are_added_later_do_not_fire_with_the_earlier_ones():
    schedule_syncs(IN_A_ROW[:500], now=NOW)
    later = NOW + timedelta(minutes=17)
    schedule_syncs(IN_A_ROW, now=later)
    with time_machine.travel(later, tick=False):
        due = [task.last_run_at for task in PeriodicTask.objects.all()]
    per_minute = Counter(int(((last + timedelta(hours=1)) - NOW).total_seconds() % 3600 // 60) for last in due)
    assert max(per_minute.values()) <= 2 * 1000 / 60


def test_beat_sends_the_message_that_the_task_takes():
    """As beat reads it: the id alone, and an expiry."""
    schedule_syncs([500_000_001], now=NOW)
    [entry] = DatabaseScheduler(app=app, lazy=True).all_as_schedule().values()
    assert (entry.task, entry.args, entry.kwargs) == (SYNC_TASK, [500_000_001], {})
    assert entry.options["expires"] == 3599


def test_a_disabled_task_is_never_due():
    schedule_syncs([1, 2], now=NOW - timedelta(days=1))
    PeriodicTask.objects.filter(args="[1]").update(enabled=False)
    assert list(seconds_until_due()) == ["Sync ad account 2"]


def test_syncs_that_were_due_while_beat_was_away_are_spread_again(settings):
    settings.FRESHNESS_TTL_MINUTES = 240
    schedules.schedule_syncs(list(range(500_000_001, 500_000_601)), now=NOW)
    later = NOW + timedelta(hours=3)
    assert schedules.spread_overdue_syncs(now=later) == 600
    last_runs = PeriodicTask.objects.filter(task=schedules.SYNC_TASK).values_list("last_run_at", flat=True)
    minutes = Counter(int((later - last_run).total_seconds() // 60) for last_run in last_runs)
    assert len(minutes) == 60
    assert max(minutes.values()) <= 20
    assert schedules.spread_overdue_syncs(now=later) == 0


# As in existing databases: an entry whose name changes without a migration would run in addition to the old one.
REGULAR_TASKS = {
    ("Send audit events", "accounts.tasks.deliver_audit_events", 1),
    ("Close dead syncs", "ingestion.tasks.close_dead_runs", 1),
    ("Look for lost roles", "ingestion.tasks.look_for_lost_roles", 1),
    ("Queue lost checks again", "reporting.tasks.audit_forgotten", 10),
    ("Queue lost snapshots again", "reporting.tasks.requeue_lost_snapshots", 10),
    ("Queue lost exports again", "reporting.exports.tasks.requeue_lost_exports", 1),
    ("Prune old exports", "reporting.exports.tasks.prune_exports", 60),
    ("Prune old sync runs", "ingestion.tasks.prune_runs", 24 * 60),
    ("Prune old snapshots", "reporting.tasks.prune_snapshots", 24 * 60),
    ("Hold BI roles to their limits", "reporting.tasks.hold_bi_roles_to_limits", 1),
    ("Prune deleted rows of the change feed", "reporting.tasks.prune_deleted_rows", 24 * 60),
    ("Prune expired sessions", "accounts.tasks.prune_sessions", 24 * 60),
    ("Refresh LinkedIn tokens", "accounts.tasks.refresh_tokens", 60),
    ("Warn of ending LinkedIn consents", "accounts.tasks.warn_of_ending_consents", 60),
    ("Warn of ending API tokens", "accounts.tasks.warn_of_ending_api_tokens", 60),
    ("Prune failed logins", "accounts.tasks.prune_failed_logins", 360),
}


def test_every_room_s_regular_tasks_are_entered_and_exist():
    schedules.schedule_regular_tasks()
    app.loader.import_default_modules()
    entries = list(PeriodicTask.objects.select_related("interval"))
    assert {(one.name, one.task, one.interval.every) for one in entries} == REGULAR_TASKS
    assert {one.task for one in entries} <= set(app.tasks)
    assert all(one.expire_seconds == one.interval.every * 60 - 1 for one in entries)


def test_an_existing_regular_task_keeps_what_an_operator_changed_and_follows_its_task():
    schedules.schedule_regular_tasks()
    daily = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.DAYS)
    renamed = PeriodicTask.objects.get(name="Close dead syncs")
    PeriodicTask.objects.filter(pk=renamed.pk).update(task="ingestion.tasks.old_name", interval=daily, enabled=False)
    others = list(PeriodicTask.objects.exclude(pk=renamed.pk).order_by("pk").values())
    schedules.schedule_regular_tasks()
    renamed.refresh_from_db()
    assert (renamed.task, renamed.interval, renamed.enabled) == ("ingestion.tasks.close_dead_runs", daily, False)
    assert list(PeriodicTask.objects.exclude(pk=renamed.pk).order_by("pk").values()) == others


def test_entries_of_an_ad_account_include_an_operators_own():
    hourly = IntervalSchedule.objects.create(every=60, period=IntervalSchedule.MINUTES)
    own = PeriodicTask.objects.create(name="Nightly", task=SYNC_TASK, args="[1]", interval=hourly)
    PeriodicTask.objects.create(name="Something else", task="ingestion.tasks.prune_runs", args="[1]", interval=hourly)
    schedule_syncs([1, 2], now=NOW)
    assert {one.name for one in schedules.entries_of([1])} == {own.name, "Sync ad account 1"}
