"""What sends the requests of one run: its client, its share of the token's budget, its request pool."""

from collections.abc import Callable, Sequence

from django.conf import settings

from ingestion.linkedin.client import LinkedInClient
from ingestion.sync.rate_limits import TokenBudget
from ingestion.sync.request_pool import JobSource, RequestPool


class LinkedInRequests:
    """The requests of one run. `between_answers` is called after each answer, and every second without one."""

    def __init__(self, *, client: LinkedInClient, budget: TokenBudget, between_answers: Callable[[], None]) -> None:
        self.client = client
        self.budget = budget
        # Whether `calls_left` knows everything that is still to be requested.
        self.is_planned = False
        self._pool = RequestPool(concurrency=settings.SYNC_CONCURRENCY, while_waiting=between_answers, wait_seconds=1.0)

    def run(self, sources: Sequence[JobSource]) -> None:
        """Send the requests of the sources side by side; returns when none has any left."""
        self._pool.run(sources)

    def calls_left(self) -> int:
        """How many answers are still to come, as far as is known."""
        return self._pool.calls_left()
