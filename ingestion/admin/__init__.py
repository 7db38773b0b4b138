"""This room in the admin, one file per subject: LinkedIn's facts read-only, the runs, the timetable."""

from ingestion.admin import ad_account_settings, entities, figures, row_links, sync_runs, timetable

__all__ = ["ad_account_settings", "entities", "figures", "row_links", "sync_runs", "timetable"]
