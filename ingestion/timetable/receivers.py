"""What this room does when the accounts room announces something."""

from django.dispatch import receiver

from accounts.consents.signals import linkedin_connected
from ingestion import tasks


@receiver(linkedin_connected)
def discover_ad_accounts(connection_id: int, **_: object) -> None:
    """A new consent: discover its ad accounts at once (sent after commit)."""
    tasks.discover_ad_accounts.delay(connection_id)
