"""The timetable: one entry per ad account, one per connection, and what each room does regularly.

The only writer of these rows of django-celery-beat; entries that operators created are left alone, and so is what
they changed on ours (interval, switched off).
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from importlib import import_module
from typing import TypedDict

from django.apps import apps
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.module_loading import module_has_submodule
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from accounts.shell.clock import is_ahead

SYNC_TASK = "ingestion.tasks.sync_ad_account"
# The task asks the gate first, so turns more frequent than the freshness allows cost nothing and keep the
# data at most this much older than that.
_TURNS_PER_FRESHNESS = 4
_DAY = timedelta(days=1)


class RegularTask(TypedDict):
    """One line of a room's `BEAT_SCHEDULE`, in the format of Celery's own."""

    task: str
    schedule: timedelta


def sync_interval() -> timedelta:
    """How often each ad account's task checks whether a sync is due."""
    return timedelta(minutes=max(1, settings.FRESHNESS_TTL_MINUTES // _TURNS_PER_FRESHNESS))


def schedule_syncs(ad_account_ids: list[int], *, now: datetime) -> int:
    """Give each ad account its periodic task; returns how many were new."""
    wanted = {_name(ad_account_id): ad_account_id for ad_account_id in ad_account_ids}
    existing = set(PeriodicTask.objects.filter(name__in=wanted).values_list("name", flat=True))
    missing = {name: ad_account_id for name, ad_account_id in wanted.items() if name not in existing}
    if not missing:
        return 0
    interval = sync_interval()
    every = _interval(interval)
    PeriodicTask.objects.bulk_create(
        [
            PeriodicTask(
                name=name,
                task=SYNC_TASK,
                args=f"[{ad_account_id}]",
                interval=every,
                last_run_at=now - _share_of(ad_account_id) * interval,
                expire_seconds=_expiry(interval),
                description="Created with the ad account; change the interval or switch it off here.",
            )
            for name, ad_account_id in missing.items()
        ]
    )
    PeriodicTasks.update_changed()
    return len(missing)


def spread_overdue_syncs(*, now: datetime) -> int:
    """After a time without beat, or a wrong clock, all syncs are due together: spread them over the interval again.

    Returns how many.
    """
    ours = PeriodicTask.objects.filter(task=SYNC_TASK, interval__period=IntervalSchedule.MINUTES)
    overdue = []
    for task in ours.select_related("interval"):
        interval = timedelta(minutes=task.interval.every)
        last = task.last_run_at
        if last and (last < now - 2 * interval or is_ahead(last, now=now)):
            task.last_run_at = now - _share_of(ad_account_of(task) or task.pk) * interval
            overdue.append(task)
    PeriodicTask.objects.bulk_update(overdue, ["last_run_at"], batch_size=500)
    return len(overdue)


def ad_account_of(task: PeriodicTask) -> int | None:
    """The ad account that an entry syncs; None for other entries, and for arguments that name none."""
    if task.task != SYNC_TASK:
        return None
    try:
        first = next(iter(json.loads(task.args)), None)
    except (ValueError, TypeError):
        return None
    is_id = isinstance(first, int) and not isinstance(first, bool) and 0 < first < 2**63
    return first if is_id else None


def entry_of(ad_account_id: int) -> PeriodicTask | None:
    """Our entry of an ad account, unless an operator removed it."""
    return PeriodicTask.objects.filter(name=_name(ad_account_id)).first()


def entries_of(ad_account_ids: Iterable[int]) -> "QuerySet[PeriodicTask]":
    """The entries that sync these ad accounts, ours and operators' own."""
    ids = list(ad_account_ids)
    named = Q(name__in=map(_name, ids)) | Q(args__in=[f"[{ad_account_id}]" for ad_account_id in ids])
    found: QuerySet[PeriodicTask] = PeriodicTask.objects.filter(named, task=SYNC_TASK)
    return found.select_related("interval", "crontab", "solar", "clocked")


def unschedule_syncs(ad_account_ids: list[int]) -> None:
    """Remove the periodic tasks of ad accounts that are gone."""
    _remove([_name(ad_account_id) for ad_account_id in ad_account_ids])


def schedule_discovery(connection_id: int) -> None:
    """Discover once a day which ad accounts a connection can read."""
    _keep(_discovery_name(connection_id), "ingestion.tasks.discover_ad_accounts", _DAY, args=f"[{connection_id}]")


def unschedule_discovery(connection_id: int) -> None:
    """The connection is gone."""
    _remove([_discovery_name(connection_id)])


def scheduled_tasks() -> set[str]:
    """The names of all tasks that an entry may run: no others, since a task does what its arguments say."""
    return {SYNC_TASK, *(entry["task"] for _, entry in _regular_tasks())}


def schedule_regular_tasks() -> None:
    """The entries that every room's `tasks.py` lists in its `BEAT_SCHEDULE`, by name."""
    for name, entry in _regular_tasks():
        _keep(name, entry["task"], entry["schedule"])


def _regular_tasks() -> Iterator[tuple[str, RegularTask]]:
    for config in apps.get_app_configs():
        if config.module and module_has_submodule(config.module, "tasks"):
            lines: dict[str, RegularTask] = getattr(import_module(f"{config.name}.tasks"), "BEAT_SCHEDULE", {})
            yield from lines.items()


def _keep(name: str, task: str, every: timedelta, *, args: str = "[]") -> None:
    """Create an entry where there is none; an existing one keeps what an operator changed, and follows its task."""
    entry, is_new = PeriodicTask.objects.get_or_create(
        name=name,
        defaults={
            "task": task,
            "args": args,
            "interval": _interval(every),
            "expire_seconds": _expiry(every),
            "description": "Created by the service; change the interval or switch it off here.",
        },
    )
    has_moved = entry.task != task
    if has_moved:
        PeriodicTask.objects.filter(pk=entry.pk).update(task=task)
    if is_new or has_moved:
        PeriodicTasks.update_changed()


def _expiry(every: timedelta) -> int:
    """A message still in the queue at the next turn is dropped just before it: else the same work would wait twice."""
    return int(every.total_seconds()) - 1


def _interval(every: timedelta) -> IntervalSchedule:
    """Nothing keeps intervals unique there: operators may have made the same one twice."""
    usual = {"every": int(every.total_seconds() // 60), "period": IntervalSchedule.MINUTES}
    found: IntervalSchedule | None = IntervalSchedule.objects.filter(**usual).order_by("pk").first()
    return found or IntervalSchedule.objects.create(**usual)


def _remove(names: list[str]) -> None:
    if PeriodicTask.objects.filter(name__in=names).delete()[0]:
        PeriodicTasks.update_changed()


def _name(ad_account_id: int) -> str:
    return f"Sync ad account {ad_account_id}"


def _discovery_name(connection_id: int) -> str:
    return f"Discover ad accounts of LinkedIn connection {connection_id}"


def _share_of(ad_account_id: int) -> float:
    """A fixed point of the interval, 0 to 1, so that ad accounts never all fire together."""
    return ad_account_id * 0.6180339887498949 % 1
