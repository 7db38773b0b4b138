"""How soon something needs attention; shared by findings and the overview."""

from enum import StrEnum


class Severity(StrEnum):
    """Most severe first."""

    CRITICAL = "critical"
    WARNING = "warning"
    NOTICE = "notice"

    @property
    def rank(self) -> int:
        """0 for the most severe."""
        return list(Severity).index(self)
