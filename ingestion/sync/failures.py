"""What went wrong, in words that a person can act on.

Turns an exception into a kind (stored in `sync_log`), one sentence and a remedy; what cannot be explained is
a bug and keeps its traceback.
"""

import errno
from dataclasses import dataclass

import psycopg
import redis
from celery.exceptions import SoftTimeLimitExceeded
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, NotSupportedError, OperationalError
from kombu.exceptions import OperationalError as KombuOperationalError

from accounts.errors import AccountsError
from ingestion.linkedin.errors import LinkedInError


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure: `kind` is one of `SyncLog.ErrorKind`."""

    kind: str
    sentence: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}".strip()


def explain(error: BaseException) -> Failure | None:
    """The failure behind an exception, or None where only a traceback helps."""
    if isinstance(error, LinkedInError):
        return Failure(error.kind, str(error), error.remedy)
    if isinstance(error, AccountsError):
        return Failure(error.kind, str(error))
    if isinstance(error, ImproperlyConfigured) or type(error).__name__ == "EmbeddedServerError":
        return Failure("internal", str(error))
    # COPY raises psycopg's own errors: Django does not wrap them there.
    if isinstance(error, DatabaseError | InterfaceError | psycopg.Error):
        return _explain_database(error)
    if isinstance(error, redis.RedisError | KombuOperationalError):
        return Failure(
            "internal",
            f"Valkey does not answer ({_first_line(error)}).",
            "Start it, or correct REDIS_URL, then try again.",
        )
    if isinstance(error, SoftTimeLimitExceeded):
        return Failure(
            "timeout",
            "The sync took longer than a task is allowed to.",
            "Nothing to do: everything stored so far is complete, and the next sync resumes from there.",
        )
    if isinstance(error, OSError):
        return _explain_system(error)
    return None


def _explain_database(error: BaseException) -> Failure | None:
    if isinstance(error, NotSupportedError) and error.__cause__ is None:
        return Failure("internal", str(error))  # of our own backend
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    if isinstance(cause, psycopg.errors.DiskFull):
        return Failure(
            "internal",
            "PostgreSQL's disk is full, so nothing more can be stored.",
            "Free some space there and start the sync again; what was stored before is complete.",
        )
    if isinstance(cause, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return Failure("internal", "The database is older than the program.", "Run `manage.py migrate`.")
    if isinstance(
        cause, psycopg.errors.QueryCanceled | psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected
    ):
        return Failure("internal", f"PostgreSQL cancelled a statement ({_first_line(error)}).", "Try again.")
    if isinstance(error, OperationalError | InterfaceError | psycopg.OperationalError | psycopg.InterfaceError):
        return Failure(
            "internal",
            f"PostgreSQL does not answer ({_first_line(error)}).",
            "Start it, or correct DATABASE_URL, then try again.",
        )
    return None


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "no reason given")


def _explain_system(error: OSError) -> Failure | None:
    if error.errno == errno.ENOSPC:
        return Failure("internal", "The disk is full.", "Free some space and start again.")
    if error.errno == errno.EADDRINUSE:
        return Failure("internal", "The port is already in use.", "Stop what uses it or choose another with --port.")
    return None
