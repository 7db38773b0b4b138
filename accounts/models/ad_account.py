"""LinkedIn ad accounts: the boundary every permission is drawn around."""

from django.db import models


class AdAccount(models.Model):
    """One LinkedIn ad account; `accounts/consents/ad_accounts.py` is the only writer.

    Source: LinkedIn Marketing, "Ad Accounts", 202602. Every column from LinkedIn may be null.
    """

    personal_data: frozenset[str] = frozenset()

    id = models.BigIntegerField(primary_key=True, help_text="LinkedIn's id of the ad account")
    name = models.TextField(null=True, blank=True)
    status = models.TextField(null=True, blank=True, help_text="ACTIVE, CANCELED, DRAFT, PENDING_DELETION, REMOVED")
    currency = models.TextField(null=True, blank=True, help_text="ISO code of every amount of this ad account")
    type = models.TextField(null=True, blank=True, help_text="BUSINESS or ENTERPRISE")
    is_test = models.BooleanField(null=True, blank=True, help_text="a test ad account never spends")
    created_at = models.DateTimeField(null=True, blank=True, help_text="when it was created at LinkedIn, UTC")
    fetched_at = models.DateTimeField(null=True, blank=True, help_text="when LinkedIn last sent something new")
    missing_since = models.DateTimeField(
        null=True, blank=True, help_text="since when LinkedIn no longer returns it; its data stays"
    )

    class Meta:
        db_table = "ad_accounts"
        verbose_name = "ad account"
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else str(self.id)

    @property
    def short_name(self) -> str:
        """For lists, which repeat it in every row: without the number, which appears on hover."""
        return self.name or str(self)
