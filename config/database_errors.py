"""Whether an exception means that the database cannot be reached, whatever was asked of it."""

from typing import Final

import psycopg
from django.db import InterfaceError, OperationalError

# PostgreSQL's classes of conditions: connection exceptions, operator intervention without cancelled queries, too many
# connections. An error without a code is that of a connection which broke or never came about.
_STATES: Final = ("08", "57P", "53300")


def is_unreachable(exception: BaseException | None) -> bool:
    if isinstance(exception, InterfaceError):
        return True
    if not isinstance(exception, OperationalError):
        return False
    cause = exception.__cause__
    state = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    return state is None or state.startswith(_STATES)
