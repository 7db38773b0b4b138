"""The LinkedIn client of a connection, configured from the settings."""

from django.conf import settings

from accounts.connections import ConnectionTokens
from ingestion.linkedin.client import LinkedInClient


def client_for(connection_id: int) -> LinkedInClient:
    """A client that speaks with the connection's token; close it after use."""
    return LinkedInClient(
        base_url=settings.LINKEDIN_API_BASE_URL,
        version=settings.LINKEDIN_API_VERSION,
        tokens=ConnectionTokens(connection_id),
        concurrency=settings.SYNC_CONCURRENCY,
    )
