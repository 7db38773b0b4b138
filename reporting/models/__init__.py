"""One file per table; listing this folder lists the tables."""

from reporting.models.change_feed import ChangeFeed
from reporting.models.check_request import CheckRequest
from reporting.models.check_run import CheckRun
from reporting.models.check_thresholds import CheckThresholds
from reporting.models.deleted_row import DeletedRow
from reporting.models.export import Export
from reporting.models.finding import Finding
from reporting.models.reporting_role import ReportingRole
from reporting.models.snapshot import Snapshot

__all__ = [
    "ChangeFeed",
    "CheckRequest",
    "CheckRun",
    "CheckThresholds",
    "DeletedRow",
    "Export",
    "Finding",
    "ReportingRole",
    "Snapshot",
]
