"""The admin of this room: thresholds of the checks."""

from reporting.admin import row_links, thresholds

__all__ = ["row_links", "thresholds"]
