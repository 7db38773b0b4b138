"""Every sync run, what it did and how it ended."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from ingestion.models._work_request import WorkRequest


class SyncLog(WorkRequest):
    """One run; `ingestion/sync/ledger/` is the only writer.

    Status: [`queued` →] `running` → `success` | `partial` (a step failed, the rest is stored) | `failed` |
    `cancelled`. Only syncs that people request are queued here, until a worker starts them, or skips them because the
    data has become fresh: [`queued` →] `skipped`. Another try of a run is a row of its own, which names the first.
    No ad account means all of them (discovery of the ad accounts of a connection).
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCESS = "success", "Success"
        PARTIAL = "partial", "Partial"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        SKIPPED = "skipped", "Skipped"

    class Trigger(models.TextChoices):
        MANUAL = "manual", "Started manually"
        COMMAND = "command", "Command line"
        SCHEDULE = "schedule", "Schedule"
        DISCOVERY = "discovery", "New connection"
        RETRY = "retry", "Retried manually"

    class ErrorKind(models.TextChoices):
        CONSENT = "consent", "LinkedIn consent"
        ACCESS = "access", "Access at LinkedIn"
        THROTTLED = "throttled", "LinkedIn's limits"
        VERSION = "version", "LinkedIn version"
        NETWORK = "network", "Network"
        DATA = "data", "Data"
        TIMEOUT = "timeout", "Time-out"
        INTERNAL = "internal", "Internal"

    UNFINISHED = (Status.QUEUED, Status.RUNNING)
    STORED_SOMETHING = (Status.SUCCESS, Status.PARTIAL)
    STOPPED = (ErrorKind.TIMEOUT, ErrorKind.INTERNAL)
    # What is not refused: the same request may succeed a little later.
    PASSING_ERRORS = (ErrorKind.NETWORK, ErrorKind.THROTTLED, ErrorKind.TIMEOUT, ErrorKind.INTERNAL)
    # These sent nothing to LinkedIn, so they are nobody's last sync.
    NEVER_RAN = (Status.QUEUED, Status.SKIPPED)
    TRIED_AGAIN = (Status.FAILED, Status.PARTIAL)
    BY_HAND = (Trigger.MANUAL, Trigger.COMMAND, Trigger.RETRY)

    STATE = "status"
    TROUBLE = "errors"
    MAX_TRIES = 7

    personal_data: frozenset[str] = frozenset()

    account = models.ForeignKey(
        "accounts.AdAccount", models.CASCADE, null=True, blank=True, related_name="sync_runs", db_index=False
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="who requested it",
    )
    forced = models.BooleanField(default=False, help_text="requested even if the data was fresh")
    started_at = models.DateTimeField(help_text="when a worker started it; until then, when it was requested")
    finished_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.RUNNING)
    trigger = models.CharField(max_length=16, choices=Trigger, null=True, blank=True)
    campaigns_fetched = models.IntegerField(default=0)
    creatives_fetched = models.IntegerField(default=0)
    api_calls_made = models.IntegerField(default=0, help_text="HTTP requests sent to LinkedIn, retries included")
    api_calls_throttled = models.IntegerField(default=0, help_text="of these, how many LinkedIn answered with 429")
    errors = models.TextField(null=True, blank=True, help_text="what went wrong and what to do, a line each")
    notes = models.TextField(
        null=True, blank=True, help_text="what was left for later, such as names, and why, a line each; no failure"
    )
    reason = models.TextField(default="", db_default="", blank=True, help_text="why it was skipped")
    error_kind = models.CharField(max_length=16, choices=ErrorKind, null=True, blank=True)
    first_day = models.DateField(null=True, blank=True, help_text="first day requested")
    last_day = models.DateField(null=True, blank=True, help_text="last day requested")
    heartbeat_at = models.DateTimeField(
        help_text="last heartbeat of the process that runs it; while queued, when it was requested"
    )
    cancel_asked_at = models.DateTimeField(null=True, blank=True, help_text="when someone cancelled it")
    rows_stored = models.IntegerField(default=0, help_text="records received, valid and now in the tables")
    rows_rejected = models.IntegerField(default=0, help_text="records received and rejected")
    progress = models.JSONField(default=dict, help_text="step, calls done and expected, rows, share done")
    continues = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="the run whose work this one tries again or continues",
    )

    class Meta:
        db_table = "sync_log"
        verbose_name = "sync run"
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(status="running"),
                name="an_ad_account_has_one_running_sync",
            ),
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(status="queued"),
                name="an_ad_account_has_one_queued_sync",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running"], finished_at=None)
                | (~Q(status__in=["queued", "running"]) & Q(finished_at__isnull=False)),
                name="a_sync_is_finished_unless_it_waits_or_runs",
            ),
        ]
        indexes = [
            # The gate and every "last sync" read the newest run of one ad account.
            models.Index(fields=["account", "-started_at"], name="runs_of_an_ad_account"),
            models.Index(fields=["-started_at"], name="runs_by_start"),
            # Removing a run looks for those that continue it.
            models.Index(fields=["continues"], condition=Q(continues__isnull=False), name="runs_that_continue_another"),
            models.Index(fields=["resend_at"], condition=Q(resend_at__isnull=False), name="syncs_to_send_again"),
            # "Data as of" of an ad account whose syncs have failed for weeks.
            models.Index(
                fields=["account", "-started_at"], condition=Q(status="success"), name="successes_of_an_ad_account"
            ),
        ]

    @property
    def was_taken(self) -> bool:
        """Whether a worker took it from a message, so that its request can be sent again."""
        return self.delivery > 1

    def __str__(self) -> str:
        return f"{self.account_id or 'all'}, {self.started_at:%Y-%m-%d %H:%M} UTC, {self.status}"
