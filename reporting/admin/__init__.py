"""The admin of this room: thresholds of the audit."""

from reporting.admin import thresholds

__all__ = ["thresholds"]
