"""Hears what the accounts room announces."""

from typing import Any

from django.dispatch import receiver

from accounts.consents.signals import linkedin_connected
from ingestion import tasks


@receiver(linkedin_connected)
def discover_ad_accounts(connection_id: int, **_: Any) -> None:
    """A new consent: look at once which ad accounts it opens (sent after commit)."""
    tasks.discover_ad_accounts.delay(connection_id)
