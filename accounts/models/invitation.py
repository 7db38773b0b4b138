"""Invitations: who may join, and in which role."""

from datetime import datetime

from django.conf import settings
from django.db import models

from accounts.people import email_address
from accounts.people.email_address import EmailAddressField
from accounts.roles import Role


class Invitation(models.Model):
    """One person invited by e-mail; `accounts/people/invitations.py` is the only writer.

    State, never stored: `pending` → `accepted` by the person, `revoked` by an owner, or `expired` after a week;
    sending it again makes an expired one pending. Only the SHA-256 digest of the link's token is stored.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        ACCEPTED = "accepted", "Accepted"
        EXPIRED = "expired", "Expired"
        REVOKED = "revoked", "Revoked"

    personal_data = frozenset({"email"})

    email = EmailAddressField("e-mail address")
    role = models.CharField(max_length=16, choices=Role, default=Role.VIEWER)
    ad_accounts = models.ManyToManyField(
        "accounts.AdAccount", blank=True, related_name="+", help_text="what a viewer will see; other roles see all"
    )
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    token_digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token in the link")

    class Meta:
        db_table = "invitations"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email__regex=email_address.CHARACTERS),
                name="an_invited_email_is_in_its_one_form",
            ),
            models.UniqueConstraint(
                fields=["email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="an_address_has_one_open_invitation",
            ),
            models.CheckConstraint(
                condition=models.Q(accepted_at=None) | models.Q(revoked_at=None),
                name="an_accepted_invitation_is_not_revoked",
            ),
        ]

    def __str__(self) -> str:
        return f"Invitation of {self.email}"

    def state_at(self, now: datetime) -> str:
        """The state people see."""
        if self.accepted_at:
            return str(self.State.ACCEPTED)
        if self.revoked_at:
            return str(self.State.REVOKED)
        return str(self.State.PENDING if now < self.expires_at else self.State.EXPIRED)
