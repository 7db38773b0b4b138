"""Grants: which viewer may see which ad account."""

from django.conf import settings
from django.db import models


class AdAccountAccess(models.Model):
    """One ad account granted to one viewer."""

    personal_data: frozenset[str] = frozenset()

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="ad_account_access")
    ad_account = models.ForeignKey("accounts.AdAccount", models.CASCADE, related_name="access", db_index=True)
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    granted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "ad_account_access"
        verbose_name = "ad account grant"
        constraints = [
            models.UniqueConstraint(fields=["user", "ad_account"], name="an_ad_account_is_granted_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} may see {self.ad_account}"
