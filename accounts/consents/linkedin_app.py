"""The LinkedIn app that reads ads, as the settings describe it."""

from django.conf import settings

from accounts.consents.linkedin_oauth import LinkedInApp


def from_settings() -> LinkedInApp:
    """The app as configured; ask `missing_settings` first whether it is complete."""
    return LinkedInApp(
        client_id=settings.LINKEDIN_CLIENT_ID,
        client_secret=settings.LINKEDIN_CLIENT_SECRET,
        redirect_uri=settings.LINKEDIN_REDIRECT_URI,
        scopes=tuple(settings.LINKEDIN_SCOPES),
        auth_base_url=settings.LINKEDIN_AUTH_BASE_URL,
    )


def missing_settings() -> list[str]:
    """The names of the settings without which LinkedIn cannot be connected."""
    return [name for name in ("LINKEDIN_CLIENT_ID", "LINKEDIN_CLIENT_SECRET") if not getattr(settings, name)]
