"""The REST API under /api/v1/: LinkedIn's facts and reports to read, syncs to start."""
