"""Every sync run, what it did and how it ended."""

from django.db import models
from django.db.models import Q


class SyncLog(models.Model):
    """One run; `ingestion/sync.py` and `ingestion/discovery.py` write it.

    Status: `running` → `success` | `partial` (a step failed, the rest is stored) | `failed`.
    No ad account means all of them (discovery of the ad accounts of a connection).
    """

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        SUCCESS = "success", "Success"
        PARTIAL = "partial", "Partial"
        FAILED = "failed", "Failed"

    class Trigger(models.TextChoices):
        MANUAL = "manual", "Started by a person"
        COMMAND = "command", "Command line"
        SCHEDULE = "schedule", "Schedule"
        DISCOVERY = "discovery", "New connection"

    class ErrorKind(models.TextChoices):
        CONSENT = "consent", "LinkedIn consent"
        ACCESS = "access", "Access at LinkedIn"
        THROTTLED = "throttled", "LinkedIn's limits"
        VERSION = "version", "LinkedIn version"
        NETWORK = "network", "Network"
        DATA = "data", "Data"
        TIMEOUT = "timeout", "Time-out"
        INTERNAL = "internal", "Internal"

    personal_data: frozenset[str] = frozenset()

    account = models.ForeignKey(
        "accounts.AdAccount", models.CASCADE, null=True, blank=True, related_name="sync_runs", db_index=False
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.RUNNING)
    trigger = models.CharField(max_length=16, choices=Trigger, null=True, blank=True)
    campaigns_fetched = models.IntegerField(default=0)
    creatives_fetched = models.IntegerField(default=0)
    api_calls_made = models.IntegerField(default=0, help_text="HTTP requests sent to LinkedIn, retries included")
    errors = models.TextField(null=True, blank=True, help_text="what went wrong and what to do, a line each")
    error_kind = models.CharField(max_length=16, choices=ErrorKind, null=True, blank=True)
    first_day = models.DateField(null=True, blank=True, help_text="first day asked for")
    last_day = models.DateField(null=True, blank=True, help_text="last day asked for")
    heartbeat_at = models.DateTimeField(help_text="last sign of life of the process that runs it")
    rows_stored = models.IntegerField(default=0, help_text="records received, valid and now in the tables")
    rows_rejected = models.IntegerField(default=0, help_text="records received and set aside")
    progress = models.JSONField(default=dict, help_text="step, calls done and expected, rows, share done")

    answered = models.JSONField(
        default=dict, help_text="days and pivots answered so far, by table; the next run goes on from there"
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
            models.CheckConstraint(
                condition=Q(status="running", finished_at=None) | (~Q(status="running") & Q(finished_at__isnull=False)),
                name="a_sync_is_finished_unless_it_runs",
            ),
        ]
        indexes = [
            # The gate and every "last sync" ask for the newest run of one ad account.
            models.Index(fields=["account", "-started_at"], name="runs_of_an_ad_account"),
            models.Index(fields=["-started_at"], name="runs_by_start"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id or 'all'}, {self.started_at:%Y-%m-%d %H:%M} UTC, {self.status}"
