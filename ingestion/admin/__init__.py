"""This room in the admin, one file per subject: LinkedIn's facts read-only, the runs, the timetable."""

from ingestion.admin import entities, figures, row_links, sync_runs, timetable

__all__ = ["entities", "figures", "row_links", "sync_runs", "timetable"]
