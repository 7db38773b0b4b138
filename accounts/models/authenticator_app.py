"""Authenticator apps: a second step by codes that change every 30 seconds."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.consents.encryption import EncryptedTextField


class AuthenticatorApp(models.Model):
    """One app of one person; `accounts/sign_in/second_step/devices.py` is the only writer.

    State: pending until a first code from it confirms it; a pending one opens nothing. A removed one is deleted.
    """

    personal_data = frozenset({"name", "secret"})

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="authenticator_apps")
    name = models.CharField(max_length=64, help_text="what its person calls it")
    secret = EncryptedTextField(help_text="shared with the app, base32, encrypted")
    last_step = models.BigIntegerField(
        default=-1, help_text="30-second step of the last accepted code; none works twice"
    )
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "authenticator_apps"
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(confirmed_at=None), name="a_person_has_one_pending_authenticator_app"
            ),
        ]

    def __str__(self) -> str:
        return self.name
