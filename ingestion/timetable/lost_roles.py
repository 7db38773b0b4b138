"""When to check whether a lost role came back: soon at first, then less and less often, every hour at the least.

Valkey counts the checks, so that many ad accounts of a connection, and many workers, start one discovery. A role
that LinkedIn lists while it refuses the ad account is found and lost again: the checks stay rare then.
"""

from datetime import datetime, timedelta
from typing import Final

from accounts.consents import ad_accounts
from accounts.shell import valkey

# After this time the daily discovery is enough.
_WATCHED: Final = timedelta(days=7)
_FIRST_SECONDS: Final = 60
_MAX_SECONDS: Final = 3600
_QUIET_SECONDS: Final = 600


def connections_to_check(*, now: datetime) -> list[int]:
    """Connections that lost a role lately and are due for a check; they count as checked."""
    watched = ad_accounts.connections_that_lost_roles(since=now - _WATCHED, now=now)
    return [connection_id for connection_id in watched if _is_due(connection_id)]


def _is_due(connection_id: int) -> bool:
    key = valkey.key("lost-roles", "connection", connection_id)
    turns = int(valkey.patient_client().get(f"{key}:turns") or 0)
    pause = min(_FIRST_SECONDS * 2 ** min(turns, 10), _MAX_SECONDS)
    if not valkey.patient_client().set(f"{key}:pause", 1, nx=True, ex=pause):
        return False
    valkey.patient_client().set(f"{key}:turns", turns + 1, ex=2 * pause + _QUIET_SECONDS)
    return True
