"""LinkedIn's Marketing API as typed records: HTTP and JSON, independent of Django, settings and tables."""
