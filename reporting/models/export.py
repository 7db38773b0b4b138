"""Exports: a list or report of any size as a file that a worker writes."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.files.storage import Storage, storages
from django.db import models
from django.db.models import Q

from ingestion.models import WorkRequest


def export_storage() -> Storage:
    """Called by Django, so that a migration contains no folder of one machine."""
    return storages["exports"]


class Export(WorkRequest):
    """One file, or the request for one; `reporting/exports/export_store.py` is the only writer.

    State: `queued` → `writing` → `written` → `expired`; `failed` and `cancelled` from the first two; back to `queued`
    where a worker stops or dies. A trigger refuses every other step. Deleting the row deletes the file
    (`reporting/receivers.py`).
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        WRITING = "writing", "Being written"
        WRITTEN = "written", "Ready"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        EXPIRED = "expired", "Expired"

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        CSV_GZ = "csv.gz", "CSV, compressed"
        XLSX = "xlsx", "XLSX"
        NDJSON = "ndjson", "NDJSON"
        NDJSON_GZ = "ndjson.gz", "NDJSON, compressed"
        PARQUET = "parquet", "Parquet"

    class Dialect(models.TextChoices):
        EXCEL = "excel", "For Excel, with semicolons"
        EXCEL_COMMA = "excel-comma", "For Excel, with commas"

    RUNNING = State.WRITING
    UNFINISHED = (State.QUEUED, State.WRITING)
    ENDED_AT = "finished_at"
    GIVEN_UP = "Writing it failed {tries} times. Export it again; if that fails too, the log of the worker says why."

    # Filters may name people.
    personal_data = frozenset({"parameters"})

    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", help_text="the person who requested it"
    )
    asked_at = models.DateTimeField(help_text="when it was requested")
    of = models.CharField(max_length=100, help_text="which list or report, such as campaign-metrics")
    parameters = models.JSONField(default=dict, help_text="the filters, by name, each a list of texts")
    file_format = models.CharField(max_length=16, choices=Format)
    dialect = models.CharField(max_length=16, choices=Dialect, default="", help_text="how CSV is spelt; empty: plainly")
    ad_account_ids = ArrayField(
        models.BigIntegerField(),
        null=True,
        help_text="whoever reads the file must see all of these; empty: all there are",
    )
    shows_colleagues = models.BooleanField(
        default=False, help_text="written for somebody who is shown other people, as its reader must be, too"
    )
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    started_at = models.DateTimeField(null=True, help_text="when a worker began to write it")
    finished_at = models.DateTimeField(null=True, help_text="when it was written, failed or was cancelled")
    expires_at = models.DateTimeField(null=True, help_text="when its file is deleted")
    rows = models.BigIntegerField(default=0, help_text="rows written so far")
    rows_expected = models.BigIntegerField(null=True, help_text="rows in all, once they are counted")
    size_bytes = models.BigIntegerField(default=0, help_text="bytes written so far")
    digest = models.CharField(max_length=64, default="", help_text="SHA-256 of the file")
    document = models.FileField(
        storage=export_storage, max_length=255, help_text="name of the file in the storage “exports”"
    )
    headers = models.JSONField(default=dict, help_text="how recent and complete its figures are, as response headers")
    trouble = models.TextField(default="", help_text="why it failed, and what to do")

    class Meta:
        db_table = "exports"
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(state="written", expires_at__isnull=False) & ~Q(document="") & ~Q(digest=""))
                | (~Q(state="written") & Q(document="")),
                name="an_export_has_a_file_while_it_is_written",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "writing"], finished_at__isnull=True)
                | (~Q(state__in=["queued", "writing"]) & Q(finished_at__isnull=False)),
                name="an_export_that_ended_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["writing", "written"]) | Q(started_at__isnull=False),
                name="an_export_that_is_written_was_begun",
            ),
        ]
        indexes = [
            models.Index(fields=["asked_by", "-asked_at"], name="exports_of_a_person"),
            # Those that wait or are being written, which are few.
            models.Index(
                fields=["asked_at"], condition=Q(state__in=["queued", "writing"]), name="exports_that_are_unfinished"
            ),
        ]

    def __str__(self) -> str:
        return f"Export {self.pk} of {self.of} as {self.file_format}"

    @property
    def stored_as(self) -> str:
        """The name in the storage; empty unless it is written."""
        return self.document.name or ""

    @property
    def file_name(self) -> str:
        """The name of the downloaded file."""
        return f"{self.of.replace('/', '-')}-{self.pk}.{self.file_format}"

    @property
    def progress_percent(self) -> int | None:
        """How much of it is written; None where the number of its rows is not known."""
        if self.state == self.State.WRITTEN:
            return 100
        if self.state != self.State.WRITING or not self.rows_expected:
            return None
        # Rows may have come since they were counted, and a spreadsheet is packed after its last row.
        return min(99, self.rows * 100 // self.rows_expected)
