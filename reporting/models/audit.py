"""When each ad account was judged last."""

from django.db import models


class Audit(models.Model):
    """The newest audit of one ad account; `reporting/checks/findings.py` is the only writer. No row: not judged yet."""

    personal_data: frozenset[str] = frozenset()

    ad_account = models.OneToOneField(
        "accounts.AdAccount", models.CASCADE, primary_key=True, related_name="audit", db_column="ad_account_id"
    )
    as_of = models.DateTimeField(help_text="when the sync began whose data was judged")
    judged_at = models.DateTimeField()
    campaigns = models.IntegerField(default=0, help_text="active campaigns that were looked at")
    found = models.IntegerField(default=0, help_text="findings of this audit, whatever their state")
    unjudged = models.JSONField(
        default=list, help_text="rule, reason and number of campaigns or creatives that could not be judged"
    )

    class Meta:
        db_table = "audits"

    def __str__(self) -> str:
        return f"Audit of ad account {self.ad_account_id} as of {self.as_of:%Y-%m-%d %H:%M} UTC"
