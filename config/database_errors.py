"""What an exception says about the database, whatever was asked of it."""

from typing import Final

import psycopg
from django.db import InterfaceError, OperationalError

# PostgreSQL's classes of conditions: connection exceptions, operator intervention without cancelled queries, too many
# connections. An error without a code is that of a connection which broke or never came about.
_STATES: Final = ("08", "57P", "53300")


def is_cancelled(exception: BaseException | None) -> bool:
    """Whether a statement took longer than it may, or was cancelled by somebody."""
    return isinstance(exception, OperationalError) and isinstance(exception.__cause__, psycopg.errors.QueryCanceled)


def is_unreachable(exception: BaseException | None) -> bool:
    if isinstance(exception, InterfaceError):
        return True
    if not isinstance(exception, OperationalError):
        return False
    cause = exception.__cause__
    state = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    return state is None or state.startswith(_STATES)
