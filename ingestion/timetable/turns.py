"""When beat runs an entry of the timetable next, whatever kind of schedule an operator chose for it."""

from datetime import datetime, timedelta
from math import ceil

from django_celery_beat.models import PeriodicTask

from accounts.shell.clock import is_ahead


def next_turn(entry: PeriodicTask, *, not_before: datetime, now: datetime) -> datetime | None:
    """The entry's first turn from then on, never before now; None where beat runs it no more."""
    if _is_over(entry, now=now):
        return None
    earliest = max(now, not_before)
    if entry.start_time and entry.start_time > now:
        earliest = max(earliest, entry.start_time)
    if entry.interval:
        return _turn_of_interval(entry, entry.interval.schedule.run_every, earliest=earliest, now=now)
    turn = _turn_after(entry, min(entry.last_run_at or now, now))
    if turn < earliest:
        turn = _turn_after(entry, earliest)
    return max(now, turn)


def _is_over(entry: PeriodicTask, *, now: datetime) -> bool:
    has_expired = entry.expires is not None and entry.expires <= now
    has_run_once = entry.one_off and entry.total_run_count > 0
    return not entry.enabled or has_expired or has_run_once


def _turn_of_interval(entry: PeriodicTask, every: timedelta, *, earliest: datetime, now: datetime) -> datetime:
    """What is overdue, or dated ahead, runs at once, and from then on in steps of the interval."""
    is_known = entry.last_run_at and not is_ahead(entry.last_run_at, now=now)
    turn: datetime = max(now, entry.last_run_at + every) if is_known else now
    if turn < earliest:
        turn += ceil((earliest - turn) / every) * every
    return turn


def _turn_after(entry: PeriodicTask, after: datetime) -> datetime:
    """Of a crontab, a solar event, or a single moment; Celery counts from its own clock, which runs on."""
    turn: datetime = entry.schedule.now() + entry.schedule.remaining_estimate(after)
    return (turn + timedelta(seconds=0.5)).replace(microsecond=0)
