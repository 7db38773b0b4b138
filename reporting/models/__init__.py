"""One file per table; listing this folder lists the tables."""

from reporting.models.audit import Audit
from reporting.models.audit_request import AuditRequest
from reporting.models.audit_thresholds import AuditThresholds
from reporting.models.change_feed import ChangeFeed
from reporting.models.deleted_row import DeletedRow
from reporting.models.finding import Finding
from reporting.models.reporting_role import ReportingRole
from reporting.models.snapshot import Snapshot

__all__ = [
    "Audit",
    "AuditRequest",
    "AuditThresholds",
    "ChangeFeed",
    "DeletedRow",
    "Finding",
    "ReportingRole",
    "Snapshot",
]
