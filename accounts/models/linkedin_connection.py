"""LinkedIn ads consents and their tokens, encrypted at rest.

A connection is *living* while syncs can use it: it is active, and its access token is valid or can be renewed.
`LinkedInConnectionQuerySet.living` and `LinkedInConnection.is_living` are the one definition, for rows and for one
row; a test holds them together. Scopes are not part of it: a consent that lacks one still reads what it may.
"""

from datetime import datetime, timedelta
from math import ceil
from typing import Final, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Greatest

from accounts.consents.encryption import EncryptedTextField

# `LinkedInConnection.consent_ends_at`, to filter and sort by.
CONSENT_END: Final = Greatest("access_token_expires_at", "refresh_token_expires_at")

# Shown in place of `active` while the consent as a whole ends soon; never stored.
EXPIRING = "expiring"
_SOON = timedelta(days=60)
_DAY = timedelta(days=1)


class LinkedInConnectionQuerySet(models.QuerySet["LinkedInConnection"]):
    def living(self, *, now: datetime) -> Self:
        """The connections that syncs can use."""
        return self.alias(consent_end=CONSENT_END).filter(state=LinkedInConnection.State.ACTIVE, consent_end__gt=now)

    def without_tokens(self) -> Self:
        """Reads no token: a row whose tokens no key opens any more can still be listed, marked and replaced."""
        return self.defer("access_token", "refresh_token")


class LinkedInConnection(models.Model):
    """One person's consent that lets us read ads.

    `accounts/consents/connections.py` writes it, and `accounts/consents/tokens.py` its renewed tokens.

    State: `active` → `needs_consent` when LinkedIn refuses its tokens → `active` after a new consent;
    `revoked` when a person ends it here, which deletes both tokens. People see `expiring` in the last
    60 days of an active one, and `needs_consent` as soon as its tokens have expired.
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

    objects = LinkedInConnectionQuerySet.as_manager()

    class Meta:
        db_table = "linkedin_connections"
        verbose_name = "LinkedIn connection"
        constraints = [
            # So the two ends alone say how long a consent lasts, and no token has to be decrypted to know it.
            models.CheckConstraint(
                condition=Q(refresh_token=None, refresh_token_expires_at=None)
                | Q(refresh_token__isnull=False, refresh_token_expires_at__isnull=False),
                name="a_refresh_token_and_its_end_come_together",
            ),
        ]

    def __str__(self) -> str:
        return f"LinkedIn connection {self.pk} of {self.person}"

    @property
    def person(self) -> str:
        """Whose consent it is, in a sentence; nobody's if it was given in a terminal or its person was removed."""
        return str(self.user or "no user (connected from the terminal, or since removed)")

    @property
    def consent_ends_at(self) -> datetime:
        """When the access can no longer be renewed; without a refresh token, when the access token expires."""
        return max(self.access_token_expires_at, self.refresh_token_expires_at or self.access_token_expires_at)

    def is_living(self, now: datetime) -> bool:
        """Whether syncs can use it."""
        return self.state == self.State.ACTIVE and self.consent_ends_at > now

    def days_left(self, now: datetime) -> int:
        """Days until the consent ends, counting a day that has started; 0 unless it is living."""
        return ceil((self.consent_ends_at - now) / _DAY) if self.is_living(now) else 0

    def state_at(self, now: datetime) -> str:
        """The state people see."""
        if self.state != self.State.ACTIVE:
            return str(self.state)
        if not self.is_living(now):
            return str(self.State.NEEDS_CONSENT)
        return EXPIRING if self.consent_ends_at <= now + _SOON else str(self.State.ACTIVE)
