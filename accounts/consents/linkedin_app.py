"""The LinkedIn app of the settings: its consent page, and the exchange of a code for a grant."""

from datetime import datetime

from django.conf import settings

from accounts.consents import linkedin_oauth
from accounts.consents.linkedin_oauth import TokenGrant


def consent_url(*, state: str) -> str:
    """Address of LinkedIn's consent page for the scopes of the settings."""
    return linkedin_oauth.authorization_url(
        auth_base_url=settings.LINKEDIN_AUTH_BASE_URL,
        client_id=settings.LINKEDIN_CLIENT_ID,
        redirect_uri=settings.LINKEDIN_REDIRECT_URI,
        scopes=settings.LINKEDIN_SCOPES,
        state=state,
    )


def redeem(code: str, *, now: datetime) -> TokenGrant:
    """The grant behind an authorization code, which works once. Raises OAuthError."""
    return linkedin_oauth.exchange_code(
        auth_base_url=settings.LINKEDIN_AUTH_BASE_URL,
        client_id=settings.LINKEDIN_CLIENT_ID,
        client_secret=settings.LINKEDIN_CLIENT_SECRET,
        redirect_uri=settings.LINKEDIN_REDIRECT_URI,
        code=code,
        now=now,
    )
