"""Instants that lie ahead although they record what has happened: a clock was wrong when they were written.

Whatever waits for the time since such an instant would wait until the clock has caught up, for days or years.
"""

from datetime import datetime, timedelta
from typing import Final

# The clocks of several machines differ a little.
TOLERANCE: Final = timedelta(minutes=1)


def latest(now: datetime) -> datetime:
    """The latest instant that anything which has happened can bear; what is dated later counts for nothing."""
    return now + TOLERANCE


def is_ahead(recorded_at: datetime, *, now: datetime) -> bool:
    """Whether an instant that should be past is not."""
    return recorded_at > latest(now)
