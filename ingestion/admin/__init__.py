"""This room in the admin, one file per subject: LinkedIn's facts read-only, the runs, the timetable."""

from ingestion.admin import entities, figures, sync_runs, timetable

__all__ = ["entities", "figures", "sync_runs", "timetable"]
