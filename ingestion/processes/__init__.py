"""Worker, beat and local stack: heartbeats and graceful shutdown."""
