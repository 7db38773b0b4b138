"""Beat's scheduler: that of django-celery-beat, with signs of life at its ticks, and fit for long timetables."""

from time import monotonic
from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from ingestion.processes.heartbeats import SIGN_SECONDS, quietly, sign_beat


class SigningScheduler(DatabaseScheduler):  # type: ignore[misc]
    """A thread beside the ticks would go on signing for a beat that hangs; the ticks themselves do not."""

    _heap_invalidated: bool

    def __init__(self, *args: Any, **options: Any) -> None:
        self._signed: float | None = None
        super().__init__(*args, **options)

    def schedules_equal(self, *args: Any, **options: Any) -> bool:
        """Whether the timetable is still the one that was last sorted by what is due next.

        Celery compares it entry by entry at every tick: with 20,000 entries that is most of what beat does. Reading it
        anew from the database is all that ever changes it here, and is noted where it happens.
        """
        is_new, self._heap_invalidated = self._heap_invalidated, False
        return not is_new

    def tick(self, *args: Any, **options: Any) -> Any:
        seconds_to_wait = super().tick(*args, **options)
        if self._signed is None or monotonic() - self._signed >= SIGN_SECONDS:
            with quietly():
                sign_beat()
            self._signed = monotonic()
        return seconds_to_wait
