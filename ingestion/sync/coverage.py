"""Which days and demographic pivots a run's answers cover, so that the next run need not request them again.

Kept as JSON in `sync_log.answered`, and written in the transaction that stores the answer itself.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.conf import settings

from accounts.shell.clock import TOLERANCE
from ingestion.models import SyncLog
from ingestion.sync.windows import DayRange, merged, without

# By table the ranges of days, as ISO text; under the name of the demographics' table their pivots.
StoredCoverage = dict[str, list[list[str]] | list[str]]
_PIVOTS = "audience_demographics"


class Coverage:
    """What the answers of one run, and of the run it resumes, cover so far."""

    def __init__(self, stored: Mapping[str, list[list[str]] | list[str]]) -> None:
        self._days: dict[str, list[DayRange]] = {
            table: [(date.fromisoformat(one[0]), date.fromisoformat(one[1])) for one in ranges]
            for table, ranges in stored.items()
            if table != _PIVOTS
        }
        self._pivots: list[str] = [str(pivot) for pivot in stored.get(_PIVOTS, [])]

    def days_left(self, table: str, days: DayRange) -> list[DayRange]:
        """The days that no stored answer covers yet."""
        return without(days, self._days.get(table, []))

    def add_days(self, table: str, first_day: date, last_day: date) -> None:
        self._days[table] = merged([*self._days.get(table, []), (first_day, last_day)])

    def add_pivot(self, pivot_type: str) -> None:
        self._pivots.append(pivot_type)

    def has_pivot(self, pivot_type: str) -> bool:
        return pivot_type in self._pivots

    def clear(self) -> None:
        self._days, self._pivots = {}, []

    def as_json(self) -> StoredCoverage:
        stored: StoredCoverage = {
            table: [[first.isoformat(), last.isoformat()] for first, last in ranges]
            for table, ranges in self._days.items()
        }
        return stored | {_PIVOTS: self._pivots} if self._pivots else stored


def of_unfinished_run(ad_account_id: int | None, *, now: datetime) -> StoredCoverage:
    """What the last run covers, if it did not end well and is as recent as fresh data is.

    A run that failed with nothing covered, such as a refused one, does not hide the work before it.
    """
    runs = SyncLog.objects.filter(account_id=ad_account_id, started_at__lte=now + TOLERANCE)
    runs = runs.exclude(status=SyncLog.Status.QUEUED)
    runs = runs.exclude(status__in=[SyncLog.Status.FAILED, SyncLog.Status.CANCELLED], answered={})
    last = runs.order_by("-started_at", "-pk").first()
    recent = now - timedelta(minutes=settings.FRESHNESS_TTL_MINUTES)
    if last is None or last.status == SyncLog.Status.SUCCESS or last.started_at < recent:
        return {}
    stored: StoredCoverage = last.answered
    return stored


def discard(run_id: int) -> None:
    """What this run was answered cannot be relied on: no later run resumes from it."""
    SyncLog.objects.filter(pk=run_id, status=SyncLog.Status.RUNNING).update(answered={})
