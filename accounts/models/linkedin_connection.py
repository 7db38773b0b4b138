"""LinkedIn ads consents and their tokens, encrypted at rest."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.encryption import EncryptedTextField


class LinkedInConnection(models.Model):
    """One person's consent that lets us read ads; `accounts/connections.py` is the only writer.

    State: `active` → `needs_consent` when LinkedIn refuses its tokens → `active` after a new consent;
    `revoked` when a person ends it here.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        NEEDS_CONSENT = "needs_consent", "Needs consent"
        REVOKED = "revoked", "Revoked"

    personal_data = frozenset({"member_urn"})

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="linkedin_connections")
    member_urn = models.TextField(
        null=True, blank=True, help_text="the LinkedIn member who consented, from the roles LinkedIn lists"
    )
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    scopes = ArrayField(models.TextField(), default=list)
    access_token = EncryptedTextField()
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
        return f"LinkedIn connection {self.pk} of {self.user or 'a removed person'}"
