"""What this room announces to the rooms above."""

from django.dispatch import Signal

# Sent after a sync of one ad account was finished and its row in `sync_log` closed, whatever came of it, with
# `ad_account_id`, `run_id` and `status` (a `SyncLog.Status`). Sent robustly: a receiver that fails is logged.
sync_finished = Signal()
