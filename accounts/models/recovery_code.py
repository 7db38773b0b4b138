"""Recovery codes: a second step for those who have lost their device."""

from django.conf import settings
from django.db import models


class RecoveryCode(models.Model):
    """One unused code; `accounts/sign_in/second_step/devices.py` is the only writer. A used one is deleted."""

    personal_data: frozenset[str] = frozenset()

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes")
    salt = models.CharField(max_length=32)
    digest = models.CharField(max_length=64, help_text="SHA-256 of salt and code")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "recovery_codes"

    def __str__(self) -> str:
        return f"Recovery code {self.pk}"
