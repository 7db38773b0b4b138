"""The LinkedIn client of a connection, configured from the settings."""

from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings

from accounts.consents.tokens import ConnectionTokens
from ingestion.linkedin.client import LinkedInClient
from ingestion.sync.rate_limits import TokenBudget


def client_for(
    connection_id: int, *, budget: TokenBudget, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> LinkedInClient:
    """A client that speaks with the connection's token, within its budget; close it after use."""
    return LinkedInClient(
        base_url=settings.LINKEDIN_API_BASE_URL,
        version=settings.LINKEDIN_API_VERSION,
        tokens=ConnectionTokens(connection_id),
        concurrency=settings.SYNC_CONCURRENCY,
        budget=budget,
        now=now,
    )
