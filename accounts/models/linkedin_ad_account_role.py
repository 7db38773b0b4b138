"""Which connection can read which ad account, and in which LinkedIn role."""

from django.db import models


class LinkedInAdAccountRole(models.Model):
    """The role one connection's member holds on one ad account.

    Roles, weakest first: VIEWER, CREATIVE_MANAGER, CAMPAIGN_MANAGER, ACCOUNT_MANAGER, ACCOUNT_BILLING_ADMIN.
    Source: LinkedIn Marketing, "Ad Account Users", 202602.
    """

    personal_data: frozenset[str] = frozenset()

    connection = models.ForeignKey(
        "accounts.LinkedInConnection", models.CASCADE, related_name="ad_account_roles", db_index=False
    )
    ad_account = models.ForeignKey("accounts.AdAccount", models.CASCADE, related_name="linkedin_roles")
    role = models.TextField(null=True, blank=True)
    lost_at = models.DateTimeField(null=True, blank=True, help_text="since when LinkedIn no longer lists the role")

    class Meta:
        db_table = "linkedin_ad_account_roles"
        verbose_name = "LinkedIn role"
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "ad_account"], name="a_connection_has_one_role_per_ad_account"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role or 'unknown role'} on {self.ad_account}"
