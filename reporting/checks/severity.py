"""How soon somebody should look at something; findings and the overview share the words."""

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
