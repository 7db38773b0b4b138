"""Ad accounts as this room sees them; no table of its own."""

from accounts.models import AdAccount


class SyncedAdAccount(AdAccount):
    """An ad account with what its syncs have to say, for the admin."""

    class Meta:
        proxy = True
        verbose_name = "ad account state"
        ordering = ["name", "id"]
