"""Which ad accounts are waiting for a check, are being checked, or could not be checked."""

from django.conf import settings
from django.db import models

from ingestion.models import WorkRequest


class CheckRequest(WorkRequest):
    """The check of one ad account that was requested last; `reporting/checks/check_queue.py` is the only writer.

    State: `queued` → `running` → the row is removed, or `failed` after the last try, until the next request.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        FAILED = "failed", "Failed"

    UNFINISHED = (State.QUEUED, State.RUNNING)
    GIVEN_UP = (
        "The check failed {tries} times and was stopped; its findings are as of the check before. Check now to try"
        " again. If it fails again, the log of the worker says why."
    )

    personal_data: frozenset[str] = frozenset()

    ad_account = models.OneToOneField(
        "accounts.AdAccount", models.CASCADE, primary_key=True, related_name="+", db_column="ad_account_id"
    )
    asked_at = models.DateTimeField(help_text="time of the latest request")
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED, db_default=State.QUEUED)
    trouble = models.TextField(default="", db_default="", help_text="why it failed, and what to do")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="empty after a sync",
    )

    class Meta:
        db_table = "audit_requests"

    def __str__(self) -> str:
        return f"Check of ad account {self.ad_account_id} requested at {self.asked_at:%Y-%m-%d %H:%M} UTC"
