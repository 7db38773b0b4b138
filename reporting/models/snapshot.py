"""Snapshots: one ad account and a range of days as a JSON document."""

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import Q

from ingestion.models import WorkRequest


def snapshot_storage() -> Storage:
    """Called by Django, so that a migration contains no folder of one machine."""
    return storages["snapshots"]


class Snapshot(WorkRequest):
    """One document, or the request for one; `reporting/snapshots/snapshot_store.py` is the only writer.

    State: [`queued` → `writing` →] `written` | `failed`. Only people's requests are queued here. Deleting the row
    deletes the file (`reporting/receivers.py`).
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        WRITING = "writing", "Being written"
        WRITTEN = "written", "Written"
        FAILED = "failed", "Failed"

    class Trigger(models.TextChoices):
        SYNC = "sync", "After a sync"
        MANUAL = "manual", "By a person"
        COMMAND = "command", "Command line"

    RUNNING = State.WRITING
    UNFINISHED = (State.QUEUED, State.WRITING)
    GIVEN_UP = "Writing it failed {tries} times. Take it again; if that fails too, the log of the worker says why."

    personal_data: frozenset[str] = frozenset()

    ad_account = models.ForeignKey("accounts.AdAccount", models.CASCADE, related_name="snapshots", db_index=False)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    trigger = models.CharField(max_length=16, choices=Trigger)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        help_text="the person who requested it",
    )
    asked_at = models.DateTimeField(help_text="when it was requested, or written after a sync")
    first_day = models.DateField(help_text="first UTC day of its figures")
    last_day = models.DateField(help_text="last UTC day of its figures")
    generated_at = models.DateTimeField(null=True, help_text="when its figures were read")
    data_as_of = models.DateTimeField(null=True, help_text="start of the sync whose figures it holds")
    confirmed_as_of = models.DateTimeField(
        null=True, help_text="start of the last sync that would give the same document"
    )
    sync_run = models.ForeignKey(
        "ingestion.SyncLog",
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="the last sync that stored something",
    )
    schema_version = models.CharField(max_length=16, default="", help_text="version of docs/snapshot.schema.json")
    document = models.FileField(
        storage=snapshot_storage, max_length=255, help_text="name of the file in the storage “snapshots”"
    )
    size_bytes = models.BigIntegerField(default=0)
    digest = models.CharField(
        max_length=64, default="", help_text="SHA-256 of the document, without the time and the sync it was written for"
    )
    dropped = models.JSONField(
        default=list, help_text="what was left out to stay within the size limit: detail, count, sentence"
    )
    trouble = models.TextField(default="", help_text="why it failed, and what to do")

    class Meta:
        db_table = "snapshots"
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(state="written", generated_at__isnull=False) & ~Q(document=""))
                | (~Q(state="written") & Q(document="")),
                name="a_snapshot_has_a_document_once_it_is_written",
            ),
        ]
        indexes = [
            models.Index(fields=["ad_account", "-asked_at"], name="snapshots_of_an_ad_account"),
            # The list of all of them, and what is old enough to go.
            models.Index(fields=["-asked_at"], name="snapshots_by_time"),
        ]

    def __str__(self) -> str:
        return f"Snapshot of ad account {self.ad_account_id}, {self.first_day} to {self.last_day}"

    @property
    def stored_as(self) -> str:
        """The name in the storage; empty until it is written."""
        return self.document.name or ""

    @property
    def file_name(self) -> str:
        """The name of the downloaded file."""
        return f"ad-account-{self.ad_account_id}_{self.stored_as.rpartition('/')[2]}"
