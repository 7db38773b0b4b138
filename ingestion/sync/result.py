"""The result of one sync."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one sync did; `status` is a `SyncLog.Status`; one that was skipped has the reason and no run.

    `notes` say what was left for later without being a failure, a line each.
    """

    ad_account_id: int | None
    status: str
    reason: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    api_calls: int = 0
    seconds: float = 0.0
    error_kind: str | None = None
    run_id: int | None = None
    notes: str = ""
