"""LinkedIn ads consents and their tokens, encrypted at rest."""

from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.consents.encryption import EncryptedTextField

# Shown in place of `active` while the consent as a whole ends soon; never stored.
EXPIRING = "expiring"
_SOON = timedelta(days=60)
_DAY = timedelta(days=1)


class LinkedInConnection(models.Model):
    """One person's consent that lets us read ads; `accounts/consents/connections.py` is the only writer.

    State: `active` → `needs_consent` when LinkedIn refuses its tokens → `active` after a new consent;
    `revoked` when a person ends it here, which forgets both tokens. People are shown `expiring` in the last
    60 days of an active one.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        NEEDS_CONSENT = "needs_consent", "Needs consent"
        REVOKED = "revoked", "Revoked"

    personal_data = frozenset({"member_urn", "access_token", "refresh_token"})

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="linkedin_connections")
    member_urn = models.TextField(
        null=True, blank=True, help_text="the LinkedIn member who consented, from the roles LinkedIn lists"
    )
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    scopes = ArrayField(models.TextField(), default=list)
    access_token = EncryptedTextField(null=True, blank=True)
    access_token_expires_at = models.DateTimeField()
    refresh_token = EncryptedTextField(null=True, blank=True)
    refresh_token_expires_at = models.DateTimeField(null=True, blank=True)
    connected_at = models.DateTimeField()
    refreshed_at = models.DateTimeField(null=True, blank=True)
    trouble = models.TextField(null=True, blank=True, help_text="why it needs consent, with the remedy")

    class Meta:
        db_table = "linkedin_connections"
        verbose_name = "LinkedIn connection"

    def __str__(self) -> str:
        return f"LinkedIn connection {self.pk} of {self.person}"

    @property
    def person(self) -> str:
        """Whose consent it is, in a sentence; without a login where it was given in a terminal, or outlived theirs."""
        return str(self.user or "somebody without a login here")

    @property
    def consent_ends_at(self) -> datetime:
        """When nothing renews the access any more; without a refresh token that is the access token's end."""
        return max(self.access_token_expires_at, self.refresh_token_expires_at or self.access_token_expires_at)

    def days_left(self, now: datetime) -> int:
        """Days until the consent ends, a day that has begun included; 0 when it has ended."""
        return max(0, ceil((self.consent_ends_at - now) / _DAY))

    def state_at(self, now: datetime) -> str:
        """The state as people are shown it."""
        if self.state == self.State.ACTIVE and self.consent_ends_at <= now + _SOON:
            return EXPIRING
        return str(self.state)
