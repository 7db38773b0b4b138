"""When to look again whether a lost role came back: soon at first, then ever later, an hour apart at most.

Valkey remembers the turns, so that many ad accounts of a connection, and many workers, start one discovery. A role
that LinkedIn lists while it refuses the ad account is found and lost again: that starts no new row of early turns.
"""

from datetime import datetime, timedelta
from typing import Final

from accounts.consents import ad_accounts
from accounts.shell import valkey

# Later than this the daily discovery is enough.
_WATCHED: Final = timedelta(days=7)
_FIRST_SECONDS: Final = 60
_LONGEST_SECONDS: Final = 3600
_QUIET_SECONDS: Final = 600


def connections_to_look_at(*, now: datetime) -> list[int]:
    """Connections that lost a role lately and whose turn it is; they are taken as looked at."""
    watched = ad_accounts.connections_that_lost_roles(since=now - _WATCHED, now=now)
    return [connection_id for connection_id in watched if _takes_its_turn(connection_id)]


def _takes_its_turn(connection_id: int) -> bool:
    key = valkey.key("lost-roles", "connection", connection_id)
    turns = int(valkey.patient_client().get(f"{key}:turns") or 0)
    pause = min(_FIRST_SECONDS * 2 ** min(turns, 10), _LONGEST_SECONDS)
    if not valkey.patient_client().set(f"{key}:pause", 1, nx=True, ex=pause):
        return False
    valkey.patient_client().set(f"{key}:turns", turns + 1, ex=2 * pause + _QUIET_SECONDS)
    return True
