"""LinkedIn's Marketing API as typed records: HTTP and JSON; it knows no Django, no setting and no table."""
