"""Days whose figures do not add up to LinkedIn's own totals."""

from django.db import models


class IncompleteDay(models.Model):
    """One ad account and day that is not complete; `ingestion/sync/reconciliation.py` is the only writer.

    A day without a row here was checked and is complete, or was not checked yet (see `covered_days`). The current
    day is not checked: it is not over.
    """

    class State(models.TextChoices):
        DIFFERS = "differs", "Differs"
        MISSING = "missing", "Missing"

    personal_data: frozenset[str] = frozenset()

    account = models.ForeignKey("accounts.AdAccount", models.CASCADE, related_name="incomplete_days", db_index=False)
    date = models.DateField(help_text="UTC day")
    state = models.CharField(max_length=16, choices=State)
    differences = models.JSONField(
        help_text="our sum minus LinkedIn's total, by table and metric: {'creative_daily_metrics': {'clicks': -3}}"
    )
    first_seen_at = models.DateTimeField()
    checked_at = models.DateTimeField()
    rechecks = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="how often in a row LinkedIn was asked again and the difference stayed"
    )
    rechecked_at = models.DateTimeField(
        null=True, blank=True, help_text="when LinkedIn was last asked again; the next time after 1, 2, 4 … 30 days"
    )

    class Meta:
        db_table = "incomplete_days"
        verbose_name = "incomplete day"
        ordering = ["-date"]
        constraints = [
            models.UniqueConstraint(fields=["account", "date"], name="a_day_of_an_ad_account_is_judged_once"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} on {self.date}: {self.state}"
