"""When each ad account was last checked, and what its rules could not check."""

from django.db import models


class CheckRun(models.Model):
    """The last check of one ad account; `reporting/checks/findings.py` is the only writer. No row: not checked yet.

    The table and its columns keep their first names, as the API's keys do.
    """

    personal_data: frozenset[str] = frozenset()

    ad_account = models.OneToOneField(
        "accounts.AdAccount", models.CASCADE, primary_key=True, related_name="check_run", db_column="ad_account_id"
    )
    as_of = models.DateTimeField(help_text="start of the sync whose data was checked")
    judged_at = models.DateTimeField(help_text="when it was checked")
    campaigns = models.IntegerField(default=0, help_text="active campaigns that were checked")
    found = models.IntegerField(default=0, help_text="findings of this check, in any state")
    unjudged = models.JSONField(
        default=list, help_text="what was not checked: rule, reason and number of campaigns or creatives"
    )

    class Meta:
        db_table = "audits"

    def __str__(self) -> str:
        return f"Check of ad account {self.ad_account_id} as of {self.as_of:%Y-%m-%d %H:%M} UTC"
