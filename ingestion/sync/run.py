"""One run while it is open: which ad account and days, what sends its requests, what keeps its ledger."""

from collections.abc import Callable
from datetime import date, datetime

from ingestion.linkedin.client import LinkedInClient
from ingestion.models import SyncLog
from ingestion.sync.coverage import Coverage
from ingestion.sync.interruption import Interruption
from ingestion.sync.ledger.open_run import OpenRun, Progress
from ingestion.sync.linkedin_requests import LinkedInRequests
from ingestion.sync.rate_limits import TokenBudget


class Run:
    """What every step of one sync works with; between answers it sends a heartbeat and checks if it has to stop."""

    def __init__(
        self,
        row: SyncLog,
        *,
        resume_after: datetime | None = None,
        client: LinkedInClient,
        budget: TokenBudget,
        now: Callable[[], datetime],
        on_progress: Callable[[Progress], None] = lambda progress: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.fetched_at = row.started_at
        self.requests = LinkedInRequests(client=client, budget=budget, between_answers=self._between_answers)
        self.ledger = OpenRun(row, requests=self.requests, now=now, on_progress=on_progress)
        self._interruption = Interruption(should_stop=should_stop, is_cancelled=self.ledger.is_cancelled)
        self._row = row
        self._resume_after = resume_after

    @property
    def ad_account_id(self) -> int:
        if self._row.account_id is None:
            raise ValueError("this run is of all ad accounts")
        return self._row.account_id

    @property
    def coverage(self) -> Coverage:
        """What is covered already, and what of it this run need not request again."""
        return Coverage(self.ad_account_id, self.fetched_at, self._resume_after)

    @property
    def days(self) -> tuple[date, date]:
        """First and last day to request, both inclusive."""
        if self._row.first_day is None or self._row.last_day is None:
            raise ValueError("this run has no range of days")
        return self._row.first_day, self._row.last_day

    def _between_answers(self) -> None:
        self._interruption.check()
        if self.ledger.beat_if_due():
            self.requests.budget.renew()
