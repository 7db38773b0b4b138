"""Snapshots: what is known of one ad account and some days as one JSON document that explains itself."""
