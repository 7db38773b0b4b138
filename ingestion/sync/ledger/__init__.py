"""The rows of `sync_log`, which nothing else writes: queued, opened, kept while the run is open, closed, pruned."""
