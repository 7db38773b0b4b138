"""Beat's scheduler: that of django-celery-beat, which also leaves a sign of life at its ticks."""

from time import monotonic
from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from ingestion.signs_of_life import SIGN_SECONDS, quietly, sign_beat


class SigningScheduler(DatabaseScheduler):  # type: ignore[misc]
    """A thread beside the ticks would go on signing for a beat that hangs; the ticks themselves do not."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._signed: float | None = None
        super().__init__(*args, **options)

    def tick(self, *args: Any, **options: Any) -> Any:
        seconds_to_wait = super().tick(*args, **options)
        if self._signed is None or monotonic() - self._signed >= SIGN_SECONDS:
            with quietly():
                sign_beat()
            self._signed = monotonic()
        return seconds_to_wait
