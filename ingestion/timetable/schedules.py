"""The timetable of syncs: one periodic task per ad account, in django-celery-beat's tables.

The sole writer of the rows named here; entries that operators made themselves are left alone, and so is what
they changed on ours (interval, paused).
"""

import json
from datetime import datetime, timedelta

from django.conf import settings
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

SYNC_TASK = "ingestion.tasks.sync_ad_account"
# The task asks the gate first, so asking more often than the freshness allows costs nothing and keeps the
# data at most this much older than that.
_ASKS_PER_FRESHNESS = 4
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


def sync_interval() -> timedelta:
    """How often each ad account's task asks whether a sync is due."""
    return timedelta(minutes=max(1, settings.FRESHNESS_TTL_MINUTES // _ASKS_PER_FRESHNESS))


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
                expire_seconds=int(interval.total_seconds()) - 1,
                description="Made with the ad account; change the interval or pause it here.",
            )
            for name, ad_account_id in missing.items()
        ]
    )
    PeriodicTasks.update_changed()
    return len(missing)


def spread_overdue_syncs(*, now: datetime) -> int:
    """After a time without beat every sync is due at once: let them come one by one again; returns how many."""
    ours = PeriodicTask.objects.filter(task=SYNC_TASK, interval__period=IntervalSchedule.MINUTES)
    overdue = []
    for task in ours.select_related("interval"):
        interval = timedelta(minutes=task.interval.every)
        if task.last_run_at and task.last_run_at < now - 2 * interval:
            task.last_run_at = now - _share_of(_ad_account_id(task)) * interval
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


def next_asks(ad_account_ids: list[int], *, now: datetime) -> dict[int, datetime]:
    """When beat asks next for a sync of each ad account; those without an entry, or paused, are left out.

    Asking is not syncing: the gate lets a sync pass once the data is old enough.
    """
    names = {_name(ad_account_id): ad_account_id for ad_account_id in ad_account_ids}
    entries = PeriodicTask.objects.filter(name__in=names, enabled=True)
    related = entries.select_related("interval", "crontab", "solar", "clocked")
    return {names[entry.name]: _next_ask(entry, now=now) for entry in related}


def _next_ask(entry: PeriodicTask, *, now: datetime) -> datetime:
    """Not before now: what is overdue is asked at once."""
    if entry.last_run_at is None:
        return now
    if entry.interval:
        due: datetime = entry.last_run_at + entry.interval.schedule.run_every
    else:
        # A timetable that an operator chose; celery counts from its own clock.
        due = now + entry.schedule.remaining_estimate(entry.last_run_at)
    return max(now, due)


def unschedule_syncs(ad_account_ids: list[int]) -> None:
    """Remove the periodic tasks of ad accounts that are gone."""
    _remove([_name(ad_account_id) for ad_account_id in ad_account_ids])


def schedule_discovery(connection_id: int) -> None:
    """Look once a day which ad accounts a connection can read."""
    _keep(_discovery_name(connection_id), "ingestion.tasks.discover_ad_accounts", _DAY, args=f"[{connection_id}]")


def unschedule_discovery(connection_id: int) -> None:
    """The connection is gone."""
    _remove([_discovery_name(connection_id)])


def schedule_housekeeping() -> None:
    """The entries that do not belong to one ad account."""
    _keep("Close dead syncs", "ingestion.tasks.close_dead_runs", timedelta(minutes=1))
    _keep("Look for lost roles", "ingestion.tasks.look_for_lost_roles", timedelta(minutes=1))
    _keep("Have forgotten audits judged", "reporting.tasks.audit_forgotten", timedelta(minutes=10))
    _keep("Prune old sync runs", "ingestion.tasks.prune_runs", _DAY)
    _keep("Prune old snapshots", "reporting.tasks.prune_snapshots", _DAY)
    _keep("Prune expired sessions", "accounts.tasks.prune_sessions", _DAY)
    _keep("Refresh LinkedIn tokens", "accounts.tasks.refresh_tokens", _HOUR)
    _keep("Warn of ending LinkedIn consents", "accounts.tasks.warn_of_ending_consents", _HOUR)


def _keep(name: str, task: str, every: timedelta, *, args: str = "[]") -> None:
    """Make an entry where there is none; one that exists may have been changed by an operator."""
    _, is_new = PeriodicTask.objects.get_or_create(
        name=name,
        defaults={
            "task": task,
            "args": args,
            "interval": _interval(every),
            "expire_seconds": int(every.total_seconds()) - 1,
            "description": "Made by the service; change the interval or pause it here.",
        },
    )
    if is_new:
        PeriodicTasks.update_changed()


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


def _ad_account_id(task: PeriodicTask) -> int:
    """From the arguments of a sync's entry; an operator's own entry may hold anything."""
    digits = "".join(character for character in task.args if character.isdigit())
    return int(digits or task.pk)


def _discovery_name(connection_id: int) -> str:
    return f"Discover ad accounts of LinkedIn connection {connection_id}"


def _share_of(ad_account_id: int) -> float:
    """A fixed point of the interval, 0 to 1, so that ad accounts never fire all at once."""
    return ad_account_id * 0.6180339887498949 % 1
