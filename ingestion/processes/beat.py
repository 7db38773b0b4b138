"""Beat's scheduler: that of django-celery-beat, with heartbeats, and fit for long timetables."""

import sys
from datetime import datetime, timedelta
from time import monotonic

from celery.schedules import schedstate
from django.db import NotSupportedError
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from accounts.shell.clock import is_ahead
from ingestion.processes.heartbeats import HEARTBEAT_SECONDS, outages_logged, record_beat


class _Entry(ModelEntry):  # type: ignore[misc]
    """An entry that last ran in the future, by a clock that was wrong, does not wait for that time."""

    last_run_at: datetime

    def is_due(self) -> schedstate:
        now = self._default_now()
        if is_ahead(self.last_run_at, now=now):
            # An interval is due at once; everything else at its next turn.
            self.last_run_at = now - getattr(self.schedule, "run_every", timedelta())
        due: schedstate = super().is_due()
        return due


class HeartbeatScheduler(DatabaseScheduler):  # type: ignore[misc]
    """Heartbeats are part of the ticks: a thread of its own would keep sending them for a beat that hangs."""

    Entry = _Entry
    _heap_invalidated: bool
    _recorded_at: float | None = None

    def __init__(self, *args: object, **options: object) -> None:
        """Reads the timetable, before Celery announces that beat begins. Exits where PostgreSQL is too old."""
        try:
            super().__init__(*args, **options)
        except NotSupportedError as error:
            sys.exit(str(error))

    def schedules_equal(self, *_: object, **__: object) -> bool:
        """Whether the timetable is still the one that was last sorted by due time.

        Celery compares it entry by entry at every tick: with 20,000 entries that is most of what beat does. Only
        reloading it from the database ever changes it here, and the reload sets `_heap_invalidated`.
        """
        is_new, self._heap_invalidated = self._heap_invalidated, False
        return not is_new

    def tick(self, *args: object, **options: object) -> float:
        seconds_to_wait: float = super().tick(*args, **options)
        if self._recorded_at is None or monotonic() - self._recorded_at >= HEARTBEAT_SECONDS:
            with outages_logged():
                record_beat()
            self._recorded_at = monotonic()
        return seconds_to_wait
